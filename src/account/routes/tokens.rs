//! API tokens of the caller.

use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use super::super::rise::beyond;
use super::super::{Allowed, Permission, Permissions, activity, perm, token};
use crate::app::App;
use crate::http::{Answer, Json, List, Page, Path, Problem, Query};
use crate::moment::{now_ms, rfc3339};
use crate::store::args;

const DAY_MS: i64 = 24 * 3600 * 1000;
const DAYS_MAX: i64 = 3650;
/// Tokens that one user may have.
const PER_USER: i64 = 100;

/// A token. Its text is shown once, when it is made.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TokenView {
    id: String,
    name: String,
    scopes: Vec<&'static str>,
    #[schema(format = DateTime)]
    created_at: String,
    #[schema(format = DateTime)]
    expires_at: Option<String>,
    /// When it was last used, to the minute.
    #[schema(format = DateTime)]
    used_at: Option<String>,
    /// The token itself, in the answer that made it and nowhere else.
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<String>,
}

fn view(row: token::Token) -> TokenView {
    TokenView {
        id: row.id,
        name: row.name,
        scopes: token::scopes(&row.scopes).names(),
        created_at: rfc3339(row.created_ms),
        expires_at: row.expires_ms.map(rfc3339),
        used_at: row.used_ms.map(rfc3339),
        token: None,
    }
}

/// The caller's tokens.
#[utoipa::path(get, path = "/tokens", tag = "account", params(Page), responses((status = 200, body = List<TokenView>)))]
pub(crate) async fn list(
    caller: Allowed<perm::Nothing>,
    State(app): State<App>,
    Query(page): Query<Page>,
) -> Answer<Json<List<TokenView>>> {
    let rows: Vec<token::Token> = app
        .store
        .all(
            "SELECT id, user_id, name, scopes, created_ms, expires_ms, used_ms FROM api_tokens WHERE user_id = $1 AND id > $2 \
             ORDER BY id LIMIT $3",
            args![&caller.user_id, page.after(), page.rows()],
        )
        .await?;
    Ok(Json(page.list(rows, |row| row.id.clone(), view)))
}

/// A token to be made.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewToken {
    /// What it is for.
    name: String,
    /// What it may do, of what the caller may; everything the caller may, where left out.
    scopes: Option<Vec<String>>,
    /// Days until it ends, 1 to 3650; it does not end where left out.
    #[schema(minimum = 1, maximum = 3650)]
    days: Option<i64>,
}

/// Makes a token. The answer holds its text, which is shown this once.
#[utoipa::path(
    post,
    path = "/tokens",
    tag = "account",
    request_body = NewToken,
    responses((status = 201, body = TokenView), (status = 422, body = Problem))
)]
pub(crate) async fn create(
    caller: Allowed<perm::Nothing>,
    State(app): State<App>,
    Json(new): Json<NewToken>,
) -> Answer<(StatusCode, Json<TokenView>)> {
    let name = new.name.trim();
    if name.is_empty() || name.chars().count() > 100 {
        return Err(Problem::invalid("name", "Say in 1 to 100 characters what the token is for."));
    }
    if new.days.is_some_and(|days| !(1..=DAYS_MAX).contains(&days)) {
        return Err(Problem::invalid("days", format!("A token lasts 1 to {DAYS_MAX} days.")));
    }
    // What is held in single rooms counts too: a token never does more than its user, whatever its scopes.
    let held = caller.grants.iter().fold(caller.permissions, |held, (_, in_room)| held.and(in_room));
    let scopes = match &new.scopes {
        Some(names) => read_scopes(names, held)?,
        None => held,
    };
    let now_ms = now_ms();
    let mut tx = app.store.begin().await?;
    let (tokens,): (i64,) = tx.one("SELECT COUNT(*) FROM api_tokens WHERE user_id = $1", args![&caller.user_id]).await?;
    if tokens >= PER_USER {
        return Err(Problem::conflict("too_many_tokens", format!("There are {PER_USER} tokens already. Remove some.")));
    }
    let wanted = token::NewToken { user_id: &caller.user_id, name, scopes, expires_ms: new.days.map(|days| now_ms + days * DAY_MS) };
    let (made, text) = token::create(&mut tx, wanted, now_ms).await?;
    activity::record(&mut tx, &caller, "token.create", &made.id, json!({"name": made.name, "scopes": made.scopes})).await?;
    tx.commit().await?;
    Ok((StatusCode::CREATED, Json(TokenView { token: Some(text.reveal().to_owned()), ..view(made) })))
}

fn read_scopes(names: &[String], held: Permissions) -> Answer<Permissions> {
    let read = names.iter().map(|name| name.parse::<Permission>()).collect::<Result<Permissions, _>>();
    let scopes = read.map_err(|error| Problem::invalid("scopes", format!("{error}.")))?;
    if held.cover(scopes) { Ok(scopes) } else { Err(beyond().of_field("scopes")) }
}

/// Removes one of the caller's tokens.
#[utoipa::path(
    delete,
    path = "/tokens/{id}",
    tag = "account",
    params(("id" = String, Path)),
    responses((status = 204), (status = 404, body = Problem))
)]
pub(crate) async fn remove(caller: Allowed<perm::Nothing>, State(app): State<App>, Path(id): Path<String>) -> Answer<StatusCode> {
    let mut tx = app.store.begin().await?;
    if tx.run("DELETE FROM api_tokens WHERE id = $1 AND user_id = $2", args![&id, &caller.user_id]).await? == 0 {
        return Err(Problem::not_found("token"));
    }
    activity::record(&mut tx, &caller, "token.remove", &id, json!({})).await?;
    tx.commit().await?;
    app.accounts.tell();
    Ok(StatusCode::NO_CONTENT)
}
