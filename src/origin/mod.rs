//! Origins: the OME instances that broadcasts are pushed to.

mod routes;
mod store;

pub(crate) use self::routes::routes;
pub use self::store::{Origin, find};

/// Whether a text can be an application's name on an origin: 1 to 64 of `A–Z a–z 0–9 _ -`.
pub fn is_app(text: &str) -> bool {
    (1..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-')
}

/// Fills a playback template's `{app}` and `{name}`.
pub fn playback(template: &str, app: &str, name: &str) -> String {
    template.replace("{app}", app).replace("{name}", name)
}
