//! Users.
#![expect(clippy::option_option, reason = "in a change, absent and null differ")]

use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::json;
use utoipa::ToSchema;

use super::super::rise::{granted, in_turn, must_cover, must_hold, must_leave_an_admin};
use super::super::user::{self, Account, User};
use super::super::{Allowed, Caller, Kind, Permissions, Sight, activity, grants, group, perm, reset, role, scope};
use super::user_view::{self, RoomGrant, UserView};
use crate::app::App;
use crate::http::json::present;
use crate::http::{Answer, Json, List, Page, Path, Problem, Query, check, whole};
use crate::moment::now_ms;
use crate::secret::Secret;
use crate::store::{StoreError, Transaction, args};

/// The users that the caller sees.
#[utoipa::path(get, path = "/users", tag = "account", params(Page), responses((status = 200, body = List<UserView>)))]
pub(crate) async fn list(
    caller: Allowed<perm::UserManage>,
    State(app): State<App>,
    Query(page): Query<Page>,
) -> Answer<Json<List<UserView>>> {
    let sql = format!(
        "SELECT {} FROM users WHERE id > $1 AND {} ORDER BY id LIMIT $2",
        user::COLUMNS,
        scope::condition(Kind::User, "users.id", 3)
    );
    let args = Sight::of(&caller).after(args![page.after(), page.rows()]);
    let users: Vec<User> = app.store.all(sqlx::AssertSqlSafe(sql), args).await?;
    let users = page.list(users, |user| user.id.clone(), |user| user);
    Ok(Json(List { items: user_view::of_all(&app, &caller, users.items).await?, next: users.next }))
}

/// A user.
#[utoipa::path(
    get, path = "/users/{id}", tag = "account", params(("id" = String, Path)),
    responses((status = 200, body = UserView), (status = 404, body = Problem))
)]
pub(crate) async fn show(caller: Allowed<perm::UserManage>, State(app): State<App>, Path(id): Path<String>) -> Answer<Json<UserView>> {
    let account = existing(&app, &caller, &id).await?;
    Ok(Json(user_view::of(&app, &caller, account.user).await?))
}

/// A user to be made.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewUser {
    name: String,
    #[schema(value_type = String, format = Password)]
    password: Secret,
    /// Where a link for a new password is sent.
    email: Option<String>,
    /// What the user may do; nobody can give what they do not have.
    #[serde(default)]
    permissions: Vec<String>,
    /// Ids or names of roles.
    #[serde(default)]
    roles: Vec<String>,
    /// Ids or names of groups; those of the caller where left out, and none for an admin's.
    groups: Option<Vec<String>>,
    /// What they may do in single rooms.
    #[serde(default)]
    grants: Vec<RoomGrant>,
}

/// Makes a user.
#[utoipa::path(
    post,
    path = "/users",
    tag = "account",
    request_body = NewUser,
    responses((status = 201, body = UserView), (status = 409, body = Problem), (status = 422, body = Problem), (status = 503, body = Problem))
)]
pub(crate) async fn create(
    caller: Allowed<perm::UserManage>,
    State(app): State<App>,
    Json(new): Json<NewUser>,
) -> Answer<(StatusCode, Json<UserView>)> {
    let caller = caller.clone();
    whole(async move {
        let name = name(&new.name)?;
        let email = new.email.as_deref().map(email).transpose()?;
        let permissions = granted(&caller, &new.permissions)?;
        let roles = roles(&app, &caller, &new.roles).await?;
        let grants = room_grants(&app, &caller, &new.grants).await?;
        let about = User { id: String::new(), name: name.clone(), email: email.clone(), disabled_ms: None, created_ms: 0 };
        let hash = app.doorkeeper.hash_for(new.password, &about).await?;
        let mut tx = app.store.begin().await?;
        let user = user::create(&mut tx, &name, &hash, permissions, now_ms()).await.map_err(taken)?;
        set_email(&mut tx, &user.id, email.as_deref()).await?;
        role::set(&mut tx, &user.id, &roles).await?;
        grants::set(&mut tx, &user.id, &grants).await?;
        let groups = group::give(&mut tx, &caller, Kind::User, &user.id, new.groups.as_deref(), true).await?;
        let detail = json!({"name": user.name, "permissions": permissions.names(), "roles": roles, "groups": groups, "grants": new.grants});
        activity::record(&mut tx, &caller, "user.create", &user.id, detail).await?;
        tx.commit().await?;
        app.accounts.tell();
        let user = User { email, ..user };
        Ok((StatusCode::CREATED, Json(user_view::of(&app, &caller, user).await?)))
    })
    .await
}

