//! Checks who logs in, and who knows a room's password.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;

use super::password::Passwords;
use super::throttle::Throttle;
use super::user::{self, Account};
use crate::http::{Answer, Problem};
use crate::secret::Secret;
use crate::store::vault::random;
use crate::store::{Store, args};

/// Passwords of rooms that are remembered as right.
const KNOWN: usize = 1000;

/// Checks passwords and slows down those who guess.
pub struct Doorkeeper {
    passwords: Passwords,
    throttle: Mutex<Throttle>,
    rooms: Mutex<Throttle>,
    known: Mutex<Known>,
}

/// Passwords of rooms that were right, by the text that is stored of them, as a quick hash under a key that only this process has. When a
/// lecture begins hundreds give the same password at once: only the first of them may cost what a password must cost a guesser.
struct Known {
    key: [u8; 32],
    right: BTreeMap<String, [u8; 32]>,
}

impl Doorkeeper {
    pub(crate) fn new() -> Self {
        let mut key = [0; 32];
        random(&mut key);
        Self {
            passwords: Passwords::new(),
            throttle: Mutex::new(Throttle::of_logins()),
            rooms: Mutex::new(Throttle::of_rooms()),
            known: Mutex::new(Known { key, right: BTreeMap::new() }),
        }
    }

    /// Whether a password is the one of a room, of which `stored` is kept.
    ///
    /// # Errors
    /// 429 to those who guess.
    pub async fn knows(&self, room_id: &str, stored: String, password: Secret, address: IpAddr) -> Answer<bool> {
        lock(&self.rooms).attempt(room_id, address, Instant::now()).map_err(|wait| {
            tracing::warn!(%address, room = room_id, "a room's password is being guessed; slowed down");
            let seconds = wait.as_secs().max(1);
            Problem::too_many("too_many_attempts", format!("Too many wrong passwords. Try again in {seconds} s."), seconds)
        })?;
        let (quick, is_known) = lock(&self.known).look(&stored, &password);
        let matches = is_known || self.passwords.matches(password, Some(stored.clone())).await?;
        if matches {
            lock(&self.known).keep(stored, quick);
            lock(&self.rooms).succeeded(room_id, address);
        }
        Ok(matches)
    }

    /// The text to store for a password that somebody chose; refused where it is too short.
    pub async fn hash(&self, password: Secret) -> Answer<String> {
        if let Some(objection) = super::password::objection(&password) {
            return Err(Problem::unprocessable("weak_password", objection).of_field("password"));
        }
        self.passwords.hash(password).await
    }

    /// The user of this name and password. One answer for a wrong name and a wrong password.
    pub(super) async fn admit(&self, store: &Store, name: &str, password: Secret, address: IpAddr) -> Answer<Account> {
        lock(&self.throttle).attempt(name, address, Instant::now()).map_err(|wait| {
            tracing::warn!(%address, "logins are being guessed; slowed down");
            let seconds = wait.as_secs().max(1);
            Problem::too_many("too_many_attempts", format!("Too many failed logins. Try again in {seconds} s."), seconds)
        })?;
        // Whoever was disabled is nobody.
        let sql = "SELECT id, password_hash FROM users WHERE lower(name) = lower($1) AND disabled_ms IS NULL";
        let stored: Option<(String, String)> = store.optional(sql, args![name]).await?;
        let hash = stored.as_ref().map(|(_, hash)| hash.clone());
        let matches = self.passwords.matches(password, hash).await?;
        let found = match stored.filter(|_| matches) {
            Some((id, _)) => user::active(store, &id).await?,
            None => None,
        };
        let Some(account) = found else {
            tracing::info!(%address, "a login failed");
            return Err(Problem::new(axum::http::StatusCode::UNAUTHORIZED, "wrong_credentials", "The user name or the password is wrong."));
        };
        lock(&self.throttle).succeeded(name, address);
        Ok(account)
    }
}

impl Known {
    #[expect(clippy::expect_used, reason = "HMAC takes keys of any length")]
    /// The quick hash of a password, and whether it was right before.
    fn look(&self, stored: &str, password: &Secret) -> ([u8; 32], bool) {
        let mac = Hmac::<Sha256>::new_from_slice(&self.key).expect("a key");
        let quick: [u8; 32] = mac.chain_update(password.reveal()).finalize().into_bytes().into();
        let is_known = self.right.get(stored).is_some_and(|right| right.ct_eq(&quick).into());
        (quick, is_known)
    }

    fn keep(&mut self, stored: String, quick: [u8; 32]) {
        if self.right.len() >= KNOWN {
            self.right.clear();
        }
        self.right.insert(stored, quick);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
