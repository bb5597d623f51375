//! Checks who logs in.

use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use super::password::Passwords;
use super::throttle::Throttle;
use super::user::User;
use crate::http::{Answer, Problem};
use crate::secret::Secret;
use crate::store::{Store, args};

/// Checks passwords and slows down those who guess.
pub struct Doorkeeper {
    passwords: Passwords,
    throttle: Mutex<Throttle>,
}

impl Doorkeeper {
    pub(crate) fn new() -> Self {
        Self { passwords: Passwords::new(), throttle: Mutex::default() }
    }

    /// The text to store for a password that somebody chose; refused where it is too short.
    pub async fn hash(&self, password: Secret) -> Answer<String> {
        if let Some(objection) = super::password::objection(&password) {
            return Err(Problem::unprocessable("weak_password", objection).of_field("password"));
        }
        self.passwords.hash(password).await
    }

    /// The user of this name and password. One answer for a wrong name and a wrong password.
    pub(super) async fn admit(&self, store: &Store, name: &str, password: Secret, address: IpAddr) -> Answer<User> {
        self.throttle().attempt(name, address, Instant::now()).map_err(|wait| {
            tracing::warn!(%address, "logins are being guessed; slowed down");
            let seconds = wait.as_secs().max(1);
            Problem::too_many("too_many_attempts", format!("Too many failed logins. Try again in {seconds} s."), seconds)
        })?;
        let stored: Option<(String, String, i64, String)> =
            store.optional("SELECT id, name, created_ms, password_hash FROM users WHERE lower(name) = lower($1)", args![name]).await?;
        let hash = stored.as_ref().map(|(.., hash)| hash.clone());
        let matches = self.passwords.matches(password, hash).await?;
        let Some((id, name, created_ms, _)) = stored.filter(|_| matches) else {
            tracing::info!(%address, "a login failed");
            return Err(Problem::new(axum::http::StatusCode::UNAUTHORIZED, "wrong_credentials", "The user name or the password is wrong."));
        };
        self.throttle().succeeded(&name, address);
        Ok(User { id, name, created_ms })
    }

    fn throttle(&self) -> MutexGuard<'_, Throttle> {
        self.throttle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
