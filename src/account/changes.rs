//! Tells what lasts long (event streams, sockets) that somebody's rights may have changed.

use std::time::Duration;

use tokio::sync::watch;

use super::caller::{Caller, Credential};
use super::{session, token};
use crate::app::App;
use crate::store::StoreError;

/// How often a long answer asks anew whether its caller may still have it: what another node changed is seen by then.
const ASK_EVERY: Duration = Duration::from_secs(5);

/// Says when users, groups or what they hold have changed. Clones are the same.
#[derive(Clone, Debug)]
pub struct AccountChanges(watch::Sender<u64>);

impl Default for AccountChanges {
    fn default() -> Self {
        Self(watch::Sender::new(0))
    }
}

impl AccountChanges {
    /// Something has changed, and is written.
    pub fn tell(&self) {
        self.0.send_modify(|count| *count += 1);
    }

    /// How often it was told.
    pub(crate) fn count(&self) -> u64 {
        *self.0.borrow()
    }

    /// Waits for the next change, or until it is time to ask anew.
    pub fn listen(&self) -> watch::Receiver<u64> {
        self.0.subscribe()
    }
}

impl Caller {
    /// Who they are now, and what they may: nobody once their session or token has ended or they were disabled.
    ///
    /// # Errors
    /// Where the database does not answer.
    pub async fn again(&self, app: &App) -> Result<Option<Self>, StoreError> {
        let now_ms = crate::moment::now_ms();
        let found = match &self.credential {
            Credential::Session(hash) => session::find_hashed(&app.store, hash, now_ms).await?,
            Credential::Token(hash) => token::find_hashed(&app.store, hash, now_ms).await?,
            Credential::None => return Ok(Some(self.clone())),
        };
        Ok(found.map(|account| Self::new(account, self.credential.clone(), self.address)))
    }

    /// Resolves when the caller's right to a long answer has ended: by `may`, asked at every change and every five seconds.
    pub async fn until_gone(self, app: App, may: impl Fn(&Self) -> bool) {
        let mut changes = app.accounts.listen();
        loop {
            tokio::select! {
                told = changes.changed() => if told.is_err() { return },
                () = tokio::time::sleep(ASK_EVERY) => {}
            }
            match self.again(&app).await {
                Ok(Some(caller)) if may(&caller) => {}
                // A database that does not answer turns nobody out.
                Err(error) => tracing::debug!(%error, "a listener's rights could not be asked for"),
                Ok(_) => return,
            }
        }
    }
}
