//! What people type, made fit to be shown. Pure.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// Combining marks that may follow one another. Devanagari needs four (nukta, vowel sign, candrabindu, accent); zalgo wants dozens.
const MARKS: usize = 4;
/// Line breaks that may follow one another.
const BREAKS: usize = 2;
/// Longest name, in characters.
pub(super) const NAME_CHARACTERS: usize = 60;

/// Characters that turn the direction of what follows, of a whole page if they are let: embeddings, overrides, isolates.
fn turns_direction(letter: char) -> bool {
    matches!(letter, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{206a}'..='\u{206f}')
}

/// Characters that show nothing by themselves. Joiners are in it: Indic scripts and emoji need them, beside others.
fn is_blank(letter: char) -> bool {
    letter.is_whitespace()
        || letter.is_control()
        || turns_direction(letter)
        || matches!(letter,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}' | '\u{2060}'..='\u{2064}' | '\u{2800}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}'
            | '\u{ffa0}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
}

/// A comment's text as it is kept: composed (NFC), without control characters and turns of direction, with marks and line breaks in bounds.
/// Empty where nothing of it would be seen.
pub(super) fn comment(text: &str) -> String {
    let fit = text.replace("\r\n", "\n").replace(['\r', '\u{85}', '\u{2028}', '\u{2029}'], "\n").replace('\t', " ");
    let is_fit = |letter: &char| (*letter == '\n' || !letter.is_control()) && !turns_direction(*letter);
    let (mut marks, mut breaks) = (0, 0);
    let mut clean = String::with_capacity(fit.len());
    for letter in fit.chars().filter(is_fit).nfc() {
        marks = if is_combining_mark(letter) { marks + 1 } else { 0 };
        breaks = match letter {
            '\n' => breaks + 1,
            letter if letter.is_whitespace() => breaks,
            _ => 0,
        };
        if marks <= MARKS && breaks <= BREAKS {
            clean.push(letter);
        }
    }
    if clean.chars().all(|letter| is_blank(letter) || is_combining_mark(letter)) { String::new() } else { clean.trim().to_owned() }
}

/// A name as it is kept: composed, blanks in a row as one; `None` for what is no name: empty, too long, on several lines, with control
/// characters, turns of direction or heaps of marks.
pub(super) fn name(text: &str) -> Option<String> {
    let composed: String = text.trim().nfc().collect();
    let name = composed.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut marks = 0;
    let heaped = name.chars().any(|letter| {
        marks = if is_combining_mark(letter) { marks + 1 } else { 0 };
        marks > MARKS
    });
    let is_odd = composed.chars().any(|letter| letter.is_control() || turns_direction(letter) || matches!(letter, '\u{2028}' | '\u{2029}'));
    let is_seen = name.chars().any(|letter| !is_blank(letter) && !is_combining_mark(letter));
    (is_seen && !is_odd && !heaped && name.chars().count() <= NAME_CHARACTERS).then_some(name)
}

/// The beginning of a text, for a quotation: at most so many characters.
pub(super) fn beginning(text: &str, characters: usize) -> String {
    match text.char_indices().nth(characters) {
        Some((end, _)) => format!("{}…", text[..end].trim_end()),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn scripts_and_emoji_stay_as_they_are() {
        for text in ["Grüße 😀", "नमस्ते, क्ष्म्य ज़िंदगी", "שלום", "👩‍👩‍👧‍👦 👍🏽 🏴󠁧󠁢󠁥󠁮󠁧󠁿", "<b>not bold</b>", "a\n\nb", "สวัสดีครับ", "اَلسَّلَامُ عَلَيْكُمْ"]
        {
            assert_eq!(comment(text), text.nfc().collect::<String>());
        }
        assert_eq!(comment("  a\r\nb\tc\u{2028}d  "), "a\nb c\nd");
    }

    #[test]
    fn what_spoils_the_page_goes() {
        let zalgo = format!("Z{}a{}", "\u{335}\u{321}\u{341}".repeat(30), "\u{353}".repeat(50));
        let tamed = comment(&zalgo);
        assert!(tamed.chars().count() <= 2 + 2 * MARKS && tamed.starts_with('Ź') && tamed.contains('a'), "{tamed}");
        assert_eq!(comment("abc\u{202e}fdp.exe\u{2066}"), "abcfdp.exe");
        assert_eq!(comment("a\u{7}\u{1b}[31mb\u{0}"), "a[31mb");
        assert_eq!(comment("a\n\n \n\n\n\nb"), "a\n\n b");
        for nothing in ["", "  \n ", "\u{200b}\u{200d}", "\u{3164}\u{2800}", "\u{301}\u{301}", "\u{feff}", "\u{202e}"] {
            assert_eq!(comment(nothing), "", "{nothing:?}");
        }
    }

    #[test]
    fn names_are_names() {
        assert_eq!(name("  Anna   Müller ").as_deref(), Some("Anna Müller"));
        assert_eq!(name("श्रीमती कामथ").as_deref(), Some("श्रीमती कामथ"));
        assert_eq!(name("=cmd|' /C calc'!A0").as_deref(), Some("=cmd|' /C calc'!A0"));
        for wrong in
            ["", "  ", "a\nb", "a\u{202e}b", "\u{200b}", "a\u{0}b", &"x".repeat(61), &format!("a{}", "\u{335}".repeat(5)), "a\u{2028}b"]
        {
            assert_eq!(name(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn quotations_are_short() {
        assert_eq!(beginning("äöü", 3), "äöü");
        assert_eq!(beginning("äö ü", 3), "äö…");
    }

    proptest! {
        #[test]
        fn cleaning_twice_is_cleaning_once(text in "\\PC{0,80}|[\\x00-\\x20a\u{301}\u{202e}\u{200b}\r\n]{0,80}") {
            let once = comment(&text);
            prop_assert_eq!(comment(&once), once.clone());
            prop_assert!(once.chars().all(|letter| letter == '\n' || !letter.is_control()));
            prop_assert!(!once.chars().any(turns_direction));
            if let Some(once) = name(&text) {
                prop_assert_eq!(name(&once), Some(once.clone()));
            }
        }
    }
}
