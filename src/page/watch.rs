//! A room's page, and its player alone for other sites.

use askama::Template;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::Response;
use serde_json::json;

use super::admin::ice_servers;
use super::door;
use super::fault;
use super::frame::{Frame, NoPages, answer};
use super::policy;
use super::room::{self, RoomNow};
use super::visit::Visit;
use crate::app::App;
use crate::broadcast::room_state::RoomPhase;
use crate::http::Path;
use crate::room::{Admission, Room};
use crate::store::StoreError;

#[derive(Template)]
#[template(path = "watch.html")]
struct Watch<'a> {
    page: &'a Frame,
    room: &'a RoomNow,
    /// Stands on the stage until the player does.
    stage_text: &'static str,
    paragraphs: Vec<&'a str>,
    data: String,
}

#[derive(Template)]
#[template(path = "embed.html")]
struct Embed<'a> {
    page: &'a Frame,
    room: &'a RoomNow,
    stage_text: &'static str,
    data: String,
}

pub(super) async fn show(State(app): State<App>, visit: Visit, key: KeyInPath) -> Result<Response, NoPages> {
    let Opened { room, page, hosts } = match open(&app, &visit, key, "watch").await? {
        Ok(found) => found,
        Err(answer) => return Ok(answer),
    };
    let paragraphs = room.description.split("\n\n").map(str::trim).filter(|text| !text.is_empty()).collect();
    let watch = Watch { page: &page, room: &room, stage_text: stage_text(&page, &room), paragraphs, data: data(&app, &room, &hosts) };
    Ok(with_policy(answer(StatusCode::OK, &watch, &page), false, &hosts))
}

pub(super) async fn embed(State(app): State<App>, visit: Visit, key: KeyInPath) -> Result<Response, NoPages> {
    let Opened { room, page, hosts } = match open(&app, &visit, key, "embed").await? {
        Ok(found) => found,
        Err(answer) => return Ok(answer),
    };
    let embed = Embed { page: &page, room: &room, stage_text: stage_text(&page, &room), data: data(&app, &room, &hosts) };
    Ok(with_policy(answer(StatusCode::OK, &embed, &page), true, &hosts))
}

/// An address that cannot be read leads to no room.
type KeyInPath = Result<Path<String>, crate::http::Problem>;

/// What a room's page is made of.
struct Opened {
    room: RoomNow,
    page: Frame,
    /// Where it may play from, besides here.
    hosts: Vec<String>,
}

/// A room and its page, or the page that stands in its place.
async fn open(app: &App, visit: &Visit, key: KeyInPath, here: &'static str) -> Result<Result<Opened, Response>, NoPages> {
    let Ok(Path(key)) = key else { return fault::not_found(visit).map(Err) };
    match admitted(app, visit, &key).await {
        Ok(Some(Ok(room))) => {
            let page = Frame::new(visit, here, Some("watch"), Some(&room.title))?;
            match policy::hosts(app).await {
                Ok(hosts) => Ok(Ok(Opened { room, page, hosts })),
                Err(error) => fault::broken(visit, &error).map(Err),
            }
        }
        Ok(Some(Err(room))) if here == "embed" => door::embed(visit, &room).map(Err),
        Ok(Some(Err(room))) => door::show(visit, &room).map(Err),
        Ok(None) => fault::not_found(visit).map(Err),
        Err(error) => fault::broken(visit, &error).map(Err),
    }
}

/// The room with this key, if there is one: open to this visit, or not.
async fn admitted(app: &App, visit: &Visit, key: &str) -> Result<Option<Result<RoomNow, Room>>, StoreError> {
    let Some(room) = crate::room::find(&app.store, key).await? else { return Ok(None) };
    Ok(Some(match crate::room::ask(app, &room, &visit.visitor()).await? {
        Admission::Admitted(_) => Ok(room::now(app, room).await?),
        Admission::NeedsPassword => Err(room),
    }))
}

fn with_policy(mut response: Response, embed: bool, hosts: &[String]) -> Response {
    if let Some(policy) = policy::policy(embed, hosts) {
        response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    response
}

fn data(app: &App, room: &RoomNow, hosts: &[String]) -> String {
    json!({ "roomKey": room.key, "title": room.title, "iceServers": ice_servers(app), "state": room.state, "hosts": hosts }).to_string()
}

fn stage_text(page: &Frame, room: &RoomNow) -> &'static str {
    match room.state {
        RoomPhase::None => page.t("room.none"),
        RoomPhase::Announced => page.t("room.announced"),
        RoomPhase::Over => page.t("room.over"),
        RoomPhase::Live | RoomPhase::Interrupted | RoomPhase::Paused => page.t("player.connecting"),
    }
}
