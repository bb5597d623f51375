//! Origins in the database.

use crate::secret::Secret;
use crate::store::vault::{Vault, VaultError};
use crate::store::{Store, StoreError, Transaction, args};

/// Where the token is sealed for.
const API_TOKEN: &str = "origins.api_token";

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
    /// Its REST API.
    pub api_url: Option<String>,
    api_token_sealed: Option<String>,
    /// Template of the WebRTC playback address.
    pub playback_webrtc: Option<String>,
    /// Template of the LL-HLS playback address.
    pub playback_llhls: Option<String>,
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
            api_url: None,
            api_token_sealed: None,
            playback_webrtc: None,
            playback_llhls: None,
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
}

/// The origin with this id.
pub async fn find(store: &Store, id: &str) -> Result<Option<Origin>, StoreError> {
    let sql = "SELECT id, name, whip_url, rtmp_url, srt_url, app, api_url, api_token_sealed, playback_webrtc, playback_llhls, created_ms, \
               changed_ms FROM origins WHERE id = $1";
    store.optional(sql, args![id]).await
}

/// A page of origins, oldest first.
pub(super) async fn page(store: &Store, after: &str, rows: u32) -> Result<Vec<Origin>, StoreError> {
    let sql = "SELECT id, name, whip_url, rtmp_url, srt_url, app, api_url, api_token_sealed, playback_webrtc, playback_llhls, created_ms, \
               changed_ms FROM origins WHERE id > $1 ORDER BY id LIMIT $2";
    store.all(sql, args![after, rows]).await
}

/// Writes an origin as it now is, new or not.
pub(super) async fn put(tx: &mut Transaction, origin: &Origin) -> Result<(), StoreError> {
    let sql = "INSERT INTO origins (id, name, whip_url, rtmp_url, srt_url, app, api_url, api_token_sealed, playback_webrtc, playback_llhls, \
               created_ms, changed_ms) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) \
               ON CONFLICT (id) DO UPDATE SET name = excluded.name, whip_url = excluded.whip_url, rtmp_url = excluded.rtmp_url, \
               srt_url = excluded.srt_url, app = excluded.app, api_url = excluded.api_url, api_token_sealed = excluded.api_token_sealed, \
               playback_webrtc = excluded.playback_webrtc, playback_llhls = excluded.playback_llhls, changed_ms = excluded.changed_ms";
    let args = args![
        &origin.id,
        &origin.name,
        origin.whip_url.clone(),
        origin.rtmp_url.clone(),
        origin.srt_url.clone(),
        &origin.app,
        origin.api_url.clone(),
        origin.api_token_sealed.clone(),
        origin.playback_webrtc.clone(),
        origin.playback_llhls.clone(),
        origin.created_ms,
        origin.changed_ms,
    ];
    tx.run(sql, args).await.map(drop)
}