/// What changes about a user; what is left out stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct UserChange {
    name: Option<String>,
    /// A new password; ends the user's sessions.
    #[schema(value_type = Option<String>, format = Password)]
    password: Option<Secret>,
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>)]
    email: Option<Option<String>>,
    /// Whoever is disabled cannot log in, and their sessions and tokens end at once.
    disabled: Option<bool>,
    /// What the user may do from now on.
    permissions: Option<Vec<String>>,
    /// Ids or names of roles.
    roles: Option<Vec<String>>,
    /// Ids or names of groups.
    groups: Option<Vec<String>>,
    /// What they may do in single rooms.
    grants: Option<Vec<RoomGrant>>,
}

/// Changes a user.
#[utoipa::path(
    patch,
    path = "/users/{id}",
    tag = "account",
    params(("id" = String, Path)),
    request_body = UserChange,
    responses((status = 200, body = UserView), (status = 404, body = Problem), (status = 409, body = Problem), (status = 503, body = Problem))
)]
pub(crate) async fn change(
    caller: Allowed<perm::UserManage>,
    State(app): State<App>,
    Path(id): Path<String>,
    Json(change): Json<UserChange>,
) -> Answer<Json<UserView>> {
    let caller = caller.clone();
    whole(async move {
        let account = existing(&app, &caller, &id).await?;
        must_cover(&app.store, &caller, &account).await?;
        let before = user_view::of(&app, &caller, account.user.clone()).await?;
        let name = change.name.as_deref().map(name).transpose()?;
        let email = change.email.map(|given| given.as_deref().map(email).transpose()).transpose()?;
        let permissions = change.permissions.as_deref().map(|names| granted(&caller, names)).transpose()?;
        let roles = match &change.roles {
            Some(wanted) => Some(roles(&app, &caller, wanted).await?),
            None => None,
        };
        let grants = match &change.grants {
            Some(wanted) => Some(room_grants(&app, &caller, wanted).await?),
            None => None,
        };
        let hash = match change.password {
            Some(password) => Some(app.doorkeeper.hash_for(password, &account.user).await?),
            None => None,
        };

        let mut after = json!(before);
        let mut tx = app.store.begin().await?;
        in_turn(&mut tx).await?;
        if let Some(name) = &name {
            tx.run("UPDATE users SET name = $2 WHERE id = $1", args![&id, name]).await.map_err(taken)?;
            after["name"] = json!(name);
        }
        if let Some(email) = &email {
            set_email(&mut tx, &id, email.as_deref()).await?;
            after["email"] = json!(email);
        }
        if let Some(permissions) = permissions {
            user::grant(&mut tx, &id, permissions).await?;
            after["permissions"] = json!(permissions.names());
        }
        if let Some(roles) = &roles {
            role::set(&mut tx, &id, roles).await?;
            after["roles"] = json!(roles);
        }
        if let Some(grants) = &grants {
            grants::set(&mut tx, &id, grants).await?;
            after["grants"] = json!(change.grants);
        }
        if change.groups.is_some() {
            after["groups"] = json!(group::give(&mut tx, &caller, Kind::User, &id, change.groups.as_deref(), false).await?);
        }
        if let Some(hash) = &hash {
            reset::set_password(&mut tx, &id, hash, None).await?;
        }
        if let Some(disabled) = change.disabled.filter(|disabled| *disabled != account.user.disabled_ms.is_some()) {
            user::set_disabled(&mut tx, &id, disabled.then(now_ms)).await?;
            after["disabled"] = json!(disabled);
        }
        must_leave_an_admin(&mut tx).await?;
        let secrets: &[&str] = if hash.is_some() { &["password"] } else { &[] };
        let detail = activity::difference(&account.user.name, &before, &after, secrets);
        activity::record(&mut tx, &caller, "user.change", &id, detail).await?;
        tx.commit().await?;
        app.accounts.tell();
        let user = user::find(&app.store, &id).await?.ok_or_else(|| Problem::not_found("user"))?;
        Ok(Json(user_view::of(&app, &caller, user).await?))
    })
    .await
}

