//! Broadcasts as they are asked for, kept, and shown.

use serde::{Deserialize, Serialize, Serializer};

use super::rules::Rules;
use super::session::TargetView;
use super::state::{Phase, Reason};
use crate::media::output::SrtSettings;
use crate::media::profile::Overrides;
use crate::media::program::ProgramStats;
use crate::secret::Secret;

/// What captures the meeting.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SourceKind {
    /// A Chromium of its own joins the meeting.
    #[default]
    Browser,
    /// A moving clock that beeps; needs no server.
    Test,
    /// Joins without a browser; does not exist yet.
    Native,
}

/// How the bot appears in the meeting.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Bot {
    /// The name that people in the meeting see, 1 to 64 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// `viewer` (default) or `moderator`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<BotRole>,
}

/// The bot's role in the meeting.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum BotRole {
    /// Sees what every participant sees.
    #[default]
    Viewer,
    /// Sees all cameras, and what is hidden from viewers.
    Moderator,
}

/// A target as it is asked for: an origin and a stream name, or an address.
#[derive(Clone, Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TargetRequest {
    /// An origin's id.
    pub origin_id: Option<String>,
    /// The public name under which the origin serves the broadcast.
    pub stream_name: Option<String>,
    /// `whip`, `rtmp` or `srt`; without it the best that the origin takes, in this order.
    pub protocol: Option<String>,
    /// `https://…` for WHIP, `rtmp(s)://…` or `srt://…`.
    pub url: Option<String>,
    /// The secret part of an RTMP address.
    #[schema(value_type = Option<String>)]
    pub stream_key: Option<Secret>,
    /// What SRT needs besides.
    pub srt: Option<SrtSettings>,
    /// For WHIP.
    #[schema(value_type = Option<String>)]
    pub bearer: Option<Secret>,
}

/// What is saved of a Start holds no targets: they have keys, which are sealed by themselves. Not `skip_serializing`, which would take the field
/// out of the API's document too.
fn are_kept_apart(_targets: &[TargetRequest]) -> bool {
    true
}

fn nothing<S: Serializer>(_targets: &[TargetRequest], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_unit()
}

/// A Start.
#[derive(Clone, Debug, Default, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct StartRequest {
    /// A BBB server's id; not for `test`.
    pub server_id: Option<String>,
    /// The meeting on it.
    pub meeting_id: Option<String>,
    /// What captures it.
    #[serde(default)]
    pub source: SourceKind,
    /// A profile's name; `720p30` where none is given.
    pub profile: Option<String>,
    /// What is to be other than in the profile.
    #[serde(default)]
    pub overrides: Overrides,
    /// Where it goes; may be empty.
    #[serde(default, skip_serializing_if = "are_kept_apart", serialize_with = "nothing")]
    pub targets: Vec<TargetRequest>,
    /// A room's key.
    pub room: Option<String>,
    /// The bot's name and role.
    #[serde(default)]
    pub bot: Bot,
    /// Say in the meeting's chat that it is on the air (true).
    pub announce: Option<bool>,
    /// What the page shows: `MEDIA_ONLY` (default), `PRESENTATION_ONLY`, `CAMERAS_ONLY`, or another of BBB's layouts.
    pub layout: Option<String>,
    /// Take rumble and hiss from the sound.
    #[serde(default)]
    pub voice_filter: bool,
    /// Start although the meeting is on the air already.
    #[serde(default)]
    pub again: bool,
    /// The node to run on; any where none is given.
    pub node: Option<String>,
    /// When it ends by itself.
    #[serde(default)]
    pub rules: Rules,
}

