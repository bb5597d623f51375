//! The meetings of a server, and the way into them for a person.

use std::collections::HashMap;

use axum::extract::State;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use super::routes::existing;
use crate::account::{Allowed, Caller, Kind, Permission, Sight, activity, perm, scope};
use crate::app::App;
use crate::bbb::{Client, Meeting, Role};
use crate::http::{Answer, Json, Path, Problem, check};
use crate::moment::rfc3339;

/// A meeting on a server.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct MeetingView {
    /// Any text; percent-encoded in addresses.
    meeting_id: String,
    name: String,
    /// Somebody is in it.
    running: bool,
    /// People in it, bots not counted.
    participants: u32,
    listeners: u32,
    /// Cameras on.
    videos: u32,
    #[schema(format = DateTime)]
    started_at: Option<String>,
    /// The broadcast that has it on the air.
    #[serde(skip_serializing_if = "Option::is_none")]
    broadcast_id: Option<String>,
    /// It is a breakout room.
    breakout: bool,
    /// The meeting that a breakout room belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    parent_id: Option<String>,
}

/// The meetings of a server.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Meetings {
    items: Vec<MeetingView>,
    /// People in all of them.
    participants: u64,
    /// Those of them who only listen.
    listeners: u64,
    /// Cameras on in all of them.
    videos: u64,
    /// How many are running.
    running: usize,
}

fn view(meeting: Meeting, broadcasts: &HashMap<String, String>) -> MeetingView {
    MeetingView {
        broadcast_id: broadcasts.get(&meeting.meeting_id).cloned(),
        running: meeting.running && !meeting.forcibly_ended,
        participants: meeting.participants,
        listeners: meeting.listeners,
        videos: meeting.videos,
        started_at: (meeting.started_ms > 0).then(|| rfc3339(meeting.started_ms)),
        breakout: meeting.breakout,
        parent_id: meeting.parent_id,
        meeting_id: meeting.meeting_id,
        name: meeting.name,
    }
}

/// The meetings that the server knows, running ones first, the fullest at the top.
#[utoipa::path(
    get,
    path = "/servers/{id}/meetings",
    tag = "server",
    params(("id" = String, Path)),
    responses((status = 200, body = Meetings), (status = 404, body = Problem), (status = 502, body = Problem))
)]
pub(super) async fn list(caller: Allowed<perm::ServerUse>, State(app): State<App>, Path(id): Path<String>) -> Answer<Json<Meetings>> {
    let meetings = client(&app, &caller, &id).await?.meetings().await?;
    let mut broadcasts: HashMap<String, String> = crate::broadcast::of_server(&app.store, &id).await?.into_iter().collect();
    let ids: Vec<String> = broadcasts.values().cloned().collect();
    let seen = scope::seen_of(&app.store, &Sight::with(&caller, &[Permission::BroadcastView]), Kind::Broadcast, &ids).await?;
    broadcasts.retain(|_, id| seen.contains(id));
    let mut items: Vec<_> = meetings.into_iter().map(|meeting| view(meeting, &broadcasts)).collect();
    items.sort_by(|one, other| {
        let rank = |meeting: &MeetingView| (!meeting.running, u32::MAX - meeting.participants);
        rank(one).cmp(&rank(other)).then_with(|| one.name.cmp(&other.name))
    });
    let sum = |count: fn(&MeetingView) -> u32| items.iter().map(|meeting| u64::from(count(meeting))).sum();
    let (participants, listeners, videos) =
        (sum(|meeting| meeting.participants), sum(|meeting| meeting.listeners), sum(|meeting| meeting.videos));
    let running = items.iter().filter(|meeting| meeting.running).count();
    Ok(Json(Meetings { items, participants, listeners, videos, running }))
}

/// As whom a person joins.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Join {
    /// The name that the others see.
    name: String,
    /// `viewer` where left out.
    role: Option<JoinRole>,
}

#[derive(Clone, Copy, Debug, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum JoinRole {
    Viewer,
    Moderator,
}

/// A way into a meeting.
#[derive(Serialize, ToSchema)]
pub(super) struct JoinLink {
    /// Signed; for this person alone.
    url: String,
}

/// Makes a signed link by which a person joins a meeting.
#[utoipa::path(
    post,
    path = "/servers/{id}/meetings/{meeting_id}/join",
    tag = "server",
    params(("id" = String, Path), ("meeting_id" = String, Path)),
    request_body = Join,
    responses((status = 200, body = JoinLink), (status = 404, body = Problem), (status = 502, body = Problem))
)]
pub(super) async fn join(
    caller: Allowed<perm::ServerUse>,
    State(app): State<App>,
    Path((id, meeting_id)): Path<(String, String)>,
    Json(join): Json<Join>,
) -> Answer<Json<JoinLink>> {
    let name = check::name("name", &join.name)?;
    let role = join.role.unwrap_or(JoinRole::Viewer);
    let client = client(&app, &caller, &id).await?;
    // A link into a meeting that is over would show the person BBB's error page.
    client.meeting(&meeting_id).await?;
    let bbb_role = match role {
        JoinRole::Viewer => Role::Viewer,
        JoinRole::Moderator => Role::Moderator,
    };
    let url = client.person_address(&meeting_id, &name, bbb_role).await?;
    activity::alone(&app.store, &caller, "meeting.join", &id, json!({"meeting_id": meeting_id, "name": name, "role": role})).await?;
    Ok(Json(JoinLink { url: url.reveal().to_owned() }))
}

async fn client(app: &App, caller: &Caller, id: &str) -> Answer<Client> {
    existing(app, caller, id).await?;
    app.servers.client(&app.store, id).await?.ok_or_else(|| Problem::not_found("server"))
}
