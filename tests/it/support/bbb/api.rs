//! The HTTP API: `/bigbluebutton/api/…`.

use std::collections::HashMap;
use std::convert::Infallible;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{OriginalUri, Path, State};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::any;
use bluecast::moment;
use futures_util::stream::{self, StreamExt};
use serde_json::json;
use tokio::sync::watch;

use super::answer::{self, Xml, failed};
use super::meeting::{Guests, MeetingState};
use super::session::{Admission, End, SessionState};
use super::world::{ChatMessage, Document, LOGOUT_PATH, Request, World, random};
use super::{Failure, Generation, Shared, checksum, client};

type Parameters = HashMap<String, String>;

pub(super) fn router() -> Router<Shared> {
    Router::new()
        .route("/bigbluebutton/api", any(index))
        .route("/bigbluebutton/api/", any(index))
        .route("/bigbluebutton/api/{call}", any(call))
        .fallback(async || (StatusCode::NOT_FOUND, Html("<!doctype html><title>404</title><h1>404 Not Found</h1>")))
}

async fn index(state: State<Shared>, method: Method, uri: OriginalUri, headers: HeaderMap, body: Bytes) -> Response {
    call(state, Path(String::new()), method, uri, headers, body).await
}

async fn call(
    State(shared): State<Shared>,
    Path(call): Path<String>,
    method: Method,
    OriginalUri(uri): OriginalUri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let raw = uri.query().unwrap_or_default();
    let body = String::from_utf8_lossy(&body).into_owned();
    let (failure, right) = {
        let mut world = shared.world();
        let form = headers.get(header::CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"application/x-www-form-urlencoded"));
        let (signed, sum) = checksum::split(if form && raw.is_empty() { &body } else { raw });
        let parameters: Parameters = url::form_urlencoded::parse(signed.as_bytes()).into_owned().collect();
        world.requests.push(Request {
            call: call.clone(),
            method: method.to_string(),
            query: signed.clone(),
            parameters: parameters.clone(),
            body: body.clone(),
            at_ms: moment::now_ms(),
        });
        let asked =
            Asked { call: &call, method: &method, headers: &headers, signed, sum, parameters, body, form, both: form && !raw.is_empty() };
        let failure = world.failures.get(&call).cloned();
        let done_all_the_same = matches!(failure, None | Some(Failure::Slow(_) | Failure::CutOff | Failure::Truncated));
        (failure, if done_all_the_same { answer(&mut world, &asked) } else { StatusCode::OK.into_response() })
    };
    match failure {
        None => right,
        Some(failure) => fail(failure, right).await,
    }
}

struct Asked<'a> {
    call: &'a str,
    method: &'a Method,
    headers: &'a HeaderMap,
    signed: String,
    sum: Option<String>,
    parameters: Parameters,
    body: String,
    form: bool,
    both: bool,
}

impl Asked<'_> {
    fn get(&self, name: &str) -> Option<&str> {
        self.parameters.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }
}

async fn fail(failure: Failure, right: Response) -> Response {
    let xml = [(header::CONTENT_TYPE, "text/xml;charset=utf-8")];
    let page = Html("<!doctype html><html><body><h1>Welcome</h1><p>Please log in &amp; accept our terms.</body></html>");
    let bytes = axum::body::to_bytes(right.into_body(), usize::MAX).await.unwrap();
    match failure {
        Failure::Html => page.into_response(),
        Failure::Status(status) => (StatusCode::from_u16(status).unwrap(), page).into_response(),
        Failure::Slow(delay) => {
            tokio::time::sleep(delay).await;
            (xml, bytes).into_response()
        }
        Failure::Hang => std::future::pending().await,
        Failure::CutOff => {
            let half = Ok(bytes.slice(..bytes.len() / 2));
            // The first half must be on its way before the connection breaks.
            let broken = stream::once(async {
                tokio::time::sleep(Duration::from_millis(50)).await;
                Err(std::io::Error::other("cut off"))
            });
            (xml, Body::from_stream(stream::iter([half]).chain(Box::pin(broken)))).into_response()
        }
        Failure::Truncated => (xml, bytes.slice(..bytes.len() / 2)).into_response(),
        Failure::Redirect(to) => Redirect::to(&to).into_response(),
        Failure::Huge(size) => {
            let chunk = Bytes::from(vec![b'x'; 64 * 1024]);
            let start = Bytes::from_static(b"<response><returncode>SUCCESS</returncode><version>");
            let chunks = stream::iter([start]).chain(stream::iter(std::iter::repeat_n(chunk.clone(), size / chunk.len())));
            (xml, Body::from_stream(chunks.map(Ok::<_, Infallible>))).into_response()
        }
        Failure::Drip(pause) => {
            let bytes = stream::unfold((), move |()| async move {
                tokio::time::sleep(pause).await;
                Some((Ok::<_, Infallible>(Bytes::from_static(b" ")), ()))
            });
            (xml, Body::from_stream(Box::pin(bytes))).into_response()
        }
        Failure::Answer(kind, body) => ([(header::CONTENT_TYPE, kind)], body).into_response(),
        Failure::Refuse(key) => failed(key, "scripted"),
    }
}

