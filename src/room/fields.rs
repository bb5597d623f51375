//! What is said about a room over the API: when it is made, and when it is changed.
#![expect(clippy::option_option, reason = "in a change, absent and null differ")]

use serde::Deserialize;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use utoipa::ToSchema;

use super::admission::Visibility;
use super::form::FormFields;
use super::look::{self, Accent, SocialLink};
use super::store::{Kept, Room};
use super::typed;
use crate::http::json::present;
use crate::http::{Answer, Problem, check};
use crate::origin;
use crate::secret::Secret;
use crate::store::Flag;

const TITLE_CHARACTERS: usize = 200;
const DESCRIPTION_CHARACTERS: usize = 20_000;
/// The last moment that a start may have, in Unix milliseconds: what lies beyond is a slip of the keyboard.
const LAST_START_MS: i64 = 7_258_118_400_000;

/// A room to be made. All but key and title may be said later.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewRoom {
    #[schema(pattern = "^[a-z0-9-]{1,64}$")]
    pub(super) key: String,
    title: String,
    #[serde(default)]
    description: String,
    #[serde(default)]
    visibility: Visibility,
    /// Needed where it is for those who know it; 8 characters at least.
    #[schema(value_type = Option<String>, format = Password)]
    password: Option<Secret>,
    origin_id: Option<String>,
    /// Ids or names of groups; those of the caller where left out, and none for an admin's.
    groups: Option<Vec<String>>,
    language: Option<String>,
    #[serde(default)]
    accent: Accent,
    logo_link: Option<String>,
    #[serde(default)]
    links: Vec<SocialLink>,
    #[serde(default)]
    promoted: bool,
    indexed: Option<bool>,
    #[serde(default)]
    playback: RoomPlayback,
    matomo_site: Option<i64>,
    #[schema(format = DateTime)]
    starts_at: Option<String>,
    sites: Option<Vec<String>>,
    form: Option<FormFields>,
}

impl NewRoom {
    /// The key, the groups, and everything else as a change of an empty room.
    pub(super) fn into_change(self) -> (String, Option<Vec<String>>, RoomChange) {
        let change = RoomChange {
            title: Some(self.title),
            description: Some(self.description),
            visibility: Some(self.visibility),
            password: self.password.map(Some),
            origin_id: self.origin_id.map(Some),
            groups: None,
            language: self.language.map(Some),
            accent: Some(self.accent),
            logo_link: self.logo_link.map(Some),
            links: Some(self.links),
            promoted: Some(self.promoted),
            indexed: self.indexed,
            playback: self.playback,
            matomo_site: self.matomo_site.map(Some),
            starts_at: self.starts_at.map(Some),
            sites: self.sites,
            form: self.form.map(Some),
        };
        (self.key, self.groups, change)
    }
}

/// Playback addresses of a room's own, in place of its origin's: templates in which `{app}` and `{name}` are filled in.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RoomPlayback {
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>, example = "wss://edge.example.org/{app}/{name}")]
    webrtc: Option<Option<String>>,
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>, example = "https://edge.example.org/{app}/{name}/llhls.m3u8")]
    llhls: Option<Option<String>>,
}

/// What changes about a room; what is left out stays, and what is null goes.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RoomChange {
    title: Option<String>,
    /// Markdown; HTML in it is shown as text.
    description: Option<String>,
    visibility: Option<Visibility>,
    /// A new one has to be given by everybody who watches; null takes it away.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>, format = Password)]
    pub(super) password: Option<Option<Secret>>,
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>)]
    pub(super) origin_id: Option<Option<String>>,
    /// Ids or names of groups.
    pub(super) groups: Option<Vec<String>>,
    /// The language of its texts, as in `lang`: its pages are in it for those who have chosen none.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>, example = "hi")]
    language: Option<Option<String>>,
    accent: Option<Accent>,
    /// Where its logo leads, http or https.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>)]
    logo_link: Option<Option<String>>,
    /// At most 12.
    links: Option<Vec<SocialLink>>,
    /// It stands on the front page at any time. Not for unlisted rooms.
    promoted: Option<bool>,
    /// Search engines may show it, if it is public.
    indexed: Option<bool>,
    #[serde(default)]
    playback: RoomPlayback,
    /// What it is called in Matomo.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<i64>, minimum = 1)]
    matomo_site: Option<Option<i64>>,
    /// When it is to begin.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>, format = DateTime)]
    starts_at: Option<Option<String>>,
    /// Sites that may embed it, as `https://host`; `*` alone for all, an empty list for none. At most 32.
    sites: Option<Vec<String>>,
    /// What it asks of those who register; null for nothing.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<FormFields>)]
    form: Option<Option<FormFields>>,
}

