//! The second factor: codes of a device by RFC 6238, and recovery codes for whoever has lost it.

use std::collections::BTreeSet;

use base64::Engine;
use totp_rs::{Builder, Totp, TotpError};

use super::credential;
use crate::secret::Secret;
use crate::store::vault::{Vault, VaultError, random};
use crate::store::{Store, StoreError, Transaction, args};

/// Where the secret is sealed for.
const PLACE: &str = "second_factors.secret";
/// Bytes of a secret: as many as SHA-1 takes whole.
const SECRET_BYTES: usize = 20;
/// How many recovery codes somebody gets.
const RECOVERY_CODES: usize = 10;
/// Letters of a recovery code: 80 random bits.
const RECOVERY_LETTERS: usize = 16;
/// Without letters that are taken for one another.
const ALPHABET: &[u8; 32] = b"ABCDEFGHJKLMNPQRSTUVWXYZ23456789";

/// Why a second factor cannot be made or asked.
#[derive(Debug, thiserror::Error)]
pub(super) enum SecondError {
    /// The database does not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The secret cannot be opened.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// The secret is none.
    #[error("a second factor that is kept cannot be used: {0}")]
    Totp(#[from] TotpError),
    /// The secret is no base64.
    #[error("a second factor that is kept cannot be read")]
    Unreadable,
}

impl From<SecondError> for crate::http::Problem {
    fn from(error: SecondError) -> Self {
        match error {
            SecondError::Store(error) => error.into(),
            error => Self::internal(error),
        }
    }
}

#[derive(sqlx::FromRow)]
struct Row {
    secret_sealed: String,
    confirmed_ms: Option<i64>,
}

/// What a device needs to know.
pub(super) struct Enrolment {
    /// The secret, for those who type it.
    pub(super) secret: Secret,
    /// The same as `otpauth://…`.
    pub(super) address: Secret,
}

/// Whether a code is asked of somebody, and how many recovery codes they have left.
pub(super) async fn state(store: &Store, user_id: &str) -> Result<(bool, i64), StoreError> {
    let is_on = find(store, user_id).await?.is_some_and(|row| row.confirmed_ms.is_some());
    let (codes,): (i64,) = store.one("SELECT COUNT(*) FROM recovery_codes WHERE user_id = $1", args![user_id]).await?;
    Ok((is_on, if is_on { codes } else { 0 }))
}

/// Of the users with ids from the one to the other, those of whom a code is asked.
pub(super) async fn between(store: &Store, first: &str, last: &str) -> Result<BTreeSet<String>, StoreError> {
    let sql = "SELECT user_id FROM second_factors WHERE confirmed_ms IS NOT NULL AND user_id >= $1 AND user_id <= $2";
    Ok(store.all::<(String,)>(sql, args![first, last]).await?.into_iter().map(|(id,)| id).collect())
}

async fn find(store: &Store, user_id: &str) -> Result<Option<Row>, StoreError> {
    store.optional("SELECT secret_sealed, confirmed_ms FROM second_factors WHERE user_id = $1", args![user_id]).await
}

/// Makes a secret for a device; no code is asked for before the device has shown one. In place of one that was not confirmed.
pub(super) async fn begin(
    tx: &mut Transaction,
    vault: &Vault,
    user_id: &str,
    user_name: &str,
    issuer: &str,
) -> Result<Option<Enrolment>, SecondError> {
    let mut bytes = [0; SECRET_BYTES];
    random(&mut bytes);
    let totp = of_bytes(&bytes, Some((user_name, issuer)))?;
    let encoded = Secret::new(base64::engine::general_purpose::STANDARD.encode(bytes));
    let sql = "INSERT INTO second_factors (user_id, secret_sealed, confirmed_ms, used_step) VALUES ($1, $2, NULL, 0) ON CONFLICT (user_id) \
               DO UPDATE SET secret_sealed = excluded.secret_sealed WHERE second_factors.confirmed_ms IS NULL";
    if tx.run(sql, args![user_id, vault.seal(PLACE, user_id, &encoded)]).await? == 0 {
        return Ok(None);
    }
    Ok(Some(Enrolment { secret: Secret::new(totp.secret().to_base32()), address: Secret::new(totp.to_url()?) }))
}

/// Asks for codes from now on, if this is one of the device; gives the recovery codes, which are shown this once.
pub(super) async fn confirm(
    tx: &mut Transaction,
    store: &Store,
    vault: &Vault,
    user_id: &str,
    code: &str,
    now_ms: i64,
) -> Result<Option<Vec<Secret>>, SecondError> {
    let Some(row) = find(store, user_id).await?.filter(|row| row.confirmed_ms.is_none()) else { return Ok(None) };
    let Some(step) = open(vault, user_id, &row)?.check(code, seconds(now_ms)) else { return Ok(None) };
    let sql = "UPDATE second_factors SET confirmed_ms = $2, used_step = $3 WHERE user_id = $1 AND confirmed_ms IS NULL";
    if tx.run(sql, args![user_id, now_ms, i64::try_from(step).unwrap_or(i64::MAX)]).await? == 0 {
        return Ok(None);
    }
    Ok(Some(new_recovery_codes(tx, user_id).await?))
}

/// Recovery codes in place of those that somebody had.
pub(super) async fn new_recovery_codes(tx: &mut Transaction, user_id: &str) -> Result<Vec<Secret>, StoreError> {
    tx.run("DELETE FROM recovery_codes WHERE user_id = $1", args![user_id]).await?;
    let mut codes = Vec::with_capacity(RECOVERY_CODES);
    for _ in 0..RECOVERY_CODES {
        let code = recovery_code();
        let sql = "INSERT INTO recovery_codes (user_id, code_hash) VALUES ($1, $2)";
        tx.run(sql, args![user_id, credential::hash(&plain(code.reveal()))]).await?;
        codes.push(code);
    }
    Ok(codes)
}

/// How a code was right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shown {
    /// It is the device's.
    Device,
    /// It is a recovery code, which is used up.
    Recovery,
}

