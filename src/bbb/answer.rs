//! What BBB tells, read from its XML.

use std::collections::BTreeMap;

use super::xml::Element;

/// A family of releases that behave alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Generation {
    /// 2.7 and before.
    V2,
    /// 3.0 and after.
    V3,
}

/// The index: what kind of server it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Index {
    /// Which shapes and parameters it knows.
    pub generation: Generation,
    /// The exact release, where the server reveals it.
    pub release: Option<String>,
    /// Where the 3.0 client gets its data.
    pub graphql_url: Option<String>,
}

impl Index {
    pub(super) fn read(response: &Element) -> Self {
        let text = |name| Some(response.word(name)).filter(|text| !text.is_empty()).map(str::to_owned);
        let graphql_url = text("graphqlWebsocketUrl");
        // 2.7 has none of these three; servers of both lines may hide their exact release.
        let is_v3 = ["graphqlWebsocketUrl", "graphqlApiUrl", "html5PluginSdkVersion"].iter().any(|name| response.child(name).is_some());
        let generation = if is_v3 { Generation::V3 } else { Generation::V2 };
        Self { generation, release: text("bbbVersion"), graphql_url }
    }
}

/// What somebody may do in a meeting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Looks and listens, as lock settings allow.
    Viewer,
    /// May everything.
    Moderator,
}

impl Role {
    pub(super) fn as_parameter(self) -> &'static str {
        match self {
            Self::Viewer => "VIEWER",
            Self::Moderator => "MODERATOR",
        }
    }
}

/// Somebody in a meeting.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "BBB's flags")]
pub struct Attendee {
    /// The id given at the join.
    pub user_id: String,
    /// The name shown.
    pub name: String,
    /// Moderator or not.
    pub role: Role,
    /// Shows the slides.
    pub presenter: bool,
    /// Hears only.
    pub listening_only: bool,
    /// Has a microphone open.
    pub has_voice: bool,
    /// Has a camera on.
    pub has_video: bool,
}

/// A meeting as the server describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "BBB's flags")]
pub struct Meeting {
    /// The id given at its creation: any text.
    pub meeting_id: String,
    /// What people call it.
    pub name: String,
    /// The id of this one run of it.
    pub internal_id: String,
    /// When it was created, Unix milliseconds.
    pub created_ms: i64,
    /// When it started, Unix milliseconds, or 0.
    pub started_ms: i64,
    /// When it ended, Unix milliseconds, or 0.
    pub ended_ms: i64,
    /// At least one user is in it and it has not ended.
    pub running: bool,
    /// Somebody was in it at some time.
    pub has_user_joined: bool,
    /// It was ended; the server still knows it for a while.
    pub forcibly_ended: bool,
    /// It is being recorded.
    pub recording: bool,
    /// It is a breakout room.
    pub breakout: bool,
    /// The meeting that a breakout room belongs to.
    pub parent_id: Option<String>,
    /// People in it. Whether bots count differs between releases.
    pub participants: u32,
    /// Moderators in it.
    pub moderators: u32,
    /// People who listen by the old listen-only way.
    pub listeners: u32,
    /// People with a microphone.
    pub voices: u32,
    /// Cameras on.
    pub videos: u32,
    /// Most participants, 0 for no limit.
    pub max_participants: u32,
    /// Who is in it.
    pub attendees: Vec<Attendee>,
    /// What was given as `meta_…` at its creation, names in small letters.
    pub metadata: BTreeMap<String, String>,
}

impl Meeting {
    /// Reads the fields below this element; nothing where it names no meeting.
    pub(super) fn read(element: &Element) -> Option<Self> {
        let meeting_id = Some(element.text("meetingID")).filter(|id| !id.is_empty())?.to_owned();
        let breakout = element.flag("isBreakout");
        let parent_id = Some(element.word("parentMeetingID")).filter(|id| breakout && !id.is_empty()).map(str::to_owned);
        let metadata = element.child("metadata").into_iter().flat_map(Element::children);
        Some(Self {
            name: element.text("meetingName").to_owned(),
            internal_id: element.word("internalMeetingID").to_owned(),
            created_ms: element.number("createTime"),
            started_ms: element.number("startTime"),
            ended_ms: element.number("endTime"),
            running: element.flag("running"),
            has_user_joined: element.flag("hasUserJoined"),
            forcibly_ended: element.flag("hasBeenForciblyEnded"),
            recording: element.flag("recording"),
            breakout,
            parent_id,
            participants: element.number("participantCount"),
            moderators: element.number("moderatorCount"),
            listeners: element.number("listenerCount"),
            voices: element.number("voiceParticipantCount"),
            videos: element.number("videoCount"),
            max_participants: element.number("maxUsers"),
            attendees: element.list("attendees", "attendee").map(Attendee::read).collect(),
            metadata: metadata.map(|child| (child.name().to_owned(), child.own_text().to_owned())).collect(),
            meeting_id,
        })
    }
}

impl Attendee {
    fn read(element: &Element) -> Self {
        let moderator = element.word("role").eq_ignore_ascii_case("MODERATOR");
        Self {
            user_id: element.text("userID").to_owned(),
            name: element.text("fullName").to_owned(),
            role: if moderator { Role::Moderator } else { Role::Viewer },
            presenter: element.flag("isPresenter"),
            listening_only: element.flag("isListeningOnly"),
            has_voice: element.flag("hasJoinedVoice"),
            has_video: element.flag("hasVideo"),
        }
    }
}

/// The answer to `create`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Created {
    /// The id of this run of the meeting.
    pub internal_id: String,
    /// When it was created, Unix milliseconds.
    pub created_ms: i64,
    /// It existed already.
    pub existed: bool,
}

impl Created {
    pub(super) fn read(response: &Element) -> Self {
        Self {
            internal_id: response.word("internalMeetingID").to_owned(),
            created_ms: response.number("createTime"),
            existed: response.word("messageKey") == "duplicateWarning",
        }
    }
}
