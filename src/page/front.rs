//! The front page: what is on the air now.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use super::frame::{Frame, NoPages, answer};
use super::visit::Visit;
use super::{fault, room};
use crate::app::App;
use crate::broadcast::room_state::RoomPhase;

/// A room on the front page.
struct Card {
    key: String,
    title: String,
    description: String,
    /// Its state in words.
    label: &'static str,
    /// The badge's colour.
    tone: &'static str,
}

#[derive(Template)]
#[template(path = "front.html")]
struct Front<'a> {
    page: &'a Frame,
    rooms: Vec<Card>,
}

pub(super) async fn show(State(app): State<App>, visit: Visit) -> Result<Response, NoPages> {
    let rooms = match room::on_air(&app).await {
        Ok(rooms) => rooms,
        Err(error) => return fault::broken(&visit, &error),
    };
    let page = Frame::new(&visit, "front", None, None)?;
    let card = |room: room::RoomNow| {
        let (label, tone) = match room.state {
            RoomPhase::Live => (page.t("room.live"), "live"),
            RoomPhase::Interrupted => (page.t("room.interrupted"), "warn"),
            RoomPhase::Paused => (page.t("room.paused"), "warn"),
            RoomPhase::Announced | RoomPhase::None | RoomPhase::Over => (page.t("room.announced"), "brand"),
        };
        Card { key: room.key, title: room.title, description: room.description, label, tone }
    };
    let rooms = rooms.into_iter().map(card).collect();
    Ok(answer(StatusCode::OK, &Front { page: &page, rooms }, &page))
}
