//! `POST /hooks/ome/admission`: an origin asks before it lets somebody publish or play.
//!
//! `OvenMediaEngine` signs what it asks with a shared secret and takes nothing but `{"allowed": true}` with status 200 for a yes. It asks
//! again with `closing` when somebody has gone, also after a no. Everything that is wrong, slow or unknown is a no.

mod address;
mod incoming;
mod outgoing;
mod question;

use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use metrics::{counter, histogram};
use serde_json::{Value, json};

use self::question::{Protocol, Question};
use crate::app::App;
use crate::http::json;
use crate::store::StoreError;

/// Longest body that is read, in bytes; real ones have some hundred.
const BODY_BYTES: usize = 16 * 1024;
/// An origin waits for three seconds, as it is configured; a late answer is one to nobody.
const ANSWER_WITHIN: Duration = Duration::from_secs(2);

pub(super) fn routes() -> Router<App> {
    Router::new().route("/hooks/ome/admission", post(admission))
}

/// Why somebody is not let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Refusal {
    NoSecret,
    BadSignature,
    TooLarge,
    Malformed,
    Unknown,
    BadAddress,
    NoToken,
    BadToken,
    Expired,
    Used,
    OldEpoch,
    OtherStream,
    NotOnAir,
    NeedsPassword,
    NeedsRegistration,
    Database,
    Late,
}

impl Refusal {
    /// A word for metrics and the log, and a sentence for the origin's log.
    fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::NoSecret => ("no_secret", "BLUECAST_OME_SECRET is not set."),
            Self::BadSignature => ("bad_signature", "The signature is not that of BLUECAST_OME_SECRET."),
            Self::TooLarge => ("too_large", "The question is too long."),
            Self::Malformed => ("malformed", "The question cannot be read."),
            Self::Unknown => ("unknown", "Nobody may publish or play in this way."),
            Self::BadAddress => ("bad_address", "The address names no stream."),
            Self::NoToken => ("no_token", "The address holds no token."),
            Self::BadToken => ("bad_token", "The token is not one of this installation."),
            Self::Expired => ("expired", "The token is too old, or the clocks are too far apart."),
            Self::Used => ("used", "The token was used by another connection."),
            Self::OldEpoch => ("old_epoch", "Another process has taken the broadcast up since."),
            Self::OtherStream => ("other_stream", "The token is for another stream."),
            Self::NotOnAir => ("not_on_air", "Nothing is on the air there."),
            Self::NeedsPassword => ("needs_password", "The room does not admit this viewer."),
            Self::NeedsRegistration => ("needs_registration", "The room is for those who have filled in its form."),
            Self::Database => ("database", "The database does not answer."),
            Self::Late => ("late", "The answer took too long."),
        }
    }

    fn status(self) -> StatusCode {
        match self {
            Self::NoSecret | Self::BadSignature => StatusCode::FORBIDDEN,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Malformed => StatusCode::BAD_REQUEST,
            Self::Database | Self::Late => StatusCode::SERVICE_UNAVAILABLE,
            // The origin reads the reason of an answered question only.
            _ => StatusCode::OK,
        }
    }
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        tracing::error!(%error, "somebody was refused at an origin: the database could not be asked");
        Self::Database
    }
}

/// What is counted beside the outcome.
#[derive(Clone, Copy)]
struct Kind {
    direction: &'static str,
    protocol: &'static str,
}

async fn admission(State(app): State<App>, headers: HeaderMap, body: Body) -> Response {
    let started = Instant::now();
    let mut kind = Kind { direction: "unknown", protocol: "unknown" };
    let outcome = tokio::time::timeout(ANSWER_WITHIN, decide(&app, &headers, body, &mut kind)).await.unwrap_or(Err(Refusal::Late));
    let Kind { direction, protocol } = kind;
    let result = outcome.as_ref().map_or_else(|refusal| refusal.words().0, |answer| answer.word());
    counter!("bluecast_admissions_total", "direction" => direction, "protocol" => protocol, "result" => result).increment(1);
    histogram!("bluecast_admission_seconds", "direction" => direction).record(started.elapsed().as_secs_f64());
    match outcome {
        Ok(answer) => (StatusCode::OK, json::Json(answer.body())).into_response(),
        Err(refusal) => {
            let (word, reason) = refusal.words();
            tracing::info!(direction, protocol, refusal = word, "somebody was refused at an origin");
            (refusal.status(), json::Json(json!({"allowed": false, "reason": reason}))).into_response()
        }
    }
}

/// A question that was answered with a yes, or asked for nothing.
enum Yes {
    Publish,
    Play { lifetime_ms: i64 },
    Gone,
}

impl Yes {
    fn word(&self) -> &'static str {
        match self {
            Self::Publish | Self::Play { .. } => "allowed",
            Self::Gone => "closing",
        }
    }

    fn body(&self) -> Value {
        match self {
            Self::Publish => json!({"allowed": true}),
            Self::Play { lifetime_ms } => json!({"allowed": true, "lifetime": lifetime_ms}),
            Self::Gone => json!({}),
        }
    }
}

async fn decide(app: &App, headers: &HeaderMap, body: Body, kind: &mut Kind) -> Result<Yes, Refusal> {
    let secret = app.settings.ome_secret.as_ref().filter(|secret| !secret.is_empty()).ok_or(Refusal::NoSecret)?;
    let body = json::read(body, BODY_BYTES)
        .await
        .map_err(|problem| if problem.status() == StatusCode::PAYLOAD_TOO_LARGE { Refusal::TooLarge } else { Refusal::Malformed })?;
    let signature = headers.get("x-ome-signature").and_then(|value| value.to_str().ok()).unwrap_or_default();
    if !question::is_signed(secret, &body, signature) {
        return Err(Refusal::BadSignature);
    }
    match Question::parse(&body)? {
        Question::Gone => {
            kind.direction = "closing";
            Ok(Yes::Gone)
        }
        Question::Publish { protocol, asked, client } => {
            *kind = Kind { direction: "incoming", protocol: word(protocol) };
            incoming::decide(app, &asked, &client).await.map(|()| Yes::Publish)
        }
        Question::Play { protocol, asked } => {
            *kind = Kind { direction: "outgoing", protocol: word(protocol) };
            outgoing::decide(app, &asked).await.map(|lifetime_ms| Yes::Play { lifetime_ms })
        }
    }
}

fn word(protocol: Protocol) -> &'static str {
    match protocol {
        Protocol::Rtmp => "rtmp",
        Protocol::Srt => "srt",
        Protocol::Webrtc => "webrtc",
        Protocol::Llhls => "llhls",
    }
}