fn answer(world: &mut World, asked: &Asked) -> Response {
    match asked.call {
        "" => {
            let json = asked.headers.get(header::CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"application/json"));
            return if json {
                axum::Json(json!({"response": {"returncode": "SUCCESS", "version": "2.0"}})).into_response()
            } else {
                answer::reply(answer::index(world))
            };
        }
        "guestWait" => return guest_wait(world, asked),
        "create" | "join" | "getMeetings" | "getMeetingInfo" | "isMeetingRunning" | "end" | "insertDocument" => {}
        "sendChatMessage" if world.generation == Generation::V3_0 => {}
        _ => return (StatusCode::NOT_FOUND, Html("<!doctype html><title>404</title><h1>404 Not Found</h1>")).into_response(),
    }
    let method_ok = match asked.call {
        "join" => asked.method == Method::GET,
        "insertDocument" => asked.method == Method::POST,
        _ => asked.method == Method::GET || asked.method == Method::POST,
    };
    if !method_ok {
        return StatusCode::METHOD_NOT_ALLOWED.into_response();
    }
    if !asked.body.is_empty() {
        let kind = asked.headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        let xml = kind.starts_with("text/xml") || kind.starts_with("application/xml");
        let kind_ok = match asked.call {
            "insertDocument" => xml,
            "create" => xml || asked.form,
            _ => asked.form,
        };
        if !kind_ok {
            return failed("unsupportedContentType", "POST request Content-Type is missing or unsupported");
        }
    }
    let sum = asked.sum.as_deref().unwrap_or_default();
    if asked.both || !checksum::holds(asked.call, &asked.signed, sum, &world.secret, &world.algorithms) {
        return failed("checksumError", "Checksums do not match");
    }
    match asked.call {
        "create" => create(world, asked),
        "join" => join(world, asked),
        "getMeetings" => answer::meetings(world),
        "sendChatMessage" => send_chat_message(world, asked),
        _ => about_meeting(world, asked),
    }
}

fn about_meeting(world: &mut World, asked: &Asked) -> Response {
    let Some(id) = asked.get("meetingID") else { return failed("missingParamMeetingID", "You must specify a meeting ID") };
    let Some(meeting) = world.meetings.get(id) else {
        // A meeting that nobody knows does not run; the other calls refuse.
        return if asked.call == "isMeetingRunning" {
            Xml::default().with("running", false).success()
        } else {
            failed("notFound", "A meeting with that ID does not exist")
        };
    };
    match asked.call {
        "isMeetingRunning" => Xml::default().with("running", answer::running(world, meeting)).success(),
        "getMeetingInfo" => answer::meeting(world, meeting, false).success(),
        "insertDocument" => {
            let xml = asked.body.clone();
            world.documents.push(Document { meeting_id: id.into(), xml });
            Xml::default().with("messageKey", "documentInserted").with("message", "Presentation is being uploaded").success()
        }
        _ => {
            end(world, id);
            let xml = Xml::default().with("messageKey", "sentEndMeetingRequest");
            xml.with("message", "A request to end the meeting was sent. Please wait a few seconds").success()
        }
    }
}

fn end(world: &mut World, id: &str) {
    let meeting = world.meeting_mut(id);
    meeting.ended = true;
    meeting.running = false;
    meeting.people.clear();
    for session in &mut world.sessions {
        if session.meeting_id == id && session.end.is_none() {
            session.end = Some(End::Meeting("ENDED_FROM_API"));
            session.publish(world.meetings.get(id));
        }
    }
}

