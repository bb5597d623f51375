//! Logins that are under way: begun in one browser, ended once, within ten minutes.

use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq;

use super::super::credential;
use crate::secret::Secret;
use crate::store::vault::{Vault, VaultError};
use crate::store::{Store, StoreError, args};

/// Where their secrets are sealed for.
const PLACE: &str = "oidc_logins.secrets";
/// How long somebody may take to log in.
const LIFE_MS: i64 = 10 * 60 * 1000;
/// Logins that may be under way at a time.
const AT_A_TIME: i64 = 10_000;

/// What a login needs to be ended.
#[derive(Serialize, Deserialize)]
pub(super) struct Secrets {
    pub(super) nonce: String,
    pub(super) verifier: String,
}

/// A login that comes back.
pub(super) struct Returned {
    pub(super) secrets: Secrets,
    /// Where it leads.
    pub(super) next: String,
}

/// Why a login cannot be begun or ended.
#[derive(Debug, thiserror::Error)]
pub(super) enum PendingError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Vault(#[from] VaultError),
    #[error("too many logins are under way")]
    Full,
    #[error("what is kept of a login cannot be read")]
    Unreadable,
}

/// Keeps a login; gives what its browser is known by.
pub(super) async fn keep(
    store: &Store,
    vault: &Vault,
    state: &str,
    secrets: &Secrets,
    next: &str,
    now_ms: i64,
) -> Result<Secret, PendingError> {
    let browser = credential::generate("");
    let state_hash = credential::hash(state);
    let sealed = serde_json::to_string(secrets).map_err(|_| PendingError::Unreadable)?;
    let mut tx = store.begin().await?;
    tx.run("DELETE FROM oidc_logins WHERE created_ms < $1", args![now_ms - LIFE_MS]).await?;
    let (count,): (i64,) = tx.one("SELECT COUNT(*) FROM oidc_logins", Vec::new()).await?;
    if count >= AT_A_TIME {
        return Err(PendingError::Full);
    }
    let sql = "INSERT INTO oidc_logins (state_hash, browser_hash, secrets_sealed, next, created_ms) VALUES ($1, $2, $3, $4, $5)";
    let sealed = vault.seal(PLACE, &state_hash, &Secret::new(sealed));
    tx.run(sql, args![&state_hash, credential::hash(browser.reveal()), sealed, next, now_ms]).await?;
    tx.commit().await?;
    Ok(browser)
}

/// Takes a login up that comes back, in the browser in which it was begun: once, whatever becomes of it.
pub(super) async fn take(store: &Store, vault: &Vault, state: &str, browser: &str, now_ms: i64) -> Result<Option<Returned>, PendingError> {
    let state_hash = credential::hash(state);
    let mut tx = store.begin().await?;
    let sql = "DELETE FROM oidc_logins WHERE state_hash = $1 RETURNING browser_hash, secrets_sealed, next, created_ms";
    let found: Option<(String, String, String, i64)> = tx.optional(sql, args![&state_hash]).await?;
    tx.commit().await?;
    let Some((browser_hash, sealed, next, created_ms)) = found else { return Ok(None) };
    let same = bool::from(browser_hash.as_bytes().ct_eq(credential::hash(browser).as_bytes()));
    if !same || now_ms - created_ms >= LIFE_MS {
        return Ok(None);
    }
    let opened = vault.open(PLACE, &state_hash, &sealed)?;
    let secrets = serde_json::from_str(opened.reveal()).map_err(|_| PendingError::Unreadable)?;
    Ok(Some(Returned { secrets, next }))
}
