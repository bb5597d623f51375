//! A room's page, and its player alone for other sites.

use askama::Template;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::Response;
use serde_json::json;

use super::admin::ice_servers;
use super::frame::{Frame, NoPages, answer};
use super::policy::{self, Policy};
use super::room::{self, About, Meta, RoomNow};
use super::visit::Visit;
use super::{door, fault, register};
use crate::app::App;
use crate::broadcast::room_state::RoomPhase;
use crate::http::Path;
use crate::room::{Admission, Room, registration};
use crate::store::StoreError;

#[derive(Template)]
#[template(path = "watch.html")]
struct Watch<'a> {
    page: &'a Frame,
    room: &'a Room,
    meta: Meta,
    about: About,
    /// Stands on the stage until the player does.
    stage_text: &'static str,
    data: String,
    /// Where Matomo is, and what it calls this room; empty where nobody counts.
    matomo_url: &'a str,
    matomo_site: i64,
}

#[derive(Template)]
#[template(path = "embed.html")]
struct Embed<'a> {
    page: &'a Frame,
    room: &'a Room,
    stage_text: &'static str,
    data: String,
}

/// An address that cannot be read leads to no room.
type KeyInPath = Result<Path<String>, crate::http::Problem>;

pub(super) async fn show(State(app): State<App>, visit: Visit, key: KeyInPath) -> Result<Response, NoPages> {
    match find(&app, key).await {
        Ok(Some(room)) => show_room(&app, &visit, room).await,
        Ok(None) => fault::not_found(&visit),
        Err(error) => fault::broken(&visit, &error),
    }
}

async fn find(app: &App, key: KeyInPath) -> Result<Option<Room>, StoreError> {
    match key {
        Ok(Path(key)) => crate::room::find(&app.store, &key).await,
        Err(_) => Ok(None),
    }
}

/// The page of a room, or the one that stands before it.
pub(super) async fn show_room(app: &App, visit: &Visit, room: Room) -> Result<Response, NoPages> {
    let visit = &visit.to_room(&room);
    let opened = async {
        Ok::<_, StoreError>(match crate::room::ask(app, &room, &visit.visitor()).await? {
            Admission::Admitted(_) => {
                let register = match visit.visitor().viewer_id {
                    _ if !room.form.0.is_some() => "",
                    Some(viewer_id) if registration::is_registered(&app.store, &room.id, viewer_id).await? => "register.change",
                    _ => "register.open",
                };
                Ok((policy::hosts(app, &room).await?, room::now(app, room).await?, register))
            }
            closed => Err((closed, room)),
        })
    };
    let (hosts, now, register) = match opened.await {
        Ok(Ok(opened)) => opened,
        Ok(Err((Admission::NeedsRegistration, room))) => return register::door(app, visit, room).await,
        Ok(Err((_, room))) => return door::show(visit, &room),
        Err(error) => return fault::broken(visit, &error),
    };
    let page = Frame::new(visit, "watch", Some("watch"), Some(&now.room.title))?.with_script("about").of_room(&now.room);
    let matomo = app.settings.room.matomo_url.as_ref().filter(|_| now.room.matomo_site.is_some());
    let watch = Watch {
        page: &page,
        room: &now.room,
        meta: Meta::of(&now, app.settings.public_url.as_ref()),
        about: About::of(&now, if register.is_empty() { "" } else { visit.language.message(register) }),
        stage_text: stage_text(&page, &now),
        data: data(app, &now, &hosts),
        matomo_url: matomo.map_or("", |url| url.as_str()),
        matomo_site: now.room.matomo_site.unwrap_or_default(),
    };
    let policy = Policy { hosts: &hosts, matomo, frames: None };
    Ok(with_policy(answer(StatusCode::OK, &watch, &page), &policy))
}

pub(super) async fn embed(State(app): State<App>, visit: Visit, headers: HeaderMap, key: KeyInPath) -> Result<Response, NoPages> {
    let room = match find(&app, key).await {
        Ok(Some(room)) => room,
        Ok(None) => return fault::not_found(&visit),
        Err(error) => return fault::broken(&visit, &error),
    };
    let visit = visit.to_room(&room);
    let opened = async {
        let admission = crate::room::ask(&app, &room, &visit.visitor()).await?;
        Ok::<_, StoreError>((admission, policy::hosts(&app, &room).await?, room::now(&app, room).await?))
    };
    let (admission, hosts, now) = match opened.await {
        Ok(opened) => opened,
        Err(error) => return fault::broken(&visit, &error),
    };
    let sites = now.room.sites.0.clone();
    let mut response = match admission {
        Admission::Admitted(_) => {
            let page = Frame::new(&visit, "embed", Some("watch"), Some(&now.room.title))?.of_room(&now.room);
            let embed = Embed { page: &page, room: &now.room, stage_text: stage_text(&page, &now), data: data(&app, &now, &hosts) };
            answer(StatusCode::OK, &embed, &page)
        }
        Admission::NeedsPassword => door::embed(&visit, &now.room, "door.text")?,
        Admission::NeedsRegistration => door::embed(&visit, &now.room, "register.needed")?,
    };
    policy::open_to_sites(response.headers_mut(), &now.room, headers.get(header::ORIGIN));
    Ok(with_policy(response, &Policy { hosts: &hosts, matomo: None, frames: Some(&sites) }))
}

fn with_policy(mut response: Response, wanted: &Policy<'_>) -> Response {
    if let Some(policy) = policy::policy(wanted) {
        response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    response
}

fn data(app: &App, now: &RoomNow, hosts: &[String]) -> String {
    let room = &now.room;
    let cover = room.cover_hash.as_deref().map(crate::room::picture_address).unwrap_or_default();
    json!({ "roomKey": room.key, "title": room.title, "iceServers": ice_servers(app), "state": now.state, "hosts": hosts,
            "cover": cover, "startsAt": now.starts_at() })
    .to_string()
}

fn stage_text(page: &Frame, now: &RoomNow) -> &'static str {
    match now.state {
        RoomPhase::None => page.t("room.none"),
        RoomPhase::Announced => page.t("room.announced"),
        RoomPhase::Over => page.t("room.over"),
        RoomPhase::Live | RoomPhase::Interrupted | RoomPhase::Paused => page.t("player.connecting"),
    }
}
