//! What letters say.

use super::language::Language;

/// The letter with a link for a new password: its subject and its text.
pub fn reset(language: Language, name: &str, link: &str) -> (String, String) {
    let text = language.message("mail.reset_text").replace("{name}", name).replace("{link}", link);
    (language.message("mail.reset_subject").to_owned(), text)
}
