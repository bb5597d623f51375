//! Trying a server: whether it is reached, takes the secret, and what it is.

use std::time::Instant;

use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::routes::existing;
use crate::account::{Allowed, perm};
use crate::app::App;
use crate::bbb::{BbbError, Client, Generation};
use crate::http::{Answer, Json, Path, Problem, check};
use crate::secret::Secret;

/// What was found at a server.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Trial {
    ok: bool,
    /// BBB's version: the exact one where the server tells it, else its generation.
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<String>,
    /// Meetings that it knows.
    #[serde(skip_serializing_if = "Option::is_none")]
    meetings: Option<usize>,
    /// What is wrong, in a stable word.
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<&'static str>,
    /// What is wrong, in a sentence.
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
    /// How long it took, in milliseconds.
    took_ms: u64,
}

async fn trial(client: Client) -> Trial {
    let started = Instant::now();
    // The index needs no secret, the meetings do.
    let (index, meetings) = tokio::join!(client.index(), client.meetings());
    let took_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    let version = index.as_ref().ok().map(|index| {
        let family = if index.generation == Generation::V2 { "2.7 or before" } else { "3.0 or later" };
        index.release.clone().unwrap_or_else(|| family.to_owned())
    });
    let error: Option<BbbError> = index.err().or_else(|| meetings.as_ref().err().cloned());
    Trial {
        ok: error.is_none(),
        version,
        meetings: meetings.ok().map(|meetings| meetings.len()),
        code: error.as_ref().map(BbbError::code),
        detail: error.map(|error| error.to_string()),
        took_ms,
    }
}

/// Tries a server: whether it is reached, takes the secret, and which version it is.
#[utoipa::path(
    post, path = "/servers/{id}/test", tag = "server", params(("id" = String, Path)),
    responses((status = 200, body = Trial), (status = 404, body = Problem))
)]
pub(super) async fn kept(caller: Allowed<perm::ServerManage>, State(app): State<App>, Path(id): Path<String>) -> Answer<Json<Trial>> {
    existing(&app, &caller, &id).await?;
    let client = app.servers.client(&app.store, &id).await?.ok_or_else(|| Problem::not_found("server"))?;
    Ok(Json(trial(client).await))
}

/// A server that is not kept yet, or whose changes are not.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Candidate {
    url: String,
    /// Left out, that of the server `id` is used, at the address that it is kept with.
    #[schema(value_type = Option<String>, format = Password)]
    secret: Option<Secret>,
    /// The server that is being changed.
    id: Option<String>,
}

/// Tries a server that is not kept yet.
#[utoipa::path(
    post, path = "/servers/test", tag = "server", request_body = Candidate,
    responses((status = 200, body = Trial), (status = 404, body = Problem), (status = 422, body = Problem))
)]
pub(super) async fn unsaved(
    caller: Allowed<perm::ServerManage>,
    State(app): State<App>,
    Json(candidate): Json<Candidate>,
) -> Answer<Json<Trial>> {
    let url = super::routes::address(&app, &candidate.url)?;
    let secret = match (&candidate.secret, &candidate.id) {
        (Some(secret), _) => check::secret("secret", secret)?,
        (None, Some(id)) => {
            let server = existing(&app, &caller, id).await?;
            // Calls signed with a secret that somebody else set up go nowhere else.
            if server.url != url {
                return Err(Problem::invalid("secret", "At a new address the secret has to be given again."));
            }
            server.secret(&app.vault)?
        }
        (None, None) => return Err(Problem::unprocessable("missing_field", "The field `secret` is missing.").of_field("secret")),
    };
    Ok(Json(trial(app.servers.trial(&url, secret)?).await))
}
