//! Strikes secrets out of what goes into a bundle. None should be in it: this is the second lock on the door.

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

/// Shorter texts are words that stand everywhere.
const SHORTEST: usize = 6;

/// Secrets that are known, in the forms they may be written in.
#[derive(Default)]
pub(in crate::broadcast) struct Scrub(Vec<String>);

impl Scrub {
    /// Adds a secret, and the longer values of its query and path where it is an address.
    pub(in crate::broadcast) fn add(&mut self, secret: &str) {
        for text in [secret.to_owned(), utf8_percent_encode(secret, NON_ALPHANUMERIC).to_string()] {
            if text.len() >= SHORTEST && !self.0.contains(&text) {
                self.0.push(text);
            }
        }
        // Longest first, so that nothing of a longer one is left over.
        self.0.sort_by_key(|text| std::cmp::Reverse(text.len()));
    }

    /// What in an address may be secret: its query, its user and password, and the last part of its path.
    pub(in crate::broadcast) fn add_address(&mut self, address: &str) {
        let (plain, query) = address.split_once('?').unwrap_or((address, ""));
        for pair in query.split('&') {
            self.add(pair.split_once('=').map_or(pair, |(_, value)| value));
        }
        let rest = plain.split_once("://").map_or(plain, |(_, rest)| rest);
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        if let Some((user, _)) = authority.rsplit_once('@') {
            user.split(':').for_each(|part| self.add(part));
        }
        if path.contains('/') {
            self.add(path.rsplit('/').next().unwrap_or_default());
        }
    }

    /// The text without them.
    pub(in crate::broadcast) fn clean(&self, text: String) -> String {
        self.0.iter().fold(text, |text, secret| if text.contains(secret.as_str()) { text.replace(secret.as_str(), "…") } else { text })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_go_in_every_form_and_words_stay() {
        let mut scrub = Scrub::default();
        scrub.add("k+y/12");
        scrub.add("live");
        scrub.add_address("rtmp://otto:pass-word@host/app/stream-key?token=abc-def&x=1");
        let text = "live k+y/12 k%2By%2F12 rtmp://otto:pass-word@host/app/stream-key?token=abc-def";
        assert_eq!(scrub.clean(text.into()), "live … … rtmp://otto:…@host/app/…?token=…");
    }
}
