//! A client for each server, made when first needed and kept until the server is changed: it remembers what the server takes.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use super::store::find;
use crate::bbb::{BaseUrl, BbbError, Client, ClientOptions};
use crate::reach::Reach;
use crate::store::vault::{Vault, VaultError};
use crate::store::{Store, StoreError};

/// Why there is no client for a server.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The database does not give it.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Its secret cannot be opened.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// Its address cannot be used.
    #[error(transparent)]
    Bbb(#[from] BbbError),
}

impl ClientError {
    /// A stable word.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Store(_) => "database",
            Self::Vault(_) => "secret_unreadable",
            Self::Bbb(error) => error.code(),
        }
    }
}

/// The clients of all servers. Clones share them.
#[derive(Clone)]
pub struct Servers {
    vault: Vault,
    reach: Reach,
    authorities_pem: Arc<Vec<u8>>,
    kept: Arc<Mutex<HashMap<String, (i64, Client)>>>,
}

impl Servers {
    /// No clients yet. `ca_file` holds more certificate authorities; one that cannot be read is none, and the log says so.
    pub fn new(vault: Vault, reach: Reach, ca_file: Option<&Path>) -> Self {
        let read = |path: &Path| std::fs::read(path).map_err(|error| tracing::error!(%error, "BLUECAST_CA_FILE cannot be read")).ok();
        let authorities_pem = ca_file.and_then(read).unwrap_or_default();
        Self { vault, reach, authorities_pem: Arc::new(authorities_pem), kept: Arc::default() }
    }

    /// A client of a server that is not kept, to try an address and a secret.
    pub fn trial(&self, url: &str, secret: crate::secret::Secret) -> Result<Client, BbbError> {
        let options = ClientOptions { authorities_pem: self.authorities_pem.to_vec(), ..ClientOptions::default() };
        Client::new(BaseUrl::parse(url)?, secret, self.reach.clone(), &options)
    }

    /// The client of a server; `None` where there is no such server.
    pub async fn client(&self, store: &Store, id: &str) -> Result<Option<Client>, ClientError> {
        let Some(server) = find(store, id).await? else {
            self.kept.lock().unwrap_or_else(PoisonError::into_inner).remove(id);
            return Ok(None);
        };
        if let Some((changed_ms, client)) = self.kept.lock().unwrap_or_else(PoisonError::into_inner).get(id)
            && *changed_ms == server.changed_ms
        {
            return Ok(Some(client.clone()));
        }
        let client = self.trial(&server.url, server.secret(&self.vault)?)?;
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).insert(id.to_owned(), (server.changed_ms, client.clone()));
        Ok(Some(client))
    }
}
