//! What viewers are known by to others.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use uuid::Uuid;

use crate::store::vault::Vault;

const BYTES: usize = 12;

/// Makes handles: the same for a viewer in a thread every time, different in every thread, and nobody finds the viewer's id by it.
#[derive(Clone)]
pub(super) struct Handles(Hmac<Sha256>);

impl Handles {
    #[expect(clippy::expect_used, reason = "HMAC takes keys of any length")]
    pub(super) fn new(vault: &Vault) -> Self {
        Self(Hmac::new_from_slice(&vault.derive("viewer handle 1")).expect("a key"))
    }

    /// 16 letters, digits, `-` and `_`.
    pub(super) fn of(&self, thread_id: &str, viewer_id: Uuid) -> String {
        let digest = self.0.clone().chain_update(thread_id).chain_update(viewer_id.as_bytes()).finalize().into_bytes();
        URL_SAFE_NO_PAD.encode(&digest[..BYTES])
    }
}
