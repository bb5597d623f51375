//! Passwords: Argon2id at OWASP's cost, off the async threads, two at a time.

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::credential;
use crate::http::{Answer, Problem};
use crate::secret::Secret;

/// Each takes 19 MiB and a core for a while.
const AT_A_TIME: usize = 2;
/// How long a login waits for its turn.
const TURN_TIMEOUT: Duration = Duration::from_secs(10);
/// Shortest and longest password, in characters and bytes.
const CHARACTERS_MIN: usize = 8;
const BYTES_MAX: usize = 1024;

/// What is compared with where there is no such user, so that the answer takes as long.
static NOBODY: LazyLock<String> = LazyLock::new(|| hash(&credential::generate("")));

/// Hashes and checks passwords.
#[derive(Debug)]
pub(super) struct Passwords {
    turns: Arc<Semaphore>,
}

impl Passwords {
    pub(super) fn new() -> Self {
        Self { turns: Arc::new(Semaphore::new(AT_A_TIME)) }
    }

    /// The text to store for a password.
    pub(super) async fn hash(&self, password: Secret) -> Answer<String> {
        self.apart(move || hash(&password)).await
    }

    /// Whether a password is the one of this stored text; of none, it never is.
    pub(super) async fn matches(&self, password: Secret, stored: Option<String>) -> Answer<bool> {
        self.apart(move || {
            let known = stored.is_some();
            verify(&password, stored.as_deref().unwrap_or(&NOBODY)) && known
        })
        .await
    }

    async fn apart<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Answer<T> {
        let turn = self.turn().await?;
        tokio::task::spawn_blocking(move || {
            let done = work();
            drop(turn);
            done
        })
        .await
        .map_err(Problem::internal)
    }

    async fn turn(&self) -> Answer<OwnedSemaphorePermit> {
        let busy = || Problem::unavailable("busy", "Too many people log in at once. Try again in a moment.");
        let turn = tokio::time::timeout(TURN_TIMEOUT, Arc::clone(&self.turns).acquire_owned()).await;
        turn.map_err(|_| busy())?.map_err(|_| busy())
    }
}

/// The text to store for a password, on this thread.
///
/// # Panics
/// When the machine has no 19 MiB or no random bytes to give.
#[expect(clippy::expect_used, reason = "fixed parameters")]
pub fn hash(password: &Secret) -> String {
    Argon2::default().hash_password(password.reveal().as_bytes()).expect("Argon2 with its default parameters").to_string()
}

fn verify(password: &Secret, stored: &str) -> bool {
    let Ok(stored) = PasswordHash::new(stored) else { return false };
    Argon2::default().verify_password(password.reveal().as_bytes(), &stored).is_ok()
}

/// What is wrong with a password that somebody chose.
pub fn objection(password: &Secret) -> Option<String> {
    let text = password.reveal();
    if text.chars().count() < CHARACTERS_MIN {
        Some(format!("The password must have at least {CHARACTERS_MIN} characters."))
    } else if text.len() > BYTES_MAX {
        Some(format!("The password must have at most {BYTES_MAX} bytes."))
    } else {
        None
    }
}

/// A password that nobody chose.
pub fn generate() -> Secret {
    let whole = credential::generate("");
    Secret::new(&whole.reveal()[..24])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_right_password_matches_and_no_other() {
        let passwords = Passwords::new();
        let stored = passwords.hash(Secret::new("correct horse")).await.unwrap();
        assert!(stored.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{stored}");
        assert!(passwords.matches(Secret::new("correct horse"), Some(stored.clone())).await.unwrap());
        assert!(!passwords.matches(Secret::new("correct hors"), Some(stored)).await.unwrap());
        assert!(!passwords.matches(Secret::new("correct horse"), None).await.unwrap());
        assert!(!passwords.matches(Secret::new("x"), Some("rubbish".into())).await.unwrap());
    }

    #[test]
    fn short_and_endless_passwords_are_refused() {
        assert!(objection(&Secret::new("1234567")).is_some());
        assert!(objection(&Secret::new("pässwört")).is_none());
        assert!(objection(&Secret::new("x".repeat(1025))).is_some());
        assert!(objection(&generate()).is_none());
    }
}
