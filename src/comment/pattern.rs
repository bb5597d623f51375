//! What is looked for in comments: links, and the words that a room holds back. Pure.

use std::sync::LazyLock;

use regex::{Regex, RegexBuilder, RegexSet, RegexSetBuilder};

const PATTERNS: usize = 100;
const CHARACTERS: usize = 200;
/// The most memory that the compiled patterns of a thread may take, in bytes. Matching takes time in proportion to the text, whatever they are.
const COMPILED_BYTES: usize = 1 << 20;

/// An address with its scheme, one that begins with `www.`, or a host under a common ending.
#[expect(clippy::expect_used, reason = "a constant expression; a test compiles it")]
static LINK: LazyLock<Regex> = LazyLock::new(|| {
    let text = r"[a-z][a-z0-9+.-]{1,20}://\S|\bwww\.[^\s.]|\b[a-z0-9-]{1,63}\.(?:com|org|net|info|biz|edu|gov|io|co|in|de|eu|uk|us|ru|cn|xyz|top|app|dev|me|tv|ly|link|site|online|club|shop|live)(?:[^\w-]|$)";
    RegexBuilder::new(text).case_insensitive(true).build().expect("a sound expression")
});

/// Whether a text holds a link.
pub(super) fn has_link(text: &str) -> bool {
    LINK.is_match(text)
}

/// Words and expressions, ready to be looked for.
#[derive(Clone, Debug, Default)]
pub(super) struct Patterns(RegexSet);

impl Patterns {
    /// Compiles them: what stands between slashes is an expression, anything else words as they stand, whole and whatever their case.
    ///
    /// # Errors
    /// A sentence about what is wrong.
    pub(super) fn new(words: &[String]) -> Result<Self, String> {
        if words.len() > PATTERNS {
            return Err(format!("At most {PATTERNS} words or expressions can be looked for."));
        }
        let mut expressions = Vec::with_capacity(words.len());
        for word in words {
            let trimmed = word.trim();
            if trimmed.is_empty() || trimmed.chars().count() > CHARACTERS || trimmed.chars().any(char::is_control) {
                return Err(format!("Words and expressions have 1 to {CHARACTERS} characters."));
            }
            let expression = match trimmed.strip_prefix('/').and_then(|rest| rest.strip_suffix('/')) {
                Some(expression) if !expression.is_empty() => expression.to_owned(),
                _ => whole(trimmed),
            };
            one(&expression).map_err(|_| format!("`{trimmed}` is no expression that can be looked for."))?;
            expressions.push(expression);
        }
        let set = RegexSetBuilder::new(&expressions).case_insensitive(true).size_limit(COMPILED_BYTES).build();
        set.map(Self).map_err(|_| "All these expressions together are too large.".to_owned())
    }

    /// Whether one of them is in a text.
    pub(super) fn found_in(&self, text: &str) -> bool {
        self.0.is_match(text)
    }
}

fn one(expression: &str) -> Result<Regex, regex::Error> {
    RegexBuilder::new(expression).case_insensitive(true).size_limit(COMPILED_BYTES).build()
}

/// Words as they stand, where no letter touches them; beside a sign that is no letter there is nothing to touch.
fn whole(words: &str) -> String {
    let is_letter = |letter: Option<char>| letter.is_some_and(char::is_alphanumeric);
    let begin = if is_letter(words.chars().next()) { r"\b" } else { "" };
    let end = if is_letter(words.chars().last()) { r"\b" } else { "" };
    format!("{begin}{}{end}", regex::escape(words))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn patterns(words: &[&str]) -> Result<Patterns, String> {
        Patterns::new(&words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn links_are_found_and_sentences_are_not_links() {
        for link in [
            "https://example.org",
            "see HTTP://X",
            "www.example.org",
            "go to example.com/now",
            "example.co.in",
            "t.me",
            "buy at shop.xyz now",
            "ftp://x",
            "(example.org)",
            "example.org.",
        ] {
            assert!(has_link(link), "{link}");
        }
        for none in ["", "e.g. this", "Really.No", "1.5 and 2.50", "www", "a://", "What? .org", "end.of", "see p. 12", "व्हाट. इन"]
        {
            assert!(!has_link(none), "{none}");
        }
    }

    #[test]
    fn words_are_whole_and_expressions_are_expressions() {
        let found = patterns(&["ass", "two words", "/b[ae]d+/", "c++", "गाली"]).unwrap();
        for text in ["you ASS!", "say Two Words now", "so baddd", "I like C++.", "यह गाली है"] {
            assert!(found.found_in(text), "{text}");
        }
        for text in ["a class", "two  words", "c+", "bid", ""] {
            assert!(!found.found_in(text), "{text}");
        }
        assert!(!patterns(&[]).unwrap().found_in("anything"));
    }

    #[test]
    fn what_would_cost_too_much_is_refused() {
        for wrong in [&["/(/"][..], &[""], &["  "], &["a\nb"], &["/x{1000}{1000}/"], &[&"x".repeat(201)], &["/(?=x)/"]] {
            assert!(patterns(wrong).is_err(), "{wrong:?}");
        }
        assert!(patterns(&vec!["x"; 101]).is_err());
        assert!(patterns(&vec![r"/\w{200}/"; 100]).is_err());
        // Nested repetition is no trap: time grows with the text alone.
        let began = std::time::Instant::now();
        assert!(!patterns(&["/(a+)+$/x/", "/(a*)*b/"]).unwrap().found_in(&"a".repeat(4000)));
        assert!(began.elapsed().as_secs() < 20);
    }
}
