//! The clients of an origin and its edges.

use std::path::Path;
use std::sync::Arc;

use super::client::{Client, http_client};
use super::store::{Edge, Origin};
use super::{OmeError, store};
use crate::reach::Reach;
use crate::secret::Secret;
use crate::store::vault::{Vault, VaultError};
use crate::store::{Store, StoreError};

/// Why there is no client for an origin.
#[derive(Debug, thiserror::Error)]
pub enum OriginError {
    /// The database does not give it.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Its token cannot be opened.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// Its API does not do what it should.
    #[error(transparent)]
    Ome(#[from] OmeError),
}

impl OriginError {
    /// A stable word.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Store(_) => "database",
            Self::Vault(_) => "secret_unreadable",
            Self::Ome(error) => error.code(),
        }
    }
}

/// Makes clients. Clones share one pool of connections.
#[derive(Clone)]
pub struct Origins(Arc<Inner>);

struct Inner {
    store: Store,
    vault: Vault,
    reach: Reach,
    /// The reason is said where a client is asked for: the rest of the program runs without.
    http: Result<reqwest::Client, &'static str>,
}

impl Origins {
    /// No clients yet. `ca_file` holds more certificate authorities; one that cannot be read is none, and the log says so.
    pub fn new(store: Store, vault: Vault, reach: Reach, ca_file: Option<&Path>) -> Self {
        let read = |path: &Path| std::fs::read(path).map_err(|error| tracing::error!(%error, "BLUECAST_CA_FILE cannot be read")).ok();
        let authorities_pem = ca_file.and_then(read).unwrap_or_default();
        let http = http_client(&reach, &authorities_pem);
        Self(Arc::new(Inner { store, vault, reach, http }))
    }

    pub(super) fn store(&self) -> &Store {
        &self.0.store
    }

    /// The origin with this id.
    pub(super) async fn find(&self, id: &str) -> Result<Option<Origin>, StoreError> {
        store::find(&self.0.store, id).await
    }

    /// Its edges, by name.
    pub(super) async fn edges(&self, id: &str) -> Result<Vec<Edge>, StoreError> {
        store::edges(&self.0.store, id).await
    }

    /// A client of an origin's API.
    pub fn client(&self, origin: &Origin) -> Result<Client, OriginError> {
        let url = origin.api_url.as_deref().ok_or(OmeError::NoApi)?;
        self.of(url, origin.api_token(&self.0.vault)?.as_ref())
    }

    /// A client of an edge's API.
    pub fn edge_client(&self, edge: &Edge) -> Result<Client, OriginError> {
        self.of(&edge.api_url, edge.api_token(&self.0.vault)?.as_ref())
    }

    fn of(&self, url: &str, token: Option<&Secret>) -> Result<Client, OriginError> {
        let tls = |reason| OmeError::Tls { host: "an origin".to_owned(), reason };
        let http = self.0.http.clone().map_err(tls)?;
        Ok(Client::new(url, token, self.0.reach.clone(), http)?)
    }
}
