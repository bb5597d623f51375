//! Random credentials (session cookies, API tokens) and the hash under which they are kept.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

use crate::secret::Secret;
use crate::store::vault::random;

/// A new credential of 256 random bits behind a prefix.
pub(super) fn generate(prefix: &str) -> Secret {
    let mut bytes = [0; 32];
    random(&mut bytes);
    Secret::new(format!("{prefix}{}", URL_SAFE_NO_PAD.encode(bytes)))
}

/// What is stored of it. A plain hash is enough: there is nothing to guess in 256 random bits.
pub(super) fn hash(credential: &str) -> String {
    hex::encode(Sha256::digest(credential.as_bytes()))
}
