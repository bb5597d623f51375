//! The XML that BBB answers with.

use std::collections::HashMap;
use std::fmt::Write;

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::Generation;
use super::meeting::MeetingState;
use super::world::World;

/// A document of elements, each escaped.
#[derive(Default)]
pub(super) struct Xml(String);

impl Xml {
    pub(super) fn with(mut self, name: &str, value: impl ToString) -> Self {
        write!(self.0, "<{name}>{}</{name}>", escape(&value.to_string())).unwrap();
        self
    }

    fn text(self, name: &str, value: &str, cdata: bool) -> Self {
        if cdata {
            return self.raw(&format!("<{name}><![CDATA[{}]]></{name}>", value.replace("]]>", "]]]]><![CDATA[>")));
        }
        self.with(name, value)
    }

    pub(super) fn raw(mut self, xml: &str) -> Self {
        self.0.push_str(xml);
        self
    }

    pub(super) fn document(self, returncode: &str) -> String {
        format!("<response>\n<returncode>{returncode}</returncode>\n{}\n</response>", self.0)
    }

    pub(super) fn success(self) -> Response {
        reply(self.document("SUCCESS"))
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

pub(super) fn reply(xml: String) -> Response {
    (StatusCode::OK, [(header::CONTENT_TYPE, "text/xml;charset=utf-8"), (header::CONNECTION, "close")], xml).into_response()
}

/// A refusal: status 200, and a key.
pub(super) fn failed(key: &str, message: &str) -> Response {
    reply(Xml::default().with("messageKey", key).with("message", message).document("FAILED"))
}

pub(super) fn index(world: &World) -> String {
    let xml = Xml::default().with("version", "2.0").with("apiVersion", "2.0").with("bbbVersion", &world.version);
    let xml = match world.generation {
        Generation::V2_7 => xml,
        Generation::V3_0 => xml
            .with("html5PluginSdkVersion", "0.0.95")
            .with("graphqlWebsocketUrl", format!("ws://{}/graphql", world.address))
            .with("graphqlApiUrl", format!("http://{}/api/rest", world.address)),
    };
    xml.document("SUCCESS")
}

/// The fields of a meeting, as `getMeetingInfo` has them at its top and `getMeetings` in a list.
/// Numbers for people are grouped in the list, as the real template does it.
pub(super) fn meeting(world: &World, meeting: &MeetingState, in_list: bool) -> Xml {
    let number = |number: usize| if in_list { grouped(number) } else { number.to_string() };
    let joined: Vec<_> = world.joined(&meeting.id).collect();
    let count = if meeting.ended { 0 } else { meeting.people.len() + joined.len() };
    let mut attendees = String::new();
    for (number, name) in meeting.people.iter().enumerate() {
        let role = if number == 0 { "MODERATOR" } else { "VIEWER" };
        attendees += &attendee(&format!("person-{number}"), name, role, meeting.cdata, &HashMap::new());
    }
    for session in joined {
        attendees += &attendee(&session.user_id, &session.name, session.role, meeting.cdata, &session.parameters);
    }
    let mut metadata = String::new();
    for (name, value) in &meeting.metadata {
        write!(metadata, "<{name}><![CDATA[{value}]]></{name}>").unwrap();
    }
    Xml::default()
        .text("meetingName", &meeting.name, meeting.cdata)
        .text("meetingID", &meeting.id, meeting.cdata)
        .with("internalMeetingID", &meeting.internal_id)
        .with("createTime", meeting.created_ms)
        .with("createDate", "Sun Nov 22 12:00:00 UTC 2026")
        .with("voiceBridge", "73215")
        .with("dialNumber", "613-555-1234")
        .with("attendeePW", &meeting.attendee_pw)
        .with("moderatorPW", &meeting.moderator_pw)
        .with("running", running(world, meeting))
        .with("duration", 0)
        .with("hasUserJoined", count > 0 || meeting.ended)
        .with("recording", false)
        .with("hasBeenForciblyEnded", meeting.ended)
        .with("startTime", meeting.created_ms + 5)
        .with("endTime", if meeting.ended { meeting.created_ms + 60_000 } else { 0 })
        .with("participantCount", number(count))
        .with("listenerCount", number(meeting.listeners))
        .with("voiceParticipantCount", 0)
        .with("videoCount", number(meeting.videos))
        .with("maxUsers", number(meeting.max_participants))
        .with("moderatorCount", usize::from(!meeting.people.is_empty()))
        .raw(&format!("<attendees>{attendees}</attendees>"))
        .raw(&format!("<metadata>{metadata}</metadata>"))
        .with("isBreakout", meeting.parent.is_some())
        .with("parentMeetingID", meeting.parent.as_deref().unwrap_or("bbb-none"))
}

pub(super) fn meetings(world: &World) -> Response {
    if world.meetings.is_empty() {
        let xml =
            Xml::default().raw("<meetings/>").with("messageKey", "noMeetings").with("message", "no meetings were found on this server");
        return xml.success();
    }
    let mut list = String::new();
    for each in world.meetings.values() {
        write!(list, "<meeting>{}</meeting>", meeting(world, each, true).0).unwrap();
    }
    Xml::default().raw(&format!("<meetings>{list}</meetings>")).success()
}

pub(super) fn running(world: &World, meeting: &MeetingState) -> bool {
    !meeting.ended && (meeting.running || world.joined(&meeting.id).next().is_some())
}

fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let groups: Vec<_> = digits.as_bytes().rchunks(3).rev().map(|group| str::from_utf8(group).unwrap()).collect();
    groups.join(",")
}

/// The custom data are the `userdata-…` of the join, their names elements just as they came.
fn attendee(id: &str, name: &str, role: &str, cdata: bool, parameters: &HashMap<String, String>) -> String {
    let userdata = parameters.iter().filter_map(|(name, value)| Some((name.strip_prefix("userdata-")?, value)));
    let customdata = userdata.fold(Xml::default(), |xml, (name, value)| xml.with(name, value));
    let xml = Xml::default()
        .with("userID", id)
        .text("fullName", name, cdata)
        .with("role", role)
        .with("isPresenter", role == "MODERATOR")
        .with("isListeningOnly", role == "VIEWER")
        .with("hasJoinedVoice", false)
        .with("hasVideo", false)
        .with("clientType", "HTML5")
        .raw(&format!("<customdata>{}</customdata>", customdata.0));
    format!("<attendee>{}</attendee>", xml.0)
}
