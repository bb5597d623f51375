//! Origins: the OME instances that broadcasts are pushed to.

pub mod answer;
mod carry;
pub mod client;
mod clients;
mod error;
mod evict;
mod fields;
mod hooks;
mod operate;
mod pace;
pub mod playback;
mod provision;
pub mod publish_token;
mod push_check;
mod round;
mod routes;
pub mod seen;
pub mod signed_policy;
mod store;
pub mod warning;
pub mod watch;

pub use self::clients::{OriginError, Origins};
pub use self::error::OmeError;
pub use self::provision::{ProvisionError, provision};
pub(crate) use self::routes::routes;
pub use self::store::{Edge, Origin, find};

/// Whether a text can be an application's name on an origin: 1 to 64 of `A–Z a–z 0–9 _ -`.
pub fn is_app(text: &str) -> bool {
    (1..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-')
}

/// Whether a text can be a virtual host's name on an origin: 1 to 64 of `A–Z a–z 0–9 _ - .`, and not dots alone.
pub fn is_vhost(text: &str) -> bool {
    let letter = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
    (1..=64).contains(&text.len()) && text.bytes().all(letter) && text.bytes().any(|byte| byte != b'.')
}

/// What origins and viewers call, without an account.
pub(crate) fn public() -> axum::Router<crate::app::App> {
    hooks::routes().merge(playback::routes())
}

/// Fills a playback template's `{app}` and `{name}`.
pub fn playback(template: &str, app: &str, name: &str) -> String {
    template.replace("{app}", app).replace("{name}", name)
}
