//! Who has joined, and what their page shows.

use std::collections::HashMap;

use serde::Serialize;
use tokio::sync::watch;

use super::meeting::{Audio, MeetingState, Strip};

/// Why the client shows its end screen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// The meeting is over, with a code as in `ENDED_FROM_API`.
    Meeting(&'static str),
    /// A user of this name ended it.
    ByUser(String),
    /// The user was thrown out, with a code as in `user_requested_eject_reason`.
    Ejected(&'static str),
}

/// A join, as tests see it.
#[derive(Clone, Debug)]
pub struct Session {
    pub token: String,
    pub meeting_id: String,
    /// What came as `userID`, or BBB's own.
    pub user_id: String,
    pub name: String,
    pub role: String,
    /// All parameters of the join.
    pub parameters: HashMap<String, String>,
    /// In the lobby.
    pub waiting: bool,
    /// The page is connected.
    pub connected: bool,
    /// The page shows the meeting.
    pub joined: bool,
    /// How audio was joined: `auto`, a button's name, or `live_kit`.
    pub audio: Option<String>,
    /// Why it is over.
    pub end: Option<End>,
    /// What the page reported, oldest first: (`clicked`, `listenOnlyBtn`), (`screen`, `lobby`)…
    pub reports: Vec<(String, String)>,
}

impl Session {
    /// Whether this was reported by the page.
    pub fn has_report(&self, what: &str, detail: &str) -> bool {
        self.reports.iter().any(|(a, b)| a == what && b == detail)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Admission {
    Allow,
    Wait,
    Deny,
}

impl Admission {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Allow => "ALLOW",
            Self::Wait => "WAIT",
            Self::Deny => "DENY",
        }
    }
}

#[derive(Clone, Debug, Serialize)]
pub(super) struct Command {
    pub(super) what: &'static str,
    pub(super) detail: String,
}

/// What the page shows: all it needs to know, sent whenever it changes.
#[derive(Clone, Debug, Serialize)]
#[expect(clippy::struct_excessive_bools, reason = "switches of a page")]
pub(super) struct View {
    screen: &'static str,
    name: String,
    role: String,
    params: HashMap<String, String>,
    audio: Audio,
    strip: Strip,
    fps: u32,
    audio_join_ms: u64,
    admit_ms: u64,
    still: bool,
    silent: bool,
    stubborn: bool,
    banner: bool,
    poll: bool,
    toasts: Vec<String>,
    session_details: bool,
    recording_notice: bool,
    breakout: bool,
    reason: String,
    ended_by: String,
    position: u32,
    lobby_message: String,
    leave_after_ms: Option<u64>,
    logout_url: String,
    commands: Vec<Command>,
}

pub(super) struct SessionState {
    pub(super) token: String,
    pub(super) cookie: String,
    pub(super) auth_token: String,
    pub(super) internal_id: String,
    pub(super) meeting_id: String,
    pub(super) user_id: String,
    pub(super) name: String,
    pub(super) role: &'static str,
    pub(super) parameters: HashMap<String, String>,
    pub(super) admission: Admission,
    pub(super) connections: u32,
    pub(super) joined: bool,
    pub(super) audio: Option<String>,
    pub(super) end: Option<End>,
    pub(super) error: Option<&'static str>,
    pub(super) reports: Vec<(String, String)>,
    /// All so far: the page runs those that it has not run, so that none is lost between two views.
    pub(super) commands: Vec<Command>,
    pub(super) view: watch::Sender<String>,
}

impl SessionState {
    /// Whether the user counts as a participant.
    pub(super) fn in_meeting(&self) -> bool {
        self.connections > 0 && self.joined && self.end.is_none()
    }

    pub(super) fn seen(&self) -> Session {
        Session {
            token: self.token.clone(),
            meeting_id: self.meeting_id.clone(),
            user_id: self.user_id.clone(),
            name: self.name.clone(),
            role: self.role.into(),
            parameters: self.parameters.clone(),
            waiting: self.admission == Admission::Wait && self.end.is_none(),
            connected: self.connections > 0,
            joined: self.in_meeting(),
            audio: self.audio.clone(),
            end: self.end.clone(),
            reports: self.reports.clone(),
        }
    }

    /// Sends the page what it is to show.
    pub(super) fn publish(&self, meeting: Option<&MeetingState>) {
        let Some(meeting) = meeting else { return };
        let (screen, reason, ended_by) = match (&self.end, self.error, self.admission) {
            (Some(End::Meeting(code) | End::Ejected(code)), ..) => ("ended", *code, ""),
            (Some(End::ByUser(name)), ..) => ("ended", "", name.as_str()),
            (None, Some(code), _) => ("error", code, ""),
            (None, None, Admission::Wait) => ("lobby", "", ""),
            (None, None, Admission::Deny) => ("denied", "", ""),
            (None, None, Admission::Allow) if meeting.never_ready => ("loading", "", ""),
            (None, None, Admission::Allow) => ("meeting", "", ""),
        };
        let view = View {
            screen,
            name: meeting.name.clone(),
            role: self.role.into(),
            params: self.parameters.clone(),
            audio: meeting.audio,
            strip: meeting.strip,
            fps: meeting.fps,
            audio_join_ms: meeting.audio_join_ms,
            admit_ms: meeting.admit_ms,
            still: meeting.still,
            silent: meeting.silent,
            stubborn: meeting.stubborn,
            banner: meeting.banner,
            poll: meeting.poll,
            toasts: meeting.toasts.clone(),
            session_details: meeting.session_details,
            recording_notice: meeting.recording_notice,
            breakout: meeting.breakout,
            reason: reason.into(),
            ended_by: ended_by.into(),
            position: 1,
            lobby_message: meeting.lobby_message.clone(),
            leave_after_ms: meeting.leave_after_ms,
            logout_url: self.parameters.get("logoutURL").cloned().unwrap_or_else(|| super::world::LOGOUT_PATH.into()),
            commands: self.commands.clone(),
        };
        self.view.send_replace(serde_json::to_string(&view).unwrap());
    }
}
