//! Cookies that only the server reads.

use axum::http::{HeaderMap, HeaderValue, header};

use crate::config::Settings;

/// With https the browser promises that only this host, over https, set it.
fn name(settings: &Settings, base: &str) -> String {
    if is_secure(settings) { format!("__Host-{base}") } else { base.to_owned() }
}

fn is_secure(settings: &Settings) -> bool {
    settings.public_url.as_ref().is_some_and(|url| url.scheme() == "https")
}

/// The value of a cookie that [`set`] made.
pub fn read<'a>(headers: &'a HeaderMap, settings: &Settings, base: &str) -> Option<&'a str> {
    named(headers, &name(settings, base))
}

/// The value of the cookie of this very name.
pub fn named<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let pairs = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(';'));
    pairs.filter_map(|pair| pair.trim().split_once('=')).find(|(found, _)| *found == name).map(|(_, value)| value)
}

/// The header that sets a cookie for so many seconds; 0 takes it away. Name and value are our own visible characters.
#[expect(clippy::expect_used, reason = "our own names and base64")]
pub fn set(settings: &Settings, base: &str, value: &str, max_age_s: i64) -> HeaderValue {
    let (name, secure) = (name(settings, base), if is_secure(settings) { "; Secure" } else { "" });
    let text = format!("{name}={value}; Path=/; HttpOnly; SameSite=Lax; Max-Age={max_age_s}{secure}");
    HeaderValue::from_str(&text).expect("visible characters")
}
