//! Rooms: public watch pages, and who may watch.

mod admission;
pub mod answers;
pub mod csv;
mod desk;
mod door;
mod fields;
pub mod form;
pub mod look;
pub mod markdown;
mod pace;
pub mod people;
pub mod picture;
mod pictures;
pub mod registration;
mod registrations;
mod routes;
mod store;
pub mod typed;
pub(crate) mod viewer;

pub use self::admission::{Admission, Admitted, Grant, Guest, Rule, UnknownVisibility, Visibility, admit};
pub use self::desk::Desk;
pub use self::door::{ask, enter, pass};
pub use self::pictures::address as picture_address;
pub(crate) use self::pictures::public;
pub(crate) use self::routes::routes;
pub use self::store::{Kept, Room, find, on_front};
pub use self::viewer::{Visitor, is_staff};

/// Whether a text can be a room's key, which stands in its address: 1 to 64 of `a–z 0–9 -`.
pub fn is_key(text: &str) -> bool {
    (1..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

/// The sites, besides our own, that are named as those that may embed a room, as browsers write an `Origin`: `https://www.example.org`. That
/// every site may show the player (`*`) names none: it is no leave to act for the viewer.
pub fn sites(room: &Room) -> Vec<String> {
    room.sites.0.iter().filter(|site| *site != "*").cloned().collect()
}

/// Whether every site may show the room's player.
pub fn is_embedded_anywhere(room: &Room) -> bool {
    room.sites.0.iter().any(|site| site == "*")
}
