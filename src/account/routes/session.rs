//! Logging in and out.

use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use super::super::{Allowed, Caller, Credential, Kind, activity, cookie, cross_site, perm, scope, session};
use crate::app::App;
use crate::http::address::ClientAddress;
use crate::http::{Answer, Json, Problem};
use crate::secret::Secret;

/// Who is logged in.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SessionView {
    user: SessionUser,
    /// Ids of the user's groups.
    groups: Vec<String>,
    /// What the caller may do; `system.admin` means everything.
    permissions: Vec<&'static str>,
}

#[derive(Debug, Serialize, ToSchema)]
struct SessionUser {
    id: String,
    name: String,
}

/// The caller.
#[utoipa::path(get, path = "/session", tag = "account", responses((status = 200, body = SessionView), (status = 401, body = Problem)))]
pub(crate) async fn show(caller: Allowed<perm::Nothing>, State(app): State<App>) -> Answer<Json<SessionView>> {
    Ok(Json(SessionView {
        user: SessionUser { id: caller.user_id.clone(), name: caller.user_name.clone() },
        groups: scope::groups_of(&app.store, Kind::User, &caller.user_id).await?,
        permissions: caller.permissions.names(),
    }))
}

/// Name and password.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Login {
    username: String,
    #[schema(value_type = String, format = Password)]
    password: Secret,
}

/// Logs in and sets the session cookie.
#[utoipa::path(
    post,
    path = "/session",
    tag = "account",
    request_body = Login,
    security(()),
    responses((status = 204), (status = 401, body = Problem), (status = 429, body = Problem))
)]
pub(crate) async fn begin(
    State(app): State<App>,
    ClientAddress(address): ClientAddress,
    method: Method,
    headers: HeaderMap,
    Json(login): Json<Login>,
) -> Answer<Response> {
    // A page of another site could log its visitor in as somebody else.
    cross_site::refuse(&method, &headers, app.settings.public_url.as_ref())?;
    let account = app.doorkeeper.admit(&app.store, &login.username, login.password, address).await?;
    let caller = Caller::new(account, Credential::None, Some(address));

    let mut tx = app.store.begin().await?;
    if let Some(previous) = cookie::read(&headers, &app.settings) {
        session::end(&mut tx, previous).await?;
    }
    let value = session::begin(&mut tx, &caller.user_id, crate::moment::now_ms()).await?;
    activity::record(&mut tx, &caller, "session.begin", &caller.user_id, json!({})).await?;
    tx.commit().await?;
    Ok((StatusCode::NO_CONTENT, [(header::SET_COOKIE, cookie::set(&app.settings, value.reveal()))]).into_response())
}

/// Logs out.
#[utoipa::path(delete, path = "/session", tag = "account", responses((status = 204), (status = 401, body = Problem)))]
pub(crate) async fn end(caller: Allowed<perm::Nothing>, State(app): State<App>, headers: HeaderMap) -> Answer<Response> {
    if let Some(value) = cookie::read(&headers, &app.settings) {
        let mut tx = app.store.begin().await?;
        session::end(&mut tx, value).await?;
        activity::record(&mut tx, &caller, "session.end", &caller.user_id, json!({})).await?;
        tx.commit().await?;
    }
    Ok((StatusCode::NO_CONTENT, [(header::SET_COOKIE, cookie::clear(&app.settings))]).into_response())
}