/// A broadcast as it is kept.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Row {
    /// Its id; also the bot's user id.
    pub id: String,
    /// The server, unless it is a test or the server was deleted.
    pub server_id: Option<String>,
    /// The meeting; empty for a test.
    pub meeting_id: String,
    /// What the meeting was called at the start.
    pub meeting_name: String,
    /// `browser` or `test`.
    pub source: String,
    /// The profile's name.
    pub profile: String,
    /// [`Overrides`] as JSON.
    pub overrides: String,
    /// The room's key.
    pub room_key: Option<String>,
    /// The bot's name.
    pub bot_name: String,
    /// The bot's role.
    pub bot_role: String,
    /// BBB's layout.
    pub layout: String,
    /// Whether the meeting is told.
    pub announce: i64,
    /// Whether the sound is filtered.
    pub voice_filter: i64,
    /// Where it stands.
    pub phase: String,
    /// More in a word.
    pub step: Option<String>,
    /// Whether it is paused.
    pub paused: i64,
    /// Why it ended.
    pub reason: Option<String>,
    /// Where it runs.
    pub node: String,
    /// Who started it.
    pub started_by: String,
    /// When.
    pub started_ms: i64,
    /// When it ended.
    pub ended_ms: Option<i64>,
    /// Whether it should be on the air.
    pub desired: i64,
    /// Grows whenever a process takes it up: what carries an older one is of a process that has lost it.
    pub epoch: i64,
    /// [`Terms`](super::rules::Terms) as JSON.
    pub rules: String,
    /// The preset that it was started from.
    pub preset_id: Option<String>,
    /// What started it by itself.
    pub cause: Option<String>,
}

/// A target as it is kept.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct TargetRow {
    /// Its id.
    pub id: String,
    /// Its broadcast.
    pub broadcast_id: String,
    /// What people see of it.
    pub label: String,
    /// `whip`, `rtmp`, `rtmps`, `srt`.
    pub protocol: String,
    /// The [`TargetAddress`], sealed.
    pub address_sealed: String,
    /// The WHIP session that was on last, sealed.
    pub whip_resource_sealed: Option<String>,
}

/// Everything needed to feed a target; sealed at rest.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct TargetAddress {
    /// The address.
    pub url: String,
    /// The stream key.
    pub stream_key: Option<String>,
    /// SRT's stream id.
    pub streamid: Option<String>,
    /// SRT's passphrase.
    pub passphrase: Option<String>,
    /// SRT's latency.
    pub latency_ms: Option<u32>,
    /// Opus over SRT.
    #[serde(default)]
    pub opus: bool,
    /// WHIP's bearer token.
    #[serde(default)]
    pub bearer: Option<String>,
}

/// A line of a broadcast's list of events.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct EventView {
    /// Its id; later ones are greater.
    pub id: String,
    /// When, RFC 3339.
    pub at: String,
    /// A stable word.
    pub code: String,
    /// A sentence.
    pub message: String,
    /// The target that it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target_id: Option<String>,
}

/// A broadcast as it is shown.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct BroadcastView {
    /// Its id.
    pub id: String,
    /// Where it stands.
    pub phase: Phase,
    /// More in a word.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub step: Option<String>,
    /// Whether it is paused.
    pub paused: bool,
    /// Why it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
    /// The server.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server_id: Option<String>,
    /// The meeting.
    pub meeting_id: String,
    /// What it is called.
    pub meeting_name: String,
    /// What captures it.
    #[schema(value_type = SourceKind)]
    pub source: String,
    /// The profile.
    pub profile: String,
    /// The room's key.
    pub room: Option<String>,
    /// Where it runs.
    pub node: String,
    /// Who started it.
    pub started_by: String,
    /// When, RFC 3339.
    pub started_at: String,
    /// When it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<String>,
    /// What goes out.
    pub program: ProgramStats,
    /// The targets.
    pub targets: Vec<TargetView>,
    /// Who watches it now, here and at its origins.
    pub viewers: u64,
}

/// The word that serde writes for a value, as it is kept in the database.
pub(super) fn word<T: Serialize>(value: &T) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word,
        _ => String::new(),
    }
}

/// The value behind a word of the database.
pub(super) fn of_word<T: for<'de> Deserialize<'de>>(word: &str) -> Option<T> {
    serde_json::from_value(serde_json::Value::String(word.to_owned())).ok()
}
