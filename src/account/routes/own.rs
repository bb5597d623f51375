//! One's own account: who one is, one's password, where one is logged in.

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use super::super::{Allowed, Caller, Credential, activity, cookie, perm, reset, second, session, user};
use super::users::email;
use crate::app::App;
use crate::http::{Answer, Json, List, Problem, whole};
use crate::moment::rfc3339;
use crate::secret::Secret;
use crate::store::args;

/// One's own account.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct OwnView {
    id: String,
    name: String,
    /// Where a link for a new password is sent.
    email: Option<String>,
    /// Without one, logins are somewhere else's.
    has_password: bool,
    /// A code of a device is asked for besides the password.
    second_factor: bool,
    /// How many recovery codes are left.
    recovery_codes: i64,
    groups: Vec<Named>,
    roles: Vec<Named>,
    /// What the caller may do; `system.admin` means everything.
    permissions: Vec<&'static str>,
}

/// Something by its name.
#[derive(Debug, Serialize, sqlx::FromRow, ToSchema)]
struct Named {
    id: String,
    name: String,
}

/// The caller's account.
#[utoipa::path(get, path = "/account", tag = "account", responses((status = 200, body = OwnView)))]
pub(crate) async fn show(caller: Allowed<perm::Nothing>, State(app): State<App>) -> Answer<Json<OwnView>> {
    let user = user::find(&app.store, &caller.user_id).await?.ok_or_else(Problem::not_authenticated)?;
    let (hash,): (String,) = app.store.one("SELECT password_hash FROM users WHERE id = $1", args![&user.id]).await?;
    let (second_factor, recovery_codes) = second::state(&app.store, &user.id).await?;
    let groups = "SELECT g.id, g.name FROM account_groups g JOIN group_holds h ON h.group_id = g.id WHERE h.kind = 'user' AND h.thing_id = $1 \
                  ORDER BY g.id";
    let roles = "SELECT r.id, r.name FROM roles r JOIN user_roles u ON u.role_id = r.id WHERE u.user_id = $1 ORDER BY r.id";
    Ok(Json(OwnView {
        groups: app.store.all(groups, args![&user.id]).await?,
        roles: app.store.all(roles, args![&user.id]).await?,
        permissions: caller.permissions.names(),
        has_password: user::is_password(&hash),
        id: user.id,
        name: user.name,
        email: user.email,
        second_factor,
        recovery_codes,
    }))
}

/// What changes about one's own account.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct OwnChange {
    /// Where a link for a new password is sent; null takes it away.
    email: Option<String>,
    /// The password: whoever sits at an open screen must not turn the account into theirs.
    #[schema(value_type = String, format = Password)]
    password: Secret,
}

/// Changes where a link for a new password is sent.
#[utoipa::path(
    patch, path = "/account", tag = "account", request_body = OwnChange,
    responses((status = 204), (status = 403, body = Problem), (status = 422, body = Problem), (status = 429, body = Problem), (status = 503, body = Problem))
)]
pub(crate) async fn change(caller: Allowed<perm::Nothing>, State(app): State<App>, Json(change): Json<OwnChange>) -> Answer<StatusCode> {
    let caller = caller.clone();
    whole(async move {
        at_a_screen(&caller)?;
        let email = change.email.as_deref().map(email).transpose()?;
        app.doorkeeper.confirm(&app.store, &caller, change.password, "password").await?;
        let before = user::find(&app.store, &caller.user_id).await?.and_then(|user| user.email);
        let mut tx = app.store.begin().await?;
        tx.run("UPDATE users SET email = $2 WHERE id = $1", args![&caller.user_id, email.clone()]).await?;
        let detail = activity::difference(&caller.user_name, &json!({"email": before}), &json!({"email": email}), &[]);
        activity::record(&mut tx, &caller, "account.change", &caller.user_id, detail).await?;
        tx.commit().await?;
        Ok(StatusCode::NO_CONTENT)
    })
    .await
}