/// Removes a user, with their sessions and tokens.
#[utoipa::path(
    delete,
    path = "/users/{id}",
    tag = "account",
    params(("id" = String, Path)),
    responses((status = 204), (status = 404, body = Problem), (status = 409, body = Problem))
)]
pub(crate) async fn remove(caller: Allowed<perm::UserManage>, State(app): State<App>, Path(id): Path<String>) -> Answer<StatusCode> {
    let caller = caller.clone();
    whole(async move {
        let account = existing(&app, &caller, &id).await?;
        must_cover(&app.store, &caller, &account).await?;
        let mut tx = app.store.begin().await?;
        in_turn(&mut tx).await?;
        tx.run("DELETE FROM users WHERE id = $1", args![&id]).await?;
        must_leave_an_admin(&mut tx).await?;
        activity::record(&mut tx, &caller, "user.remove", &id, json!({"name": account.user.name})).await?;
        scope::forget(&mut tx, Kind::User, &id).await?;
        tx.commit().await?;
        app.accounts.tell();
        Ok(StatusCode::NO_CONTENT)
    })
    .await
}

/// A user that the caller sees, or 404.
pub(super) async fn existing(app: &App, caller: &Caller, id: &str) -> Answer<Account> {
    let account = user::account(&app.store, id).await?.ok_or_else(|| Problem::not_found("user"))?;
    let sees = scope::sees(&app.store, &Sight::of(caller), Kind::User, id).await?;
    if sees { Ok(account) } else { Err(Problem::not_found("user")) }
}

fn name(text: &str) -> Answer<String> {
    if user::is_name(text) {
        return Ok(text.to_owned());
    }
    Err(Problem::invalid("name", "A user's name has 1 to 64 of the characters A–Z a–z 0–9 . _ - @."))
}

/// An address for mail, as far as can be told without sending any.
pub(super) fn email(text: &str) -> Answer<String> {
    let text = check::line("email", text, 254)?;
    let plain = text.bytes().all(|byte| byte.is_ascii_graphic()) && !text.contains([',', ';', '<', '>', '"', '(', ')', '\\']);
    let parts = text.rsplit_once('@').filter(|(local, domain)| !local.is_empty() && !domain.is_empty() && !local.contains('@'));
    if plain && parts.is_some() { Ok(text) } else { Err(Problem::invalid("email", "This is no mail address.")) }
}

async fn set_email(tx: &mut Transaction, id: &str, email: Option<&str>) -> Result<(), StoreError> {
    tx.run("UPDATE users SET email = $2 WHERE id = $1", args![id, email]).await.map(drop)
}

/// The ids of roles that a caller wants to give, who must hold all that is in them.
async fn roles(app: &App, caller: &Caller, wanted: &[String]) -> Answer<Vec<String>> {
    let (ids, held) = role::resolve(&app.store, wanted).await?;
    must_hold(caller, held)?;
    Ok(ids)
}

async fn room_grants(app: &App, caller: &Caller, wanted: &[RoomGrant]) -> Answer<Vec<(String, Permissions)>> {
    let wanted: Vec<(&str, &[String])> = wanted.iter().map(|grant| (grant.room.as_str(), grant.permissions.as_slice())).collect();
    grants::granted(&app.store, caller, &wanted).await
}

fn taken(error: StoreError) -> Problem {
    match error {
        StoreError::Taken => Problem::conflict("name_taken", "A user of this name exists already.").of_field("name"),
        error => error.into(),
    }
}
