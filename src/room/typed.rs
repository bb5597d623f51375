//! What people type, made fit to stand among other people's text: nothing that turns the writing around it, hides, or piles up.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

use crate::http::{Answer, Problem, check};

/// Marks on one letter. Devanagari and pointed Hebrew need four; beyond that they cover the lines around it.
const MARKS: usize = 4;

/// Whether a character changes the direction of what follows, or cannot be seen at all. Joiners are needed in many scripts and in emoji.
fn is_hidden(letter: char) -> bool {
    matches!(letter, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}' | '\u{61c}' | '\u{200b}' | '\u{2060}'..='\u{2064}'
        | '\u{206a}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{ad}' | '\u{115f}' | '\u{1160}' | '\u{3164}' | '\u{ffa0}' | '\u{e0001}')
}

/// Text as it is meant: composed, without what hides or turns, and with no more marks on a letter than writing needs.
pub fn tidy(text: &str) -> String {
    let mut marks = 0;
    let seen = text.chars().filter(|letter| !is_hidden(*letter)).nfc();
    let kept = seen.filter(|letter| {
        marks = match letter {
            // Joiners stand between letters and must not let the count begin anew.
            '\u{200c}' | '\u{200d}' => marks,
            letter if is_combining_mark(*letter) => marks + 1,
            _ => 0,
        };
        marks <= MARKS
    });
    kept.collect()
}

/// A tidy line on which every run of blanks is one blank.
pub fn one_line(text: &str) -> String {
    tidy(text).split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A title or a label of an organiser: one line of 1 to `characters`, tidied.
pub(super) fn line(field: &str, text: &str, characters: usize) -> Answer<String> {
    let tidied = check::line(field, &tidy(text), characters)?;
    if tidied.chars().any(|letter| !letter.is_whitespace() && letter != '\u{200d}' && letter != '\u{200c}' && !is_combining_mark(letter)) {
        Ok(tidied)
    } else {
        Err(Problem::invalid(field, format!("`{field}` must be one line of 1 to {characters} characters that can be seen.")))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn writing_of_the_world_stays() {
        for text in ["Grüße 😀", "श्रीमती क्ष्मा", "שָׁלוֹם", "Nguyễn", "👩‍👩‍👧‍👦", "می‌خواهم", "ক্ষুদ্র"]
        {
            assert_eq!(tidy(text), text.nfc().collect::<String>(), "{text}");
        }
        assert_eq!(tidy("e\u{301}"), "é");
    }

    #[test]
    fn what_turns_hides_or_piles_up_goes() {
        assert_eq!(tidy("a\u{202e}gpj.exe"), "agpj.exe");
        assert_eq!(tidy("\u{2066}a\u{2069}\u{200b}b\u{feff}"), "ab");
        let zalgo = format!("z{}a", "\u{335}\u{200d}\u{489}\u{31b}".repeat(40));
        let marks = tidy(&zalgo).chars().filter(|letter| is_combining_mark(*letter)).count();
        assert!(marks <= MARKS, "{marks}");
        assert_eq!(one_line("  a \u{200f}\t b\n"), "a b");
        for nothing in ["\u{3164}", "\u{200d}\u{200d}", "\u{202e} ", "\u{301}"] {
            assert!(line("title", nothing, 100).is_err(), "{nothing:?}");
        }
        assert_eq!(line("title", " Hall\u{202e} ", 100).unwrap(), "Hall");
    }

    proptest! {
        #[test]
        fn tidy_text_is_tidy(text in "\\PC{0,60}") {
            let once = tidy(&text);
            prop_assert_eq!(tidy(&once), once.clone());
            prop_assert!(!once.chars().any(is_hidden));
        }
    }
}