/// Whether a code is right, which uses it up: of the device, or a recovery code.
pub(super) async fn take(store: &Store, vault: &Vault, user_id: &str, code: &str, now_ms: i64) -> Result<Option<Shown>, SecondError> {
    let Some(row) = find(store, user_id).await?.filter(|row| row.confirmed_ms.is_some()) else { return Ok(None) };
    let code = plain(code);
    if code.len() == RECOVERY_LETTERS {
        let sql = "DELETE FROM recovery_codes WHERE user_id = $1 AND code_hash = $2";
        let taken = store.run(sql, args![user_id, credential::hash(&code)]).await? > 0;
        return Ok(taken.then_some(Shown::Recovery));
    }
    let Some(step) = open(vault, user_id, &row)?.check(&code, seconds(now_ms)) else { return Ok(None) };
    // Only a step after the newest one that was used: a code that somebody has read over a shoulder is worth nothing any more.
    let sql = "UPDATE second_factors SET used_step = $2 WHERE user_id = $1 AND used_step < $2";
    let taken = store.run(sql, args![user_id, i64::try_from(step).unwrap_or(i64::MAX)]).await? > 0;
    Ok(taken.then_some(Shown::Device))
}

/// Asks for no code any more.
pub(super) async fn remove(tx: &mut Transaction, user_id: &str) -> Result<bool, StoreError> {
    tx.run("DELETE FROM recovery_codes WHERE user_id = $1", args![user_id]).await?;
    Ok(tx.run("DELETE FROM second_factors WHERE user_id = $1", args![user_id]).await? > 0)
}

fn open(vault: &Vault, user_id: &str, row: &Row) -> Result<Totp, SecondError> {
    let secret = vault.open(PLACE, user_id, &row.secret_sealed)?;
    let bytes = base64::engine::general_purpose::STANDARD.decode(secret.reveal()).map_err(|_| SecondError::Unreadable)?;
    let bytes: [u8; SECRET_BYTES] = bytes.try_into().map_err(|_| SecondError::Unreadable)?;
    of_bytes(&bytes, None)
}

fn of_bytes(bytes: &[u8; SECRET_BYTES], label: Option<(&str, &str)>) -> Result<Totp, SecondError> {
    // What every telephone takes: SHA-1, six digits, thirty seconds; one step to either side.
    let mut builder = Builder::new().with_secret(totp_rs::Secret::new_stack(*bytes));
    if let Some((user_name, issuer)) = label {
        builder = builder.with_account_name(user_name).with_issuer(Some(issuer.replace(':', " ")));
    }
    Ok(builder.build()?)
}

fn recovery_code() -> Secret {
    let mut bytes = [0; RECOVERY_LETTERS];
    random(&mut bytes);
    let letters: Vec<char> = bytes.iter().map(|byte| char::from(ALPHABET[usize::from(byte % 32)])).collect();
    let parts: Vec<String> = letters.chunks(4).map(|part| part.iter().collect()).collect();
    Secret::new(parts.join("-"))
}

/// A code without what people put into it.
fn plain(code: &str) -> String {
    code.chars().filter(char::is_ascii_alphanumeric).take(64).collect::<String>().to_ascii_uppercase()
}

fn seconds(now_ms: i64) -> u64 {
    u64::try_from(now_ms / 1000).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_those_of_the_standard() {
        // RFC 6238, appendix B, shortened to six digits.
        let totp = of_bytes(b"12345678901234567890", Some(("ada", "Bluecast: here"))).unwrap();
        for (time, code) in [(59, "287082"), (1_111_111_109, "081804"), (20_000_000_000, "353130")] {
            assert_eq!(totp.check(code, time), Some(time / 30));
            assert_eq!(totp.check(code, time + 30), Some(time / 30));
            assert_eq!(totp.check(code, time + 90), None);
        }
        assert!(totp.to_url().unwrap().starts_with("otpauth://totp/Bluecast"));
        for wrong in ["", "28708", "2870822", "abcdef", "２８７０８２"] {
            assert_eq!(totp.check(wrong, 59), None, "{wrong}");
        }
    }

    #[test]
    fn recovery_codes_are_read_as_people_write_them() {
        let code = recovery_code();
        assert_eq!(code.reveal().len(), 19);
        let written = format!(" {} ", code.reveal().to_lowercase().replace('-', " "));
        assert_eq!(plain(&written), plain(code.reveal()));
        assert_eq!(plain(code.reveal()).len(), RECOVERY_LETTERS);
        assert_ne!(recovery_code().reveal(), code.reveal());
    }
}
