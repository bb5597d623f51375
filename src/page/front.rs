//! The front page: what is on the air now, and what organisers want to be found. A configured room may stand in its place.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use super::frame::{Frame, NoPages, answer};
use super::visit::Visit;
use super::{fault, room, watch};
use crate::app::App;
use crate::room::{Visibility, markdown};

/// Characters of a description on a card.
const SUMMARY: usize = 160;

/// A room on the front page.
struct Card {
    key: String,
    title: String,
    description: String,
    /// Its state in words; empty where there is nothing to say.
    label: &'static str,
    /// The badge's colour.
    tone: &'static str,
    /// The address of its picture; empty where it has none.
    picture: String,
    /// When it is to begin, RFC 3339, and for those without a script; empty where that is not known.
    starts_at: String,
    starts_text: String,
}

#[derive(Template)]
#[template(path = "front.html")]
struct Front<'a> {
    page: &'a Frame,
    lists: Vec<List>,
}

/// Rooms under a heading.
struct List {
    id: &'static str,
    heading: &'static str,
    rooms: Vec<Card>,
}

pub(super) async fn show(State(app): State<App>, visit: Visit) -> Result<Response, NoPages> {
    if let Some(key) = &app.settings.room.home {
        match crate::room::find(&app.store, key).await {
            Ok(Some(room)) => return watch::show_room(&app, &visit, room).await,
            Ok(None) => tracing::warn!(key, "BLUECAST_HOME_ROOM names no room; the front page is shown"),
            Err(error) => return fault::broken(&visit, &error),
        }
    }
    let rooms = match room::on_front(&app).await {
        Ok(rooms) => rooms,
        Err(error) => return fault::broken(&visit, &error),
    };
    let page = Frame::new(&visit, "front", None, None)?.with_script("about");
    let card = |now: room::RoomNow| {
        let (label, tone) = room::badge(&page, now.state);
        let (picture, starts_at) = (now.picture(), now.starts_at());
        let room = now.room;
        // What a room with a password is about is for those who know it.
        let description = if room.visibility == Visibility::Password { String::new() } else { markdown::words(&room.description, SUMMARY) };
        let starts_text = room::plain_time(&starts_at);
        Card { key: room.key, title: room.title, description, label, tone, picture, starts_at, starts_text }
    };
    let (on, others): (Vec<_>, Vec<_>) = rooms.into_iter().partition(room::RoomNow::is_on_air);
    let others_are = if on.is_empty() { "front.rooms" } else { "front.more" };
    let list = |id, heading, rooms: Vec<room::RoomNow>| List { id, heading: page.t(heading), rooms: rooms.into_iter().map(card).collect() };
    let mut lists = vec![list("on-air", "front.on_air", on), list("rooms", others_are, others)];
    lists.retain(|list| !list.rooms.is_empty());
    Ok(answer(StatusCode::OK, &Front { page: &page, lists }, &page))
}
