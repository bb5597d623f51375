//! Checks who logs in, and who knows a room's password.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;

use super::password::Passwords;
use super::second::{self, Shown};
use super::throttle::Throttle;
use super::user::{self, Account, User};
use super::{Caller, rules};
use crate::app::App;
use crate::http::{Answer, Problem};
use crate::moment::now_ms;
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
    codes: Mutex<Throttle>,
    letters: Mutex<Throttle>,
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
            codes: Mutex::new(Throttle::of_codes()),
            letters: Mutex::new(Throttle::of_letters()),
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

    /// The text to store for a room's password; refused where it is too short.
    pub async fn hash(&self, password: Secret) -> Answer<String> {
        if let Some(objection) = super::password::objection(&password) {
            return Err(Problem::unprocessable("weak_password", objection).of_field("password"));
        }
        self.passwords.hash(password).await
    }

    /// The text to store for a password that somebody chose for their account; refused by the rules for those.
    pub(super) async fn hash_for(&self, password: Secret, user: &User) -> Answer<String> {
        if let Some(objection) = rules::objection(&password, &[&user.name, user.email.as_deref().unwrap_or_default()]) {
            return Err(Problem::unprocessable("weak_password", objection).of_field("password"));
        }
        self.passwords.hash(password).await
    }

    /// The user of this name and password, and of this code where one is asked for. One answer for a wrong name and a wrong password.
    ///
    /// # Errors
    /// 401 `wrong_credentials`, `code_needed`, `wrong_code`; 429 to those who guess.
    pub(super) async fn admit(&self, app: &App, login: Credentials, address: IpAddr) -> Answer<(Account, Option<Shown>)> {
        let Credentials { name, password, code } = login;
        lock(&self.throttle).attempt(&name, address, Instant::now()).map_err(|wait| slowed(address, wait))?;
        // Whoever was disabled is nobody.
        let sql = "SELECT id, password_hash FROM users WHERE lower(name) = lower($1) AND disabled_ms IS NULL";
        let stored: Option<(String, String)> = app.store.optional(sql, args![&name]).await?;
        let hash = stored.as_ref().map(|(_, hash)| hash.clone()).filter(|hash| user::is_password(hash));
        let matches = self.passwords.matches(password, hash).await?;
        let found = match stored.filter(|_| matches) {
            Some((id, _)) => user::active(&app.store, &id).await?,
            None => None,
        };
        let refused = |code, detail| Problem::new(axum::http::StatusCode::UNAUTHORIZED, code, detail);
        let Some(account) = found else {
            tracing::info!(%address, "a login failed");
            return Err(refused("wrong_credentials", "The user name or the password is wrong."));
        };
        let shown = if second::state(&app.store, &account.user.id).await?.0 {
            let Some(code) = code else {
                // Whoever knows the password has not guessed; that they do must not clear what others guessed.
                lock(&self.throttle).take_back(&name, address);
                return Err(refused("code_needed", "This account asks for a code of your device besides."));
            };
            lock(&self.codes).attempt(&account.user.id, address, Instant::now()).map_err(|wait| slowed(address, wait))?;
            let shown = second::take(&app.store, &app.vault, &account.user.id, code.reveal(), now_ms()).await?;
            let Some(shown) = shown else {
                return Err(refused("wrong_code", "The code is wrong, or was used already. Codes change every 30 seconds."));
            };
            lock(&self.codes).succeeded(&account.user.id, address);
            Some(shown)
        } else {
            None
        };
        lock(&self.throttle).succeeded(&name, address);
        Ok((account, shown))
    }

    /// Asks a caller for their own password again.
    ///
    /// # Errors
    /// 403 `wrong_password` of a field; 409 `no_password` where they log in elsewhere; 429 to those who guess.
    pub(super) async fn confirm(&self, store: &Store, caller: &Caller, password: Secret, field: &str) -> Answer<()> {
        let address = caller.address.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
        let (hash,): (String,) = store.one("SELECT password_hash FROM users WHERE id = $1", args![&caller.user_id]).await?;
        if !user::is_password(&hash) {
            return Err(Problem::conflict("no_password", "This account has no password here: its logins are somewhere else's."));
        }
        lock(&self.throttle).attempt(&caller.user_name, address, Instant::now()).map_err(|wait| slowed(address, wait))?;
        if !self.passwords.matches(password, Some(hash)).await? {
            return Err(Problem::forbidden("wrong_password", "That is not your password.").of_field(field));
        }
        lock(&self.throttle).succeeded(&caller.user_name, address);
        Ok(())
    }

    /// Counts a code that a caller shows as wrong, until [`code_succeeded`](Self::code_succeeded).
    pub(super) fn code_attempt(&self, caller: &Caller) -> Answer<()> {
        let address = caller.address.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
        lock(&self.codes).attempt(&caller.user_id, address, Instant::now()).map_err(|wait| slowed(address, wait))
    }

    /// The code was right.
    pub(super) fn code_succeeded(&self, caller: &Caller) {
        let address = caller.address.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
        lock(&self.codes).succeeded(&caller.user_id, address);
    }

    /// Counts a letter that is asked for.
    pub(super) fn mail_attempt(&self, who: &str, address: IpAddr) -> Answer<()> {
        lock(&self.letters).attempt(who, address, Instant::now()).map_err(|wait| slowed(address, wait))
    }
}

/// What somebody logs in with.
pub(super) struct Credentials {
    pub(super) name: String,
    pub(super) password: Secret,
    pub(super) code: Option<Secret>,
}

fn slowed(address: IpAddr, wait: Duration) -> Problem {
    tracing::warn!(%address, "logins are being guessed; slowed down");
    let seconds = wait.as_secs().max(1);
    Problem::too_many("too_many_attempts", format!("Too many failed logins. Try again in {seconds} s."), seconds)
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
