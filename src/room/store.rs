//! Rooms in the database.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::admission::{Rule, Visibility};
use super::form::Form;
use super::look::{Accent, SocialLink};
use crate::account::{Kind, Sight, scope};
use crate::store::{Arg, Flag, Store, StoreError, Transaction, args};

/// A value that is kept as JSON text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Kept<T>(pub T);

impl<T: DeserializeOwned> TryFrom<String> for Kept<T> {
    type Error = serde_json::Error;

    fn try_from(text: String) -> Result<Self, serde_json::Error> {
        serde_json::from_str(&text).map(Self)
    }
}

impl<T: Serialize> From<&Kept<T>> for Arg {
    fn from(kept: &Kept<T>) -> Self {
        // Plain data with names for keys: nothing in it can fail to be written.
        serde_json::to_string(&kept.0).unwrap_or_default().into()
    }
}

/// A room.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Room {
    /// Id.
    pub id: String,
    /// What stands in its address.
    pub key: String,
    /// Title.
    pub title: String,
    /// Description, Markdown.
    pub description: String,
    /// Whom it is for.
    #[sqlx(try_from = "String")]
    pub visibility: Visibility,
    /// Whether a password is kept; its hash stays where it is.
    #[sqlx(try_from = "i64")]
    pub has_password: Flag,
    /// Which of its passwords counts now.
    pub password_version: i64,
    /// The origin that it plays from when a broadcast has several.
    pub origin_id: Option<String>,
    /// The language of its texts, as in `lang`.
    pub language: Option<String>,
    /// The colour of what can be pressed.
    #[sqlx(try_from = "String")]
    pub accent: Accent,
    /// The name of its cover picture.
    pub cover_hash: Option<String>,
    /// The name of its logo.
    pub logo_hash: Option<String>,
    /// Where its logo leads.
    pub logo_link: Option<String>,
    /// Where else the organiser is found.
    #[sqlx(try_from = "String")]
    pub links: Kept<Vec<SocialLink>>,
    /// It stands on the front page at any time.
    #[sqlx(try_from = "i64")]
    pub promoted: Flag,
    /// Search engines may show it, if it is public.
    #[sqlx(try_from = "i64")]
    pub indexed: Flag,
    /// Template of its own WebRTC address.
    pub playback_webrtc: Option<String>,
    /// Template of its own LL-HLS address.
    pub playback_llhls: Option<String>,
    /// What Matomo calls it.
    pub matomo_site: Option<i64>,
    /// When it is to begin, Unix milliseconds.
    pub starts_ms: Option<i64>,
    /// Sites that may embed it, as origins (`https://host`), or `*` for all.
    #[sqlx(try_from = "String")]
    pub sites: Kept<Vec<String>>,
    /// What it asks of those who register.
    #[sqlx(try_from = "String")]
    pub form: Kept<Form>,
    /// When it was made.
    pub created_ms: i64,
    /// When it was last changed.
    pub changed_ms: i64,
}

impl Room {
    /// What it asks of those who watch.
    pub fn rule(&self) -> Rule {
        Rule { visibility: self.visibility, password_version: self.password_version }
    }

    /// Whether search engines may show it.
    pub fn is_indexed(&self) -> bool {
        self.visibility == Visibility::Public && self.indexed.0
    }
}

macro_rules! columns {
    ($rest:literal) => {
        concat!(
            "SELECT id, key, title, description, visibility, CAST(CASE WHEN password_hash IS NULL THEN 0 ELSE 1 END AS BIGINT) AS has_password, \
             password_version, origin_id, language, accent, cover_hash, logo_hash, logo_link, links, promoted, indexed, playback_webrtc, \
             playback_llhls, matomo_site, starts_ms, sites, form, created_ms, changed_ms FROM rooms ",
            $rest
        )
    };
}

/// A room of this key of which nothing has been said.
pub(super) fn empty(key: String, now_ms: i64) -> Room {
    Room {
        id: crate::id::new(),
        key,
        title: String::new(),
        description: String::new(),
        visibility: Visibility::default(),
        has_password: Flag(false),
        password_version: 0,
        origin_id: None,
        language: None,
        accent: Accent::default(),
        cover_hash: None,
        logo_hash: None,
        logo_link: None,
        links: Kept::default(),
        promoted: Flag(false),
        indexed: Flag(true),
        playback_webrtc: None,
        playback_llhls: None,
        matomo_site: None,
        starts_ms: None,
        sites: Kept(vec!["*".to_owned()]),
        form: Kept::default(),
        created_ms: now_ms,
        changed_ms: now_ms,
    }
}

