//! BBB servers in the database.

use crate::account::{Kind, Sight, scope};
use crate::secret::Secret;
use crate::store::vault::{Vault, VaultError};
use crate::store::{Store, StoreError, Transaction, args};

/// Where the secret is sealed for.
const SECRET: &str = "servers.secret";

/// A BBB server.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Server {
    /// Id.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// Where its API is.
    pub url: String,
    secret_sealed: String,
    /// When it was made.
    pub created_ms: i64,
    /// When it was last changed.
    pub changed_ms: i64,
}

impl Server {
    /// A new server.
    pub(super) fn new(name: String, url: String, secret: &Secret, vault: &Vault, now_ms: i64) -> Self {
        let id = crate::id::new();
        let secret_sealed = vault.seal(SECRET, &id, secret);
        Self { id, name, url, secret_sealed, created_ms: now_ms, changed_ms: now_ms }
    }

    /// The secret shared with it.
    pub fn secret(&self, vault: &Vault) -> Result<Secret, VaultError> {
        vault.open(SECRET, &self.id, &self.secret_sealed)
    }

    /// Sets the secret shared with it.
    pub(super) fn set_secret(&mut self, vault: &Vault, secret: &Secret) {
        self.secret_sealed = vault.seal(SECRET, &self.id, secret);
    }
}

/// The server with this id.
pub async fn find(store: &Store, id: &str) -> Result<Option<Server>, StoreError> {
    store.optional("SELECT id, name, url, secret_sealed, created_ms, changed_ms FROM servers WHERE id = $1", args![id]).await
}

/// A page of the servers that somebody sees, oldest first.
pub(super) async fn page(store: &Store, sight: &Sight, after: &str, rows: u32) -> Result<Vec<Server>, StoreError> {
    let seen = scope::condition(Kind::Server, "servers.id", 3);
    let sql =
        format!("SELECT id, name, url, secret_sealed, created_ms, changed_ms FROM servers WHERE id > $1 AND {seen} ORDER BY id LIMIT $2");
    store.all(sqlx::AssertSqlSafe(sql), sight.after(args![after, rows])).await
}

/// Writes a server as it now is, new or not.
pub(super) async fn put(tx: &mut Transaction, server: &Server) -> Result<(), StoreError> {
    let sql = "INSERT INTO servers (id, name, url, secret_sealed, created_ms, changed_ms) VALUES ($1, $2, $3, $4, $5, $6) \
               ON CONFLICT (id) DO UPDATE SET name = excluded.name, url = excluded.url, secret_sealed = excluded.secret_sealed, \
               changed_ms = excluded.changed_ms";
    let args = args![&server.id, &server.name, &server.url, &server.secret_sealed, server.created_ms, server.changed_ms];
    tx.run(sql, args).await.map(drop)
}

/// What uses a server, in words.
pub(super) async fn uses(tx: &mut Transaction, id: &str) -> Result<Vec<String>, StoreError> {
    let sql = "SELECT 'the broadcast “' || meeting_name || '”' FROM broadcasts WHERE server_id = $1 AND ended_ms IS NULL \
               UNION ALL SELECT 'the preset “' || name || '”' FROM presets WHERE server_id = $1 LIMIT 10";
    Ok(tx.all::<(String,)>(sql, args![id]).await?.into_iter().map(|(text,)| text).collect())
}
