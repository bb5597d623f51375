//! Rooms as their pages show them.

use url::Url;

use super::frame::Frame;
use crate::app::App;
use crate::broadcast::room_state::RoomPhase;
use crate::moment::{now_ms, rfc3339};
use crate::room::look::LinkKind;
use crate::room::{Room, Visibility, markdown};
use crate::store::StoreError;

/// Rooms on the front page; more would be no front page.
const ON_FRONT: u32 = 60;
/// Characters of a description that others show with a link.
const SUMMARY: usize = 200;

/// A room and what is going on in it.
#[derive(Clone, Debug)]
pub(super) struct RoomNow {
    pub(super) room: Room,
    pub(super) state: RoomPhase,
    /// Whether this process can make a picture of what is on.
    pub(super) has_thumbnail: bool,
}

impl RoomNow {
    async fn of(app: &App, room: Room) -> Result<Self, StoreError> {
        let state = app.supervisor.room_state(&room.key).await?.state;
        let mut now = Self { room, state, has_thumbnail: false };
        now.has_thumbnail = now.is_on_air() && app.supervisor.room_session(&now.room.key).await?.is_some();
        Ok(now)
    }

    /// Whether something is to be seen, or will be again in a moment.
    pub(super) fn is_on_air(&self) -> bool {
        matches!(self.state, RoomPhase::Live | RoomPhase::Interrupted | RoomPhase::Paused)
    }

    /// Whether something is on the air or announced.
    pub(super) fn is_on(&self) -> bool {
        !matches!(self.state, RoomPhase::None | RoomPhase::Over)
    }

    /// Its picture for everybody: what is on, where that is for everybody, else its cover; nothing where it has none.
    pub(super) fn picture(&self) -> String {
        if self.room.visibility == Visibility::Public && self.has_thumbnail {
            return format!("/watch/{}/thumbnail.jpg", self.room.key);
        }
        self.room.cover_hash.as_deref().map(crate::room::picture_address).unwrap_or_default()
    }

    /// When it is to begin, RFC 3339; nothing where that is not known or past.
    pub(super) fn starts_at(&self) -> String {
        let is_waiting = matches!(self.state, RoomPhase::None | RoomPhase::Announced | RoomPhase::Over);
        self.room.starts_ms.filter(|starts_ms| is_waiting && *starts_ms > now_ms()).map(rfc3339).unwrap_or_default()
    }
}

/// Rooms of the front page: those for everybody with something on the air or announced, and promoted ones.
pub(super) async fn on_front(app: &App) -> Result<Vec<RoomNow>, StoreError> {
    let mut rooms = Vec::new();
    for room in crate::room::on_front(&app.store, ON_FRONT).await? {
        let now = RoomNow::of(app, room).await?;
        if now.is_on() || now.room.promoted.0 {
            rooms.push(now);
        }
    }
    Ok(rooms)
}

/// What is going on in a room.
pub(super) async fn now(app: &App, room: Room) -> Result<RoomNow, StoreError> {
    RoomNow::of(app, room).await
}

/// A link of a room.
pub(super) struct Link {
    pub(super) name: String,
    pub(super) url: String,
    /// Which mark stands before it.
    pub(super) kind: &'static str,
}

/// What is said about a room below its player; empty where nothing is.
pub(super) struct About {
    /// The language of its texts.
    pub(super) lang: String,
    /// The description; `room::markdown` made it.
    pub(super) html: String,
    pub(super) cover: String,
    pub(super) logo: String,
    pub(super) logo_link: String,
    pub(super) links: Vec<Link>,
    /// When it is to begin, RFC 3339, and for those without a script.
    pub(super) starts_at: String,
    pub(super) starts_text: String,
    /// What the way to its form is called.
    pub(super) register: &'static str,
    pub(super) key: String,
}

impl About {
    /// Of a room that somebody may watch, or that may be told of.
    pub(super) fn of(now: &RoomNow, register: &'static str) -> Self {
        let room = &now.room;
        let link = |link: &crate::room::look::SocialLink| Link { name: link.name(), url: link.url.clone(), kind: mark(link.kind) };
        let picture = |hash: &Option<String>| hash.as_deref().map(crate::room::picture_address).unwrap_or_default();
        let starts_at = now.starts_at();
        Self {
            lang: room.language.clone().unwrap_or_default(),
            html: markdown::html(&room.description),
            cover: picture(&room.cover_hash),
            logo: picture(&room.logo_hash),
            logo_link: room.logo_link.clone().unwrap_or_default(),
            links: room.links.0.iter().map(link).collect(),
            starts_text: plain_time(&starts_at),
            starts_at,
            register,
            key: room.key.clone(),
        }
    }
}

/// A time of RFC 3339 for those whose browser does not put it into their own.
pub(super) fn plain_time(rfc3339: &str) -> String {
    match rfc3339.split_once('T') {
        Some((date, time)) => format!("{date} {} UTC", time.get(..5).unwrap_or_default()),
        None => String::new(),
    }
}

fn mark(kind: LinkKind) -> &'static str {
    match kind {
        LinkKind::Facebook => "facebook",
        LinkKind::Fediverse => "fediverse",
        LinkKind::Telegram => "telegram",
        LinkKind::X => "x",
        LinkKind::Youtube => "youtube",
        LinkKind::Other => "other",
    }
}

/// What others show with a link to a room. A room that is not for everybody tells its title.
pub(super) struct Meta {
    pub(super) title: String,
    pub(super) description: String,
    /// Absolute addresses; empty where none is known.
    pub(super) url: String,
    pub(super) image: String,
}

impl Meta {
    pub(super) fn of(now: &RoomNow, public_url: Option<&Url>) -> Self {
        let room = &now.room;
        let absolute =
            |path: &str| public_url.filter(|_| !path.is_empty()).and_then(|url| url.join(path).ok()).map(String::from).unwrap_or_default();
        let is_public = room.visibility == Visibility::Public;
        Self {
            title: room.title.clone(),
            description: if is_public { markdown::words(&room.description, SUMMARY) } else { String::new() },
            url: absolute(&format!("/watch/{}", room.key)),
            image: if is_public { absolute(&now.picture()) } else { String::new() },
        }
    }
}

/// The badge of a state: its words and its colour.
pub(super) fn badge(page: &Frame, state: RoomPhase) -> (&'static str, &'static str) {
    match state {
        RoomPhase::Live => (page.t("room.live"), "live"),
        RoomPhase::Interrupted => (page.t("room.interrupted"), "warn"),
        RoomPhase::Paused => (page.t("room.paused"), "warn"),
        RoomPhase::Announced => (page.t("room.announced"), "brand"),
        RoomPhase::None | RoomPhase::Over => ("", ""),
    }
}
