//! The session cookie.

use axum::http::{HeaderMap, HeaderValue, header};

use super::session::ABSOLUTE_LIFE_MS;
use crate::config::Settings;

/// With https the browser promises that only this host, over https, set it.
fn name(secure: bool) -> &'static str {
    if secure { "__Host-bluecast" } else { "bluecast" }
}

fn is_secure(settings: &Settings) -> bool {
    settings.public_url.as_ref().is_some_and(|url| url.scheme() == "https")
}

/// The cookie of a request.
pub(super) fn read<'a>(headers: &'a HeaderMap, settings: &Settings) -> Option<&'a str> {
    let name = name(is_secure(settings));
    let pairs = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(';'));
    pairs.filter_map(|pair| pair.trim().split_once('=')).find(|(found, _)| *found == name).map(|(_, value)| value)
}

/// The header that sets the cookie.
pub(super) fn set(settings: &Settings, value: &str) -> HeaderValue {
    header(settings, value, ABSOLUTE_LIFE_MS / 1000)
}

/// The header that takes it away.
pub(super) fn clear(settings: &Settings) -> HeaderValue {
    header(settings, "", 0)
}

#[expect(clippy::expect_used, reason = "our own names and base64")]
fn header(settings: &Settings, value: &str, max_age_s: i64) -> HeaderValue {
    let secure = is_secure(settings);
    let text =
        format!("{}={value}; Path=/; HttpOnly; SameSite=Lax; Max-Age={max_age_s}{}", name(secure), if secure { "; Secure" } else { "" });
    HeaderValue::from_str(&text).expect("visible characters")
}
