//! Bodies in JSON: bounded, strict, and refused in words.

mod strict;

use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures_util::StreamExt;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use self::strict::Strict;
use super::Problem;

/// The largest body that is read.
pub const BODY_LIMIT_BYTES: usize = 256 * 1024;
/// How much of a too large body is thrown away before the refusal, so that a client that is still sending gets to read it.
const DISCARD_LIMIT_BYTES: usize = 4 * 1024 * 1024;
/// How long a body may take to arrive.
const BODY_TIMEOUT: Duration = Duration::from_secs(20);

/// A body in JSON. Types that are read this way are marked `deny_unknown_fields`; a test checks that on the `OpenAPI` document.
#[derive(Clone, Copy, Debug)]
pub struct Json<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _state: &S) -> Result<Self, Problem> {
        if !is_json(request.headers()) {
            let detail = "Send the body as application/json.";
            return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", detail));
        }
        parse(&read_in_time(request.into_body(), BODY_LIMIT_BYTES).await?).map(Self)
    }
}

/// A body in JSON, or none at all.
#[derive(Clone, Copy, Debug)]
pub struct Maybe<T>(pub Option<T>);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Maybe<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        if request.body().is_end_stream() {
            return Ok(Self(None));
        }
        Json::from_request(request, state).await.map(|Json(body)| Self(Some(body)))
    }
}

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        axum::Json(self.0).into_response()
    }
}

/// Whether a body says that it is JSON.
pub fn is_json(headers: &HeaderMap) -> bool {
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = content_type.split(';').next().unwrap_or_default().trim();
    essence.eq_ignore_ascii_case("application/json")
}

/// A whole body of at most so many bytes, if it arrives within 20 s.
pub async fn read_in_time(body: Body, limit_bytes: usize) -> Result<Vec<u8>, Problem> {
    let slow = |_| Problem::new(StatusCode::REQUEST_TIMEOUT, "body_timeout", "The body took too long to arrive.");
    tokio::time::timeout(BODY_TIMEOUT, read(body, limit_bytes)).await.map_err(slow)?
}

/// A whole body of at most so many bytes, however long it takes.
pub async fn read(body: Body, limit_bytes: usize) -> Result<Vec<u8>, Problem> {
    let cut = |_| Problem::bad_request("body_cut", "The body ended before it was whole.");
    let mut stream = body.into_data_stream();
    let mut bytes = Vec::new();
    let mut total = 0;
    while let Some(chunk) = stream.next().await {
        let chunk: Bytes = chunk.map_err(cut)?;
        total += chunk.len();
        if total <= limit_bytes {
            bytes.extend_from_slice(&chunk);
        } else if total > limit_bytes.saturating_add(DISCARD_LIMIT_BYTES) {
            break;
        }
    }
    if total > limit_bytes {
        let detail = format!("The body is larger than {} KiB.", limit_bytes / 1024);
        return Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", detail));
    }
    Ok(bytes)
}

/// Reads a value from JSON text as strictly as a body.
pub fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    let value: Value =
        serde_json::from_slice(bytes).map_err(|error| Problem::bad_request("malformed_json", format!("The body is no JSON: {error}.")))?;
    if let Some(field) = nul(&value) {
        let problem = Problem::unprocessable("nul_character", "Text must not hold the character U+0000.");
        return Err(if field.is_empty() { problem } else { problem.of_field(field) });
    }
    serde_path_to_error::deserialize(Strict(value)).map_err(|error| refused(&error))
}

/// Puts serde's refusal into ours. Serde has no kinds of errors, but its own words have been the same since 1.0.
fn refused(error: &serde_path_to_error::Error<serde_json::Error>) -> Problem {
    let path = Some(error.path().to_string()).filter(|path| path != ".");
    let reason = error.inner().to_string();
    let quoted = |opening: &str| Some(reason.strip_prefix(opening)?.split_once('`')?.0.to_owned());
    if let Some(field) = quoted("unknown field `") {
        return Problem::unprocessable("unknown_field", format!("There is no field `{field}` here.")).of_field(field);
    }
    if let Some(field) = quoted("missing field `") {
        return Problem::unprocessable("missing_field", format!("The field `{field}` is missing.")).of_field(field);
    }
    let problem = Problem::unprocessable("invalid_field", format!("The body is not what it must be: {reason}."));
    match path {
        Some(path) => problem.of_field(path),
        None => problem,
    }
}

