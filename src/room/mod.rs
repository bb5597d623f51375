//! Rooms: public watch pages, and who may watch.

mod admission;
pub mod csv;
mod door;
pub mod people;
mod routes;
mod store;
pub(crate) mod viewer;

pub use self::admission::{Admission, Admitted, Grant, Guest, Rule, UnknownVisibility, Visibility, admit};
pub use self::door::{ask, enter, pass};
pub(crate) use self::routes::routes;
pub use self::store::{Room, find};
pub use self::viewer::{Visitor, is_staff};

/// Whether a text can be a room's key, which stands in its address: 1 to 64 of `a–z 0–9 -`.
pub fn is_key(text: &str) -> bool {
    (1..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}
