//! The last ten minutes in numbers, and the flight recorder.

use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use utoipa::IntoParams;

use super::super::flight::{self, SamplesView};
use super::control::record;
use super::list::find;
use crate::account::Allowed;
use crate::account::perm::{self, InSomeRoom};
use crate::app::App;
use crate::http::{Answer, Json, Path, Problem, Query};

/// Since when.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Since {
    /// Unix milliseconds of the newest sample that is known already.
    since: Option<i64>,
}

/// One sample a second of the last ten minutes, those of a broadcast that is over too, for a while.
#[utoipa::path(
    get, path = "/broadcasts/{id}/samples", tag = "broadcast", params(("id" = String, Path), Since),
    responses((status = 200, body = SamplesView), (status = 404, body = Problem))
)]
pub(crate) async fn samples(
    caller: Allowed<InSomeRoom<perm::BroadcastView>>,
    State(app): State<App>,
    Path(id): Path<String>,
    Query(since): Query<Since>,
) -> Answer<Json<SamplesView>> {
    let row = find(&app, &caller, &id).await?;
    Ok(Json(app.supervisor.samples(&row.id, since.since.unwrap_or(-1))))
}

/// All that is known of a broadcast in one archive: events, log, numbers, pictures. No secret is in it.
#[utoipa::path(
    get, path = "/broadcasts/{id}/flight.zip", tag = "broadcast", params(("id" = String, Path)),
    responses((status = 200, content_type = "application/zip"), (status = 404, body = Problem))
)]
pub(crate) async fn bundle(
    caller: Allowed<InSomeRoom<perm::BroadcastView>>,
    State(app): State<App>,
    Path(id): Path<String>,
) -> Answer<Response> {
    let row = find(&app, &caller, &id).await?;
    let archive = flight::bundle(&app, &row).await?;
    record(&app, &caller, "broadcast.flight", &row).await?;
    let name = format!("attachment; filename=\"bluecast-{}.zip\"", row.id);
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("application/zip")),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (header::CONTENT_DISPOSITION, HeaderValue::from_str(&name).map_err(Problem::internal)?),
    ];
    Ok((headers, archive).into_response())
}