/// A new password.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewPassword {
    #[schema(value_type = String, format = Password)]
    old_password: Secret,
    /// At least 8 characters, not digits alone, not like the name, not common.
    #[schema(value_type = String, format = Password)]
    new_password: Secret,
}

/// Changes one's own password, and ends all other sessions.
#[utoipa::path(
    post, path = "/account/password", tag = "account", request_body = NewPassword,
    responses((status = 204), (status = 403, body = Problem), (status = 422, body = Problem), (status = 429, body = Problem), (status = 503, body = Problem))
)]
pub(crate) async fn set_password(
    caller: Allowed<perm::Nothing>,
    State(app): State<App>,
    Json(new): Json<NewPassword>,
) -> Answer<StatusCode> {
    let caller = caller.clone();
    whole(async move {
        let kept = at_a_screen(&caller)?.to_owned();
        app.doorkeeper.confirm(&app.store, &caller, new.old_password, "old_password").await?;
        let user = user::find(&app.store, &caller.user_id).await?.ok_or_else(Problem::not_authenticated)?;
        let hash = app.doorkeeper.hash_for(new.new_password, &user).await.map_err(|problem| problem.of_field("new_password"))?;
        let mut tx = app.store.begin().await?;
        reset::set_password(&mut tx, &user.id, &hash, Some(&kept)).await?;
        activity::record(&mut tx, &caller, "account.password", &user.id, json!({"name": user.name})).await?;
        tx.commit().await?;
        app.accounts.tell();
        Ok(StatusCode::NO_CONTENT)
    })
    .await
}

/// Somewhere that one is logged in.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PlaceView {
    #[schema(format = DateTime)]
    began_at: String,
    /// When the last request came, to the minute.
    #[schema(format = DateTime)]
    seen_at: String,
    address: Option<String>,
    /// What the browser calls itself.
    agent: Option<String>,
    /// This is where the question comes from.
    current: bool,
}

/// Where one is logged in.
#[utoipa::path(get, path = "/account/sessions", tag = "account", responses((status = 200, body = List<PlaceView>)))]
pub(crate) async fn places(caller: Allowed<perm::Nothing>, State(app): State<App>) -> Answer<Json<List<PlaceView>>> {
    let own = match &caller.credential {
        Credential::Session(hash) => hash.as_str(),
        _ => "",
    };
    let rows = session::of_user(&app.store, &caller.user_id, crate::moment::now_ms()).await?;
    let view = |row: session::Place| PlaceView {
        began_at: rfc3339(row.created_ms),
        seen_at: rfc3339(row.seen_ms),
        address: row.address,
        agent: row.agent,
        current: row.token_hash == own,
    };
    Ok(Json(List::whole(rows.into_iter().map(view).collect())))
}

/// Logs out everywhere, here too.
#[utoipa::path(delete, path = "/account/sessions", tag = "account", responses((status = 204)))]
pub(crate) async fn leave_all(caller: Allowed<perm::Nothing>, State(app): State<App>) -> Answer<Response> {
    let caller = caller.clone();
    whole(async move {
        end_all(&app, &caller, &caller.user_id.clone(), &caller.user_name.clone()).await?;
        Ok((StatusCode::NO_CONTENT, [(header::SET_COOKIE, cookie::clear(&app.settings))]).into_response())
    })
    .await
}

/// Ends all sessions of a user.
pub(super) async fn end_all(app: &App, caller: &Caller, user_id: &str, name: &str) -> Answer<()> {
    let mut tx = app.store.begin().await?;
    let ended = tx.run("DELETE FROM sessions WHERE user_id = $1", args![user_id]).await?;
    activity::record(&mut tx, caller, "session.end_all", user_id, json!({"name": name, "ended": ended})).await?;
    tx.commit().await?;
    app.accounts.tell();
    Ok(())
}

/// The hash of the caller's session; 403 to a token, which is a program's and has nothing to do with passwords.
pub(super) fn at_a_screen(caller: &Caller) -> Answer<&str> {
    match &caller.credential {
        Credential::Session(hash) => Ok(hash),
        _ => Err(Problem::forbidden("session_needed", "This is done by a person who is logged in, not by a token.")),
    }
}