/// The path to the first U+0000 in a value, in a name or in text.
fn nul(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => text.contains('\0').then(String::new),
        Value::Array(items) => items.iter().enumerate().find_map(|(index, item)| Some(join(&index.to_string(), &nul(item)?))),
        Value::Object(fields) => {
            fields.iter().find_map(
                |(name, value)| {
                    if name.contains('\0') { Some(name.replace('\0', "\u{fffd}")) } else { Some(join(name, &nul(value)?)) }
                },
            )
        }
        _ => None,
    }
}

fn join(first: &str, rest: &str) -> String {
    if rest.is_empty() { first.to_owned() } else { format!("{first}.{rest}") }
}

/// For fields of a PATCH body, with `#[serde(default, deserialize_with = "present")]`: absent is `None`, `null` is `Some(None)`.
pub fn present<'de, T: Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[expect(clippy::option_option, reason = "absent and null differ")]
    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(deny_unknown_fields)]
    struct Body {
        name: String,
        #[serde(default)]
        sizes: Vec<u32>,
        #[serde(default, deserialize_with = "present")]
        note: Option<Option<String>>,
        #[serde(default)]
        within: Option<Box<Body>>,
    }

    fn refusal(text: &str) -> (u16, &'static str, Option<String>) {
        let problem = parse::<Body>(text.as_bytes()).unwrap_err();
        (problem.status().as_u16(), problem.code, problem.field)
    }

    #[test]
    fn absent_and_null_differ() {
        assert_eq!(parse::<Body>(br#"{"name":"a"}"#).unwrap().note, None);
        assert_eq!(parse::<Body>(br#"{"name":"a","note":null}"#).unwrap().note, Some(None));
        assert_eq!(parse::<Body>(br#"{"name":"a","note":"b"}"#).unwrap().note, Some(Some("b".into())));
    }

    #[test]
    fn refusals_name_the_field() {
        assert_eq!(refusal(r#"["a",[],null,null]"#), (422, "invalid_field", None), "fields in their order are no object");
        assert_eq!(refusal(r#"{"name":"a","within":["b"]}"#), (422, "invalid_field", Some("within".into())));
        assert_eq!(parse::<Body>(br#"{"name":"a","within":{"name":"b","sizes":[1]}}"#).unwrap().within.unwrap().sizes, [1]);
        assert_eq!(refusal(r#"{"name":"a","colour":1}"#), (422, "unknown_field", Some("colour".into())));
        assert_eq!(refusal(r#"{"sizes":[]}"#), (422, "missing_field", Some("name".into())));
        assert_eq!(refusal(r#"{"name":"a","sizes":[1,"x"]}"#), (422, "invalid_field", Some("sizes[1]".into())));
        assert_eq!(refusal(r#"{"name":7}"#), (422, "invalid_field", Some("name".into())));
        assert_eq!(refusal("[1]").0, 422);
        assert_eq!(refusal(r#"{"name":"#), (400, "malformed_json", None));
        assert_eq!(refusal(""), (400, "malformed_json", None));
    }

    #[test]
    fn nul_is_found_anywhere() {
        assert_eq!(refusal(r#"{"name":"a\u0000b"}"#), (422, "nul_character", Some("name".into())));
        assert_eq!(refusal(r#"{"name":"a","deep":[{"x":["\u0000"]}]}"#), (422, "nul_character", Some("deep.0.x.0".into())));
        assert_eq!(refusal(r#"{"na\u0000me":"a"}"#).1, "nul_character");
        assert_eq!(refusal("\"\\u0000\""), (422, "nul_character", None));
    }

    #[test]
    fn deep_nesting_is_malformed_and_not_a_crash() {
        assert_eq!(refusal(&"[".repeat(100_000)).1, "malformed_json");
    }
}
