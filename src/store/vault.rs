//! Secrets at rest: sealed with XChaCha20-Poly1305, bound to the row and column they stand in.

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use hmac::{Hmac, Mac};
use sha2::{Digest, Sha256};

use crate::config::SecretKey;
use crate::secret::Secret;

/// Names the way a value was sealed, so that another can follow.
const VERSION: &str = "v1.";
const NONCE_BYTES: usize = 24;

/// Seals and opens secrets with one key.
#[derive(Clone)]
pub struct Vault {
    cipher: XChaCha20Poly1305,
    /// What other keys are derived from; it tells nothing about the key itself.
    root: [u8; 32],
}

/// A sealed value that this key does not open, in this place.
#[derive(Debug, thiserror::Error)]
#[error("a stored secret ({place} of {id}) cannot be opened with this key")]
pub struct VaultError {
    place: &'static str,
    id: String,
}

impl Vault {
    /// A vault with this key.
    pub fn new(key: &SecretKey) -> Self {
        Self { cipher: XChaCha20Poly1305::new(key.reveal().into()), root: keyed(key.reveal(), b"bluecast derived keys") }
    }

    /// A key of its own for a purpose: every node with the same key has the same, and none tells anything about another.
    pub fn derive(&self, purpose: &'static str) -> [u8; 32] {
        keyed(&self.root, purpose.as_bytes())
    }

    /// Seals a secret for a place (`table.column`) and the id of its row. Nowhere else does it open.
    pub fn seal(&self, place: &'static str, id: &str, secret: &Secret) -> String {
        let mut nonce = [0; NONCE_BYTES];
        random(&mut nonce);
        let payload = Payload { msg: secret.reveal().as_bytes(), aad: &associated(place, id) };
        #[expect(clippy::expect_used, reason = "fails only beyond 256 GiB")]
        let sealed = self.cipher.encrypt(&XNonce::from(nonce), payload).expect("a secret that fits the cipher");
        format!("{VERSION}{}", STANDARD_NO_PAD.encode([&nonce[..], &sealed].concat()))
    }

    /// Opens what was sealed for this place and row.
    pub fn open(&self, place: &'static str, id: &str, sealed: &str) -> Result<Secret, VaultError> {
        self.try_open(place, id, sealed).ok_or_else(|| VaultError { place, id: id.to_owned() })
    }

    fn try_open(&self, place: &str, id: &str, sealed: &str) -> Option<Secret> {
        let bytes = STANDARD_NO_PAD.decode(sealed.strip_prefix(VERSION)?).ok()?;
        let (nonce, sealed) = bytes.split_first_chunk::<NONCE_BYTES>()?;
        let payload = Payload { msg: sealed, aad: &associated(place, id) };
        let opened = self.cipher.decrypt(&XNonce::from(*nonce), payload).ok()?;
        String::from_utf8(opened).ok().map(Secret::new)
    }
}

#[expect(clippy::expect_used, reason = "HMAC takes keys of any length")]
fn keyed(key: &[u8; 32], label: &[u8]) -> [u8; 32] {
    Hmac::<Sha256>::new_from_slice(key).expect("a key").chain_update(label).finalize().into_bytes().into()
}

fn associated(place: &str, id: &str) -> Vec<u8> {
    [place.as_bytes(), b"\0", id.as_bytes()].concat()
}

/// Fills a buffer with random bytes of the system.
///
/// # Panics
/// When the system has none, which leaves nothing safe to do.
pub fn random(buffer: &mut [u8]) {
    #[expect(clippy::expect_used, reason = "without random bytes nothing is safe")]
    getrandom::fill(buffer).expect("random bytes from the system");
}

/// Tells keys apart without telling anything about them.
pub(super) fn fingerprint(key: &SecretKey) -> String {
    let digest = Sha256::new().chain_update(b"bluecast key fingerprint\0").chain_update(key.reveal()).finalize();
    hex::encode(&digest[..16])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sealed_opens_in_its_place_only() {
        let vault = Vault::new(&SecretKey::new([7; 32]));
        let sealed = vault.seal("servers.secret", "a", &Secret::new("klopfer"));
        assert!(!sealed.contains("klopfer"));
        assert_eq!(vault.open("servers.secret", "a", &sealed).unwrap().reveal(), "klopfer");
        assert!(vault.open("servers.secret", "b", &sealed).is_err());
        assert!(vault.open("origins.api_token", "a", &sealed).is_err());
        assert!(Vault::new(&SecretKey::new([8; 32])).open("servers.secret", "a", &sealed).is_err());
        assert_ne!(sealed, vault.seal("servers.secret", "a", &Secret::new("klopfer")));
    }

    #[test]
    fn derived_keys_differ_by_purpose_and_by_key() {
        let [one, same, other] = [7, 7, 8].map(|byte| Vault::new(&SecretKey::new([byte; 32])));
        assert_eq!(one.derive("a"), same.derive("a"));
        assert_ne!(one.derive("a"), one.derive("b"));
        assert_ne!(one.derive("a"), other.derive("a"));
    }

    #[test]
    fn rubbish_is_an_error() {
        let vault = Vault::new(&SecretKey::new([7; 32]));
        for rubbish in ["", "v1.", "v1.AAAA", "v2.AAAA", "klopfer", "v1.ä"] {
            assert!(vault.open("servers.secret", "a", rubbish).is_err(), "{rubbish}");
        }
    }
}
