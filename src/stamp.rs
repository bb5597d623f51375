//! Short texts that only this installation can have written: some bytes and a stamp over them, in base64url.
//!
//! Tokens and cookies are made of these. The stamp is HMAC-SHA256 under a key derived for one purpose, so that any node reads what another
//! wrote, and nothing written for one purpose is taken for another.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::store::vault::Vault;

const STAMP_BYTES: usize = 32;

/// Writes and reads stamped texts of one purpose.
#[derive(Clone)]
pub struct Stamp {
    mac: Hmac<Sha256>,
}

impl Stamp {
    /// For a purpose, named like nothing else; another form of the content is another purpose.
    #[expect(clippy::expect_used, reason = "HMAC takes keys of any length")]
    pub fn new(vault: &Vault, purpose: &'static str) -> Self {
        Self { mac: Hmac::new_from_slice(&vault.derive(purpose)).expect("a key") }
    }

    /// The text: letters, digits, `-` and `_`.
    pub fn write(&self, content: &[u8]) -> String {
        let stamp = self.mac.clone().chain_update(content).finalize().into_bytes();
        URL_SAFE_NO_PAD.encode([content, &stamp].concat())
    }

    /// The content, if the text is `N` bytes that were stamped here; compared in constant time.
    pub fn read<const N: usize>(&self, text: &str) -> Option<[u8; N]> {
        // Four characters hold three bytes; what is longer than it can be is not even decoded.
        if text.len() != ((N + STAMP_BYTES) * 4).div_ceil(3) {
            return None;
        }
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        let (content, stamp) = bytes.split_first_chunk::<N>()?;
        self.mac.clone().chain_update(content).verify_slice(stamp).ok()?;
        Some(*content)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::config::SecretKey;

    fn stamp(key: u8, purpose: &'static str) -> Stamp {
        Stamp::new(&Vault::new(&SecretKey::new([key; 32])), purpose)
    }

    proptest! {
        #[test]
        fn what_was_written_is_read_and_nothing_else(content in any::<[u8; 24]>(), at in 0..75usize, by in 1..64u8) {
            let stamp = stamp(1, "test");
            let text = stamp.write(&content);
            prop_assert_eq!(stamp.read::<24>(&text), Some(content));
            prop_assert!(text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_'));
            // Another letter anywhere is another text.
            let letters = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
            let mut changed = text.clone().into_bytes();
            let at = at % changed.len();
            let old = letters.iter().position(|letter| *letter == changed[at]).unwrap();
            changed[at] = letters[(old + usize::from(by)) % letters.len()];
            prop_assert_eq!(stamp.read::<24>(std::str::from_utf8(&changed).unwrap()), None);
        }

        #[test]
        fn no_text_makes_it_panic(text in ".{0,120}") {
            prop_assert_eq!(stamp(1, "test").read::<24>(&text), None);
        }
    }

    #[test]
    fn purposes_keys_and_lengths_are_kept_apart() {
        let text = stamp(1, "one").write(&[5; 16]);
        assert_eq!(stamp(1, "one").read::<16>(&text), Some([5; 16]));
        assert_eq!(stamp(1, "two").read::<16>(&text), None);
        assert_eq!(stamp(2, "one").read::<16>(&text), None);
        assert_eq!(stamp(1, "one").read::<17>(&text), None);
        assert_eq!(stamp(1, "one").read::<16>(&format!("{text}=")), None);
        assert_eq!(stamp(1, "one").read::<0>(""), None);
    }
}