fn create(world: &mut World, asked: &Asked) -> Response {
    let (Some(id), Some(name)) = (asked.get("meetingID"), asked.get("name")) else {
        return failed("validationError", "name and meetingID are needed");
    };
    if !(2..=256).contains(&id.chars().count()) || id.contains(',') || !(2..=64).contains(&name.chars().count()) {
        return failed("validationError", "meetingID must be between 2 and 256 characters and hold no comma");
    }
    let known = world.meetings.contains_key(id);
    let meeting = world.add_meeting(id);
    if !known {
        meeting.name = name.into();
        meeting.running = false;
        meeting.metadata =
            asked.parameters.iter().filter_map(|(key, value)| Some((key.strip_prefix("meta_")?.to_lowercase(), value.clone()))).collect();
    }
    let (key, message) =
        if known { ("duplicateWarning", "This conference was already in existence and may currently be in progress.") } else { ("", "") };
    Xml::default()
        .with("meetingID", &meeting.id)
        .with("internalMeetingID", &meeting.internal_id)
        .with("parentMeetingID", "bbb-none")
        .with("attendeePW", &meeting.attendee_pw)
        .with("moderatorPW", &meeting.moderator_pw)
        .with("createTime", meeting.created_ms)
        .with("voiceBridge", "73215")
        .with("dialNumber", "613-555-1234")
        .with("createDate", "Sun Nov 22 12:00:00 UTC 2026")
        .with("hasUserJoined", false)
        .with("duration", 0)
        .with("hasBeenForciblyEnded", meeting.ended)
        .with("messageKey", key)
        .with("message", message)
        .success()
}

fn send_chat_message(world: &mut World, asked: &Asked) -> Response {
    let (Some(id), Some(message)) = (asked.get("meetingID"), asked.get("message")) else {
        return failed("validationError", "meetingID and message are needed");
    };
    let user_name = asked.get("userName").unwrap_or("System");
    if message.chars().count() > 500 || user_name.chars().count() > 255 {
        return failed("validationError", "message must be between 1 and 500 characters");
    }
    if world.meetings.get(id).is_none_or(|meeting| meeting.ended) {
        return failed("meetingNotFound", "A meeting with that ID does not exist");
    }
    world.chat.push(ChatMessage { meeting_id: id.into(), user_name: user_name.into(), message: message.into() });
    Xml::default().success()
}

fn join(world: &mut World, asked: &Asked) -> Response {
    match try_join(world, asked) {
        Ok(session) => joined(world, asked, session),
        Err((key, message)) if asked.get("redirect") == Some("false") => failed(key, message),
        Err((key, message)) => {
            let errors = json!([{"key": key, "message": message}]).to_string();
            let to = asked.get("errorRedirectUrl").unwrap_or(LOGOUT_PATH);
            let query: String = url::form_urlencoded::Serializer::new(String::new()).append_pair("errors", &errors).finish();
            found(&format!("{to}?{query}"))
        }
    }
}

fn found(to: &str) -> Response {
    (StatusCode::FOUND, [(header::LOCATION, to)]).into_response()
}

fn try_join(world: &mut World, asked: &Asked) -> Result<SessionState, (&'static str, &'static str)> {
    let name = asked.get("fullName").ok_or(("missingParamFullName", "You must specify a name"))?;
    let id = asked.get("meetingID").ok_or(("missingParamMeetingID", "You must specify a meeting ID"))?;
    let meeting = world.meetings.get(id).ok_or(("notFound", "A meeting with that ID does not exist"))?;
    if meeting.ended {
        return Err(("meetingForciblyEnded", "You can not join a meeting that has already been forcibly ended"));
    }
    if asked.get("createTime").is_some_and(|time| time != meeting.created_ms.to_string()) {
        return Err(("mismatchCreateTimeParam", "The createTime parameter does not match"));
    }
    let role = role(meeting, asked).ok_or(("Params required", "role or password is needed"))?;
    let bot = world.generation == Generation::V3_0 && asked.get("bot") == Some("true");
    let count = meeting.people.len() + world.joined(id).count();
    if meeting.max_participants > 0 && count >= meeting.max_participants && !bot {
        return Err(("maxParticipantsReached", "The number of participants allowed for this meeting has been reached."));
    }
    let admission = admission(meeting, asked, role);
    if admission == Admission::Deny {
        return Err(("guestDeniedAccess", "Access denied for guest users in this meeting."));
    }
    let internal_id = format!("w_{}", random(12));
    let user_id = asked.get("userID").map_or_else(|| internal_id.clone(), Into::into);
    let banned = meeting.banned.contains(&user_id);
    let id = id.to_owned();
    for other in &mut world.sessions {
        if other.meeting_id == id && other.user_id == user_id && other.end.is_none() {
            other.end = Some(End::Ejected("duplicate_user_in_meeting_eject_reason"));
            other.publish(world.meetings.get(&id));
        }
    }
    Ok(SessionState {
        token: random(16),
        cookie: random(32).to_uppercase(),
        auth_token: random(12),
        internal_id,
        meeting_id: id,
        user_id,
        name: name.into(),
        role,
        parameters: asked.parameters.clone(),
        admission,
        connections: 0,
        joined: false,
        audio: None,
        end: banned.then_some(End::Ejected("banned_user_rejoining_reason")),
        error: None,
        reports: Vec::new(),
        commands: Vec::new(),
        view: watch::Sender::new(String::new()),
    })
}

