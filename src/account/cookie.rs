//! The session cookie.

use axum::http::{HeaderMap, HeaderValue};

use super::session::ABSOLUTE_LIFE_MS;
use crate::config::Settings;
use crate::http::cookie;

const NAME: &str = "bluecast";

/// The cookie of a request.
pub(super) fn read<'a>(headers: &'a HeaderMap, settings: &Settings) -> Option<&'a str> {
    cookie::read(headers, settings, NAME)
}

/// The header that sets the cookie.
pub(super) fn set(settings: &Settings, value: &str) -> HeaderValue {
    cookie::set(settings, NAME, value, ABSOLUTE_LIFE_MS / 1000)
}

/// The header that takes it away.
pub(super) fn clear(settings: &Settings) -> HeaderValue {
    cookie::set(settings, NAME, "", 0)
}
