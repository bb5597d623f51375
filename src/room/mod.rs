//! Rooms: public watch pages.

mod routes;
mod store;

pub(crate) use self::routes::routes;
pub use self::store::{Room, find};

/// Whether a text can be a room's key, which stands in its address: 1 to 64 of `a–z 0–9 -`.
pub fn is_key(text: &str) -> bool {
    (1..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}