impl RoomChange {
    /// Checks every field and puts it into the room. The password goes its own way: `has_password` says whether there will be one, where
    /// that changes.
    pub(super) fn apply(self, room: &mut Room, has_password: Option<bool>) -> Answer<()> {
        if let Some(title) = self.title {
            room.title = typed::line("title", &title, TITLE_CHARACTERS)?;
        }
        if let Some(description) = self.description {
            room.description = check::text("description", &typed::tidy(&description), DESCRIPTION_CHARACTERS)?;
        }
        room.visibility = self.visibility.unwrap_or(room.visibility);
        room.origin_id = self.origin_id.unwrap_or(room.origin_id.take());
        room.has_password = has_password.map_or(room.has_password, Flag);
        if let Some(language) = self.language {
            room.language = language.map(|tag| look::language(&tag)).transpose()?;
        }
        room.accent = self.accent.unwrap_or(room.accent);
        if let Some(link) = self.logo_link {
            room.logo_link = link.map(|link| look::web_address("logo_link", &link)).transpose()?;
        }
        if let Some(links) = self.links {
            room.links = Kept(look::links(links)?);
        }
        room.promoted = self.promoted.map_or(room.promoted, Flag);
        room.indexed = self.indexed.map_or(room.indexed, Flag);
        let templates = [
            ("playback.webrtc", self.playback.webrtc, &mut room.playback_webrtc, &["wss", "ws", "https", "http"][..]),
            ("playback.llhls", self.playback.llhls, &mut room.playback_llhls, &["https", "http"]),
        ];
        for (field, given, kept, schemes) in templates {
            if let Some(given) = given {
                *kept = given.map(|text| template(field, &text, schemes)).transpose()?;
            }
        }
        if let Some(site) = self.matomo_site {
            if site.is_some_and(|site| !(1..=1_000_000_000).contains(&site)) {
                return Err(Problem::invalid("matomo_site", "`matomo_site` is the number of a site in Matomo."));
            }
            room.matomo_site = site;
        }
        if let Some(starts_at) = self.starts_at {
            room.starts_ms = starts_at.map(|text| moment("starts_at", &text)).transpose()?;
        }
        if let Some(sites) = self.sites {
            room.sites = Kept(look::sites(&sites)?);
        }
        if let Some(form) = self.form {
            room.form = Kept(room.form.0.followed_by(form)?);
        }
        refuse_contradictions(room)
    }
}

/// A room that nobody could enter, or that stands where it must not.
fn refuse_contradictions(room: &Room) -> Answer<()> {
    match room.visibility {
        Visibility::Password if !room.has_password.0 => {
            Err(Problem::invalid("password", "A room for those who know its password needs one."))
        }
        Visibility::Registered if !room.form.0.is_some() => {
            Err(Problem::invalid("form", "A room for those who have registered needs a form."))
        }
        Visibility::Unlisted if room.promoted.0 => {
            Err(Problem::invalid("promoted", "A room that stands on no page cannot stand on the front page."))
        }
        _ => Ok(()),
    }
}

/// A playback address: `{app}` and `{name}` may be in it, and no other braces.
fn template(field: &str, text: &str, schemes: &[&str]) -> Answer<String> {
    let text = text.trim();
    let filled = origin::playback(text, "app", "name");
    if filled.contains(['{', '}']) {
        return Err(Problem::invalid(
            field,
            format!("`{field}` is an address in which {{app}} and {{name}} may stand, and no other braces."),
        ));
    }
    check::url(field, &filled, schemes)?;
    Ok(text.to_owned())
}

/// A time of RFC 3339, as Unix milliseconds.
pub(super) fn moment(field: &str, text: &str) -> Answer<i64> {
    let wrong = || Problem::invalid(field, format!("`{field}` must be a time such as 2026-11-22T18:30:00+05:30."));
    let at = OffsetDateTime::parse(text.trim(), &Rfc3339).map_err(|_| wrong())?;
    let at_ms = i64::try_from(at.unix_timestamp_nanos() / 1_000_000).map_err(|_| wrong())?;
    if (0..LAST_START_MS).contains(&at_ms) { Ok(at_ms) } else { Err(wrong()) }
}
