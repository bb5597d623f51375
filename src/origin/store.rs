//! Origins in the database.

use super::signed_policy;
use crate::account::{Kind, Sight, scope};
use crate::secret::Secret;
use crate::store::vault::{Vault, VaultError};
use crate::store::{Store, StoreError, Transaction, args};

/// Where the tokens are sealed for.
const API_TOKEN: &str = "origins.api_token";
const EDGE_TOKEN: &str = "origin_edges.api_token";
const COLUMNS: &str = "id, name, whip_url, rtmp_url, srt_url, app, vhost, api_url, api_token_sealed, playback_webrtc, playback_llhls, \
     signing_secret_sealed, created_ms, changed_ms";

/// An origin.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Origin {
    /// Id.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// Where WHIP is pushed to.
    pub whip_url: Option<String>,
    /// Where RTMP is pushed to.
    pub rtmp_url: Option<String>,
    /// Where SRT is pushed to.
    pub srt_url: Option<String>,
    /// The application on it.
    pub app: String,
    /// The virtual host that the application is in.
    pub vhost: String,
    /// Its REST API.
    pub api_url: Option<String>,
    api_token_sealed: Option<String>,
    /// Template of the WebRTC playback address.
    pub playback_webrtc: Option<String>,
    /// Template of the LL-HLS playback address.
    pub playback_llhls: Option<String>,
    signing_secret_sealed: Option<String>,
    /// When it was made.
    pub created_ms: i64,
    /// When it was last changed.
    pub changed_ms: i64,
}

impl Origin {
    /// An origin without addresses.
    pub(super) fn new(name: String, app: String, now_ms: i64) -> Self {
        Self {
            id: crate::id::new(),
            name,
            whip_url: None,
            rtmp_url: None,
            srt_url: None,
            app,
            vhost: "default".to_owned(),
            api_url: None,
            api_token_sealed: None,
            playback_webrtc: None,
            playback_llhls: None,
            signing_secret_sealed: None,
            created_ms: now_ms,
            changed_ms: now_ms,
        }
    }

    /// Whether there is a token for its API.
    pub fn has_api_token(&self) -> bool {
        self.api_token_sealed.is_some()
    }

    /// The token for its API.
    pub fn api_token(&self, vault: &Vault) -> Result<Option<Secret>, VaultError> {
        self.api_token_sealed.as_deref().map(|sealed| vault.open(API_TOKEN, &self.id, sealed)).transpose()
    }

    /// Sets or takes away the token for its API.
    pub(super) fn set_api_token(&mut self, vault: &Vault, token: Option<&Secret>) {
        self.api_token_sealed = token.map(|token| vault.seal(API_TOKEN, &self.id, token));
    }

    /// Whether it checks addresses by itself, with a secret that is kept.
    pub fn has_signing_secret(&self) -> bool {
        self.signing_secret_sealed.is_some()
    }

    /// Sets or takes away the secret with which it checks addresses.
    pub(super) fn set_signing_secret(&mut self, vault: &Vault, secret: Option<&Secret>) {
        self.signing_secret_sealed = secret.map(|secret| signed_policy::seal(vault, &self.id, secret));
    }
}

/// A server behind an origin that viewers are on.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Edge {
    /// Id.
    pub id: String,
    /// The origin's id.
    pub(super) origin_id: String,
    /// What people call it; once in an origin.
    pub name: String,
    /// Its REST API.
    pub api_url: String,
    api_token_sealed: Option<String>,
}

impl Edge {
    /// An edge without a token.
    pub(super) fn new(origin_id: &str, name: String, api_url: String) -> Self {
        Self { id: crate::id::new(), origin_id: origin_id.to_owned(), name, api_url, api_token_sealed: None }
    }

    /// The same edge without its token.
    pub(super) fn bare(&self) -> Self {
        Self { api_token_sealed: None, ..self.clone() }
    }

    /// The same edge, called or reached otherwise.
    pub(super) fn renamed(&self, name: String, api_url: String) -> Self {
        Self { name, api_url, ..self.clone() }
    }

    /// Whether there is a token for its API.
    pub fn has_api_token(&self) -> bool {
        self.api_token_sealed.is_some()
    }

    /// The token for its API.
    pub fn api_token(&self, vault: &Vault) -> Result<Option<Secret>, VaultError> {
        self.api_token_sealed.as_deref().map(|sealed| vault.open(EDGE_TOKEN, &self.id, sealed)).transpose()
    }

    /// Sets or takes away the token for its API.
    pub(super) fn set_api_token(&mut self, vault: &Vault, token: Option<&Secret>) {
        self.api_token_sealed = token.map(|token| vault.seal(EDGE_TOKEN, &self.id, token));
    }
}

/// The origin with this id.
pub async fn find(store: &Store, id: &str) -> Result<Option<Origin>, StoreError> {
    store.optional(sqlx::AssertSqlSafe(format!("SELECT {COLUMNS} FROM origins WHERE id = $1")), args![id]).await
}

