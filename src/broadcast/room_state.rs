//! What a room shows of its broadcast. Pure.

use serde::Serialize;

use super::model::{Row, of_word};
use super::playing::Playing;
use super::state::Phase;
use crate::moment::rfc3339;

/// A broadcast that ended longer ago is no longer what a room is about.
const OVER_FOR_MS: i64 = 12 * 3600 * 1000;

/// In one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RoomPhase {
    /// Nothing is on.
    None,
    /// It will begin.
    Announced,
    /// It is on.
    Live,
    /// It will be back in a moment.
    Interrupted,
    /// The host has paused it.
    Paused,
    /// It was.
    Over,
}

/// What a room shows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct RoomState {
    /// In one word.
    pub state: RoomPhase,
    /// Since when, RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<String>,
    /// Names what is played; with another name, players begin anew.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub playback: Option<String>,
    /// Whether it can be played now.
    pub playback_live: bool,
}

/// The state of a room whose newest broadcast is `row`, which is played so.
pub(super) fn of(row: Option<&Row>, playing: Option<Playing>, now_ms: i64) -> RoomState {
    let nothing = |state, since| RoomState { state, since, playback: None, playback_live: false };
    let Some(row) = row else { return nothing(RoomPhase::None, None) };
    if let Some(ended_ms) = row.ended_ms {
        let state = if now_ms - ended_ms < OVER_FOR_MS { RoomPhase::Over } else { RoomPhase::None };
        return nothing(state, Some(rfc3339(ended_ms)));
    }
    let state = match of_word::<Phase>(&row.phase) {
        Some(Phase::Live | Phase::Interrupted) if row.paused == 1 => RoomPhase::Paused,
        Some(Phase::Live) => RoomPhase::Live,
        Some(Phase::Interrupted) => RoomPhase::Interrupted,
        Some(Phase::Ending | Phase::Ended) => RoomPhase::Over,
        Some(Phase::Waiting | Phase::Joining) | None => RoomPhase::Announced,
    };
    let playback_live = playing.as_ref().is_some_and(|playing| playing.is_live);
    RoomState { state, since: Some(rfc3339(row.started_ms)), playback: playing.map(|playing| playing.stream), playback_live }
}