/// The room with this key.
pub async fn find(store: &Store, key: &str) -> Result<Option<Room>, StoreError> {
    store.optional(columns!("WHERE key = $1"), args![key]).await
}

/// The room with this key, which nobody else changes until the transaction ends.
pub(super) async fn hold(tx: &mut Transaction, key: &str) -> Result<Option<Room>, StoreError> {
    tx.run("UPDATE rooms SET changed_ms = changed_ms WHERE key = $1", args![key]).await?;
    tx.optional(columns!("WHERE key = $1"), args![key]).await
}

/// A page of the rooms that somebody sees, oldest first.
pub(super) async fn page(store: &Store, sight: &Sight, after: &str, rows: u32) -> Result<Vec<Room>, StoreError> {
    let seen = scope::condition(Kind::Room, "rooms.id", 3);
    let sql = format!("{} WHERE id > $1 AND {seen} ORDER BY id LIMIT $2", columns!(""));
    store.all(sqlx::AssertSqlSafe(sql), sight.after(args![after, rows])).await
}

/// Rooms that the front page may show: public ones with something on the air or announced, and promoted ones. What is on comes first, and
/// the newest of it.
pub async fn on_front(store: &Store, rows: u32) -> Result<Vec<Room>, StoreError> {
    let sql = columns!(
        "LEFT JOIN (SELECT room_key, MAX(id) AS broadcast FROM broadcasts WHERE ended_ms IS NULL GROUP BY room_key) AS open \
         ON open.room_key = rooms.key WHERE (visibility = 'public' AND open.broadcast IS NOT NULL) \
         OR (promoted = 1 AND visibility <> 'unlisted') \
         ORDER BY CASE WHEN open.broadcast IS NULL THEN 1 ELSE 0 END, open.broadcast DESC, \
         CASE WHEN starts_ms IS NULL THEN 1 ELSE 0 END, starts_ms, id DESC LIMIT $1"
    );
    store.all(sql, args![rows]).await
}

pub(super) async fn insert(tx: &mut Transaction, room: &Room) -> Result<(), StoreError> {
    let sql = "INSERT INTO rooms (id, key, title, description, created_ms, changed_ms) VALUES ($1, $2, $3, $4, $5, $5)";
    tx.run(sql, args![&room.id, &room.key, &room.title, &room.description, room.created_ms]).await?;
    update(tx, room).await
}

/// Writes everything but its pictures and its password, which have ways of their own.
pub(super) async fn update(tx: &mut Transaction, room: &Room) -> Result<(), StoreError> {
    let sql = "UPDATE rooms SET title = $2, description = $3, visibility = $4, origin_id = $5, language = $6, accent = $7, logo_link = $8, \
               links = $9, promoted = $10, indexed = $11, playback_webrtc = $12, playback_llhls = $13, matomo_site = $14, starts_ms = $15, \
               sites = $16, form = $17, changed_ms = $18 WHERE id = $1";
    let args = args![
        &room.id,
        &room.title,
        &room.description,
        room.visibility.word(),
        room.origin_id.clone(),
        room.language.clone(),
        room.accent.word(),
        room.logo_link.clone(),
        &room.links,
        room.promoted,
        room.indexed,
        room.playback_webrtc.clone(),
        room.playback_llhls.clone(),
        room.matomo_site,
        room.starts_ms,
        &room.sites,
        &room.form,
        room.changed_ms
    ];
    tx.run(sql, args).await.map(drop)
}

/// Keeps the hash of a new password, or none. Everybody has to give the new one.
pub(super) async fn set_password(tx: &mut Transaction, room_id: &str, hash: Option<String>) -> Result<(), StoreError> {
    let sql = "UPDATE rooms SET password_hash = $2, password_version = password_version + 1 WHERE id = $1";
    tx.run(sql, args![room_id, hash]).await.map(drop)
}

/// Whether there is an origin with this id.
pub(super) async fn has_origin(tx: &mut Transaction, origin_id: &str) -> Result<bool, StoreError> {
    Ok(tx.optional::<(String,)>("SELECT id FROM origins WHERE id = $1", args![origin_id]).await?.is_some())
}
