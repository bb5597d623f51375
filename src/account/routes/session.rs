//! Logging in and out.

use std::net::IpAddr;

use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use super::super::doorkeeper::Credentials;
use super::super::second::Shown;
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
    /// Six digits of the device, or a recovery code, where the account asks for one.
    #[schema(value_type = Option<String>, format = Password)]
    code: Option<Secret>,
}

/// Logs in and sets the session cookie.
#[utoipa::path(
    post,
    path = "/session",
    tag = "account",
    request_body = Login,
    security(()),
    responses((status = 204), (status = 401, body = Problem), (status = 429, body = Problem), (status = 503, body = Problem))
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
    let name = login.username.clone();
    let credentials = Credentials { name: login.username, password: login.password, code: login.code };
    let (account, shown) = match app.doorkeeper.admit(&app, credentials, address).await {
        Ok(admitted) => admitted,
        Err(problem) => {
            refused(&app, &name, address, &problem).await;
            return Err(problem);
        }
    };
    let caller = Caller::new(account, Credential::None, Some(address));
    let how = match shown {
        None => "password",
        Some(Shown::Device) => "password and code",
        Some(Shown::Recovery) => "password and recovery code",
    };
    let cookie = enter(&app, &caller, &headers, address, how).await?;
    Ok((StatusCode::NO_CONTENT, [(header::SET_COOKIE, cookie)]).into_response())
}

/// Begins a session in place of the one that the browser had; gives the cookie's header.
pub(crate) async fn enter(app: &App, caller: &Caller, headers: &HeaderMap, address: IpAddr, how: &str) -> Answer<HeaderValue> {
    let mut tx = app.store.begin().await?;
    if let Some(previous) = cookie::read(headers, &app.settings) {
        session::end(&mut tx, previous).await?;
    }
    let value = session::begin(&mut tx, &caller.user_id, &session::From::new(address, headers), crate::moment::now_ms()).await?;
    activity::record(&mut tx, caller, "session.begin", &caller.user_id, json!({"how": how})).await?;
    tx.commit().await?;
    Ok(cookie::set(&app.settings, value.reveal()))
}

/// Writes down that a login failed. A name that is nobody's is left out: people type their password into the wrong field. Attempts that
/// came too early are not written, which bounds how much a guesser can write.
async fn refused(app: &App, name: &str, address: IpAddr, problem: &Problem) {
    if problem.status() != StatusCode::UNAUTHORIZED || problem.code == "code_needed" {
        return;
    }
    let write = async {
        let sql = "SELECT id, name FROM users WHERE lower(name) = lower($1)";
        let known: Option<(String, String)> = app.store.optional(sql, crate::store::args![name]).await?;
        let (id, name) = known.unwrap_or_default();
        let detail = json!({"name": Some(name).filter(|name| !name.is_empty()), "reason": problem.code});
        activity::alone(&app.store, &Caller::nobody(Some(address)), "session.refuse", &id, detail).await
    };
    if let Err(error) = write.await {
        tracing::error!(%error, "a failed login could not be written down");
    }
}

/// Logs out.
#[utoipa::path(delete, path = "/session", tag = "account", responses((status = 204), (status = 401, body = Problem)))]
pub(crate) async fn end(caller: Allowed<perm::Nothing>, State(app): State<App>, headers: HeaderMap) -> Answer<Response> {
    if let Some(value) = cookie::read(&headers, &app.settings) {
        let mut tx = app.store.begin().await?;
        session::end(&mut tx, value).await?;
        activity::record(&mut tx, &caller, "session.end", &caller.user_id, json!({})).await?;
        tx.commit().await?;
        app.accounts.tell();
    }
    Ok((StatusCode::NO_CONTENT, [(header::SET_COOKIE, cookie::clear(&app.settings))]).into_response())
}
