//! Which passwords somebody may choose for an account. Pure.
//!
//! The rules are Django's four (length, likeness to the person's own name, common ones, digits alone), with the estimate of zxcvbn in place
//! of a list of common passwords: it knows such a list, and the ways in which people change its words.

use zxcvbn::Score;

use super::password;
use crate::secret::Secret;

/// From this share of common letters on a password is like a name, as in Django's rule.
const ALIKE: f64 = 0.7;
/// Characters that the estimate looks at; it takes longer than linear time.
const ESTIMATED_CHARACTERS: usize = 100;

/// What is wrong with a password for an account; `about` are the person's name and mail address.
pub fn objection(password: &Secret, about: &[&str]) -> Option<String> {
    let text = password.reveal();
    if let Some(objection) = password::objection(password) {
        return Some(objection);
    }
    if text.chars().all(char::is_numeric) {
        return Some("The password must not be digits alone.".to_owned());
    }
    if about.iter().any(|about| is_like(text, about)) {
        return Some("The password is too much like the user's name or mail address.".to_owned());
    }
    let head: String = text.chars().take(ESTIMATED_CHARACTERS).collect();
    // Two: more than a million guesses, if the guesser knows the person and how people choose passwords.
    if zxcvbn::zxcvbn(&head, about).score() < Score::Two {
        return Some("The password is too easy to guess: it is common, or little more than a common one.".to_owned());
    }
    None
}

/// Whether a password is like a text or one of its words.
fn is_like(password: &str, about: &str) -> bool {
    let (password, about) = (password.to_lowercase(), about.to_lowercase());
    let words = about.split(|letter: char| !letter.is_alphanumeric() && letter != '_');
    words.chain([about.as_str()]).filter(|word| !word.is_empty()).any(|word| share(&password, word) >= ALIKE)
}

/// How many of the letters of both are in both, whatever their order, from 0 to 1: `quick_ratio` of Python's `SequenceMatcher`.
#[expect(clippy::cast_precision_loss, reason = "texts of less than 2^52 letters")]
fn share(one: &str, other: &str) -> f64 {
    let mut left: Vec<char> = other.chars().collect();
    let (one_count, other_count) = (one.chars().count(), left.len());
    let mut both = 0;
    for letter in one.chars() {
        if let Some(index) = left.iter().position(|candidate| *candidate == letter) {
            left.swap_remove(index);
            both += 1;
        }
    }
    2.0 * f64::from(both) / (one_count + other_count).max(1) as f64
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn refused(password: &str) -> Option<String> {
        objection(&Secret::new(password), &["hannah.schmidt", "h.schmidt@example.org"])
    }

    #[test]
    fn each_of_the_four_rules_refuses() {
        for (password, word) in [
            ("k7#pQz1", "at least 8"),
            ("8027364915028374", "digits alone"),
            ("hannahschmidt", "too much like"),
            ("Schmidt1", "too much like"),
            ("tdimhcs9", "too much like"),
            ("example1", "too much like"),
            ("password", "easy to guess"),
            ("P@ssw0rd", "easy to guess"),
            ("letmein1", "easy to guess"),
            ("qwertyuiop", "easy to guess"),
            ("aaaaaaaaaaaa", "easy to guess"),
            ("abcdefgh1", "easy to guess"),
        ] {
            let objection = refused(password).unwrap_or_default();
            assert!(objection.contains(word), "{password}: {objection:?}");
        }
        assert!(refused(&"x9".repeat(600)).is_some_and(|objection| objection.contains("at most")));
    }

    #[test]
    fn good_ones_pass() {
        for password in ["correct horse battery", "kV9-tulip-otter", "пчёлы летят на юг", "घोड़ा-बैटरी-सही-४२", "zebra stapler 42"]
        {
            assert_eq!(refused(password), None, "{password}");
        }
        assert_eq!(objection(&password::generate(), &["admin"]), None);
    }

    proptest! {
        #[test]
        fn likeness_is_a_share_and_whole_for_the_same(one in "\\PC{1,20}", other in "\\PC{1,20}") {
            let found = share(&one, &other);
            prop_assert!((0.0..=1.0).contains(&found));
            prop_assert!((share(&one, &one) - 1.0).abs() < 1e-9);
            prop_assert!((found - share(&other, &one)).abs() < 1e-9);
        }

        #[test]
        fn no_text_makes_it_fall_over(password in "\\PC{0,300}", about in "\\PC{0,80}") {
            let _ = objection(&Secret::new(password), &[&about]);
        }
    }
}
