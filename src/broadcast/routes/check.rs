//! A Start, tried without starting.

use axum::extract::State;

use super::super::model::StartRequest;
use super::super::preflight::{self, Preflight};
use crate::account::Allowed;
use crate::account::perm::{self, InSomeRoom};
use crate::app::App;
use crate::http::{Answer, Json, Problem};

/// Says what would go wrong with a Start: server, meeting, room, capacity, and whether each target answers. Asks all at once, for twelve
/// seconds at most; nothing is written, joined or published.
#[utoipa::path(
    post, path = "/broadcasts/check", tag = "broadcast", request_body = StartRequest,
    responses((status = 200, body = Preflight), (status = 422, body = Problem), (status = 429, body = Problem))
)]
pub(crate) async fn check(
    caller: Allowed<InSomeRoom<perm::BroadcastOperate>>,
    State(app): State<App>,
    Json(request): Json<StartRequest>,
) -> Answer<Json<Preflight>> {
    Ok(Json(preflight::check(&app, &caller, &request).await?))
}