/// The origin of this name, great and small letters alike.
pub(super) async fn named(tx: &mut Transaction, name: &str) -> Result<Option<Origin>, StoreError> {
    tx.optional(sqlx::AssertSqlSafe(format!("SELECT {COLUMNS} FROM origins WHERE lower(name) = lower($1)")), args![name]).await
}

/// A page of the origins that somebody sees, oldest first.
pub(super) async fn page(store: &Store, sight: &Sight, after: &str, rows: u32) -> Result<Vec<Origin>, StoreError> {
    let seen = scope::condition(Kind::Origin, "origins.id", 3);
    let sql = format!("SELECT {COLUMNS} FROM origins WHERE id > $1 AND {seen} ORDER BY id LIMIT $2");
    store.all(sqlx::AssertSqlSafe(sql), sight.after(args![after, rows])).await
}

/// Writes an origin as it now is, new or not.
pub(super) async fn put(tx: &mut Transaction, origin: &Origin) -> Result<(), StoreError> {
    let sql = format!(
        "INSERT INTO origins ({COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14) \
         ON CONFLICT (id) DO UPDATE SET name = excluded.name, whip_url = excluded.whip_url, rtmp_url = excluded.rtmp_url, \
         srt_url = excluded.srt_url, app = excluded.app, vhost = excluded.vhost, api_url = excluded.api_url, \
         api_token_sealed = excluded.api_token_sealed, playback_webrtc = excluded.playback_webrtc, \
         playback_llhls = excluded.playback_llhls, signing_secret_sealed = excluded.signing_secret_sealed, \
         changed_ms = excluded.changed_ms"
    );
    let args = args![
        &origin.id,
        &origin.name,
        origin.whip_url.clone(),
        origin.rtmp_url.clone(),
        origin.srt_url.clone(),
        &origin.app,
        &origin.vhost,
        origin.api_url.clone(),
        origin.api_token_sealed.clone(),
        origin.playback_webrtc.clone(),
        origin.playback_llhls.clone(),
        origin.signing_secret_sealed.clone(),
        origin.created_ms,
        origin.changed_ms,
    ];
    tx.run(sqlx::AssertSqlSafe(sql), args).await.map(drop)
}

/// The edges of an origin, by name.
pub(super) async fn edges(store: &Store, origin_id: &str) -> Result<Vec<Edge>, StoreError> {
    edges_of(store, origin_id, origin_id).await
}

/// The edges of all origins from the one id to the other.
pub(super) async fn edges_of(store: &Store, first: &str, last: &str) -> Result<Vec<Edge>, StoreError> {
    let sql = "SELECT id, origin_id, name, api_url, api_token_sealed FROM origin_edges WHERE origin_id >= $1 AND origin_id <= $2 \
         ORDER BY origin_id, name, id";
    store.all(sql, args![first, last]).await
}

/// The edges of an origin, in the transaction that changes them.
pub(super) async fn edges_in(tx: &mut Transaction, origin_id: &str) -> Result<Vec<Edge>, StoreError> {
    let sql = "SELECT id, origin_id, name, api_url, api_token_sealed FROM origin_edges WHERE origin_id = $1 ORDER BY name, id";
    tx.all(sql, args![origin_id]).await
}

/// Writes the edges of an origin in place of those it had.
pub(super) async fn put_edges(tx: &mut Transaction, origin_id: &str, edges: &[Edge]) -> Result<(), StoreError> {
    tx.run("DELETE FROM origin_edges WHERE origin_id = $1", args![origin_id]).await?;
    let sql = "INSERT INTO origin_edges (id, origin_id, name, api_url, api_token_sealed) VALUES ($1, $2, $3, $4, $5)";
    for edge in edges {
        tx.run(sql, args![&edge.id, origin_id, &edge.name, &edge.api_url, edge.api_token_sealed.clone()]).await?;
    }
    Ok(())
}

/// What uses an origin, in words.
pub(super) async fn uses(tx: &mut Transaction, id: &str) -> Result<Vec<String>, StoreError> {
    let sql = "SELECT 'the broadcast “' || b.meeting_name || '”' FROM targets t JOIN broadcasts b ON b.id = t.broadcast_id \
               WHERE t.origin_id = $1 AND t.removed_ms IS NULL AND b.ended_ms IS NULL \
               UNION ALL SELECT 'the preset “' || p.name || '”' FROM preset_targets t JOIN presets p ON p.id = t.preset_id WHERE t.origin_id = $1 \
               UNION ALL SELECT 'the room “' || title || '”' FROM rooms WHERE origin_id = $1 LIMIT 10";
    Ok(tx.all::<(String,)>(sql, args![id]).await?.into_iter().map(|(text,)| text).collect())
}