fn role(meeting: &MeetingState, asked: &Asked) -> Option<&'static str> {
    match (asked.get("role").map(str::to_ascii_uppercase).as_deref(), asked.get("password")) {
        (Some("MODERATOR"), _) => Some("MODERATOR"),
        (Some("VIEWER"), _) => Some("VIEWER"),
        (_, Some(password)) if password == meeting.moderator_pw => Some("MODERATOR"),
        (_, Some(password)) if password == meeting.attendee_pw => Some("VIEWER"),
        _ => None,
    }
}

fn admission(meeting: &MeetingState, asked: &Asked, role: &str) -> Admission {
    let authenticated = asked.get("auth").map_or(asked.get("guest") != Some("true"), |auth| auth == "true");
    match meeting.guests {
        _ if role == "MODERATOR" => Admission::Allow,
        Guests::AlwaysAccept => Admission::Allow,
        Guests::AlwaysAcceptAuth if authenticated => Admission::Allow,
        Guests::AlwaysAcceptAuth | Guests::AskModerator => Admission::Wait,
        Guests::AlwaysDeny => Admission::Deny,
    }
}

fn joined(world: &mut World, asked: &Asked, session: SessionState) -> Response {
    let path = match (world.generation, session.admission) {
        (Generation::V3_0, _) => "/html5client/",
        (Generation::V2_7, Admission::Wait) => "/html5client/guestWait",
        (Generation::V2_7, _) => "/html5client/join",
    };
    let url = format!("http://{}{path}?sessionToken={}", world.address, session.token);
    let mut response = if asked.get("redirect") == Some("false") {
        let waits = session.admission == Admission::Wait;
        Xml::default()
            .with("messageKey", if waits { "guestWait" } else { "successfullyJoined" })
            .with("message", "You have joined successfully.")
            .with("meeting_id", &world.meetings[&session.meeting_id].internal_id)
            .with("user_id", &session.internal_id)
            .with("auth_token", &session.auth_token)
            .with("session_token", &session.token)
            .with("guestStatus", session.admission.as_str())
            .with("url", &url)
            .success()
    } else {
        found(&url)
    };
    let cookie = format!("JSESSIONID={}; Path=/; HttpOnly", session.cookie);
    response.headers_mut().insert(header::SET_COOKIE, cookie.parse().unwrap());
    session.publish(world.meetings.get(&session.meeting_id));
    world.sessions.push(session);
    response
}

/// The JSON that the lobby page of 2.7 polls.
fn guest_wait(world: &World, asked: &Asked) -> Response {
    let session = world.session_of(asked.get("sessionToken").unwrap_or_default(), client::cookie(asked.headers));
    let Some(session) = session else {
        return axum::Json(json!({"response": {"returncode": "FAILED", "messageKey": "missingToken", "message": "no session"}}))
            .into_response();
    };
    let meeting = world.meetings.get(&session.meeting_id);
    let (key, url) = match session.admission {
        Admission::Allow => ("guestAllow", format!("http://{}/html5client/join?sessionToken={}", world.address, session.token)),
        Admission::Wait => ("guestWait", String::new()),
        Admission::Deny => ("guestDeny", LOGOUT_PATH.to_owned()),
    };
    axum::Json(json!({"response": {
        "returncode": "SUCCESS",
        "messageKey": key,
        "message": key,
        "meeting_id": meeting.map(|meeting| meeting.internal_id.as_str()),
        "user_id": session.internal_id,
        "auth_token": session.auth_token,
        "session_token": session.token,
        "guestStatus": session.admission.as_str(),
        "lobbyMessage": meeting.map(|meeting| meeting.lobby_message.as_str()),
        "leaveAfterMs": meeting.and_then(|meeting| meeting.leave_after_ms),
        "url": url,
        "positionInWaitingQueue": 1,
    }}))
    .into_response()
}
