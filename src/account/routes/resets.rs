//! Links for a new password: handed over by an admin, or sent by mail.

use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, header};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use super::super::rise::must_cover;
use super::super::{Allowed, Caller, activity, cross_site, perm, reset, user};
use super::own::end_all;
use super::users::existing;
use crate::app::App;
use crate::http::address::ClientAddress;
use crate::http::{Answer, Json, Path, Problem, whole};
use crate::moment::{now_ms, rfc3339};
use crate::page::language::Language;
use crate::page::mail;
use crate::secret::Secret;
use crate::store::args;

/// A link for a new password; shown this once.
#[derive(Serialize, ToSchema)]
pub(crate) struct ResetLink {
    /// Opens once, before it expires. Whoever has it sets the password.
    url: String,
    #[schema(format = DateTime)]
    expires_at: String,
}

/// Makes a link by which a user sets a new password. It opens once, within a day; earlier ones open no more.
#[utoipa::path(
    post, path = "/users/{id}/reset", tag = "account", params(("id" = String, Path)),
    responses((status = 201, body = ResetLink), (status = 403, body = Problem), (status = 404, body = Problem))
)]
pub(crate) async fn make(
    caller: Allowed<perm::UserManage>,
    State(app): State<App>,
    Path(id): Path<String>,
) -> Answer<(StatusCode, Json<ResetLink>)> {
    let caller = caller.clone();
    whole(async move {
        let account = existing(&app, &caller, &id).await?;
        must_cover(&app.store, &caller, &account).await?;
        if account.user.disabled_ms.is_some() {
            return Err(Problem::conflict("user_disabled", "This user may not log in."));
        }
        let now_ms = now_ms();
        let mut tx = app.store.begin().await?;
        let token = reset::issue(&mut tx, &id, reset::HANDED_LIFE_MS, now_ms).await?;
        activity::record(&mut tx, &caller, "user.reset_link", &id, json!({"name": account.user.name})).await?;
        tx.commit().await?;
        Ok((StatusCode::CREATED, Json(ResetLink { url: link(&app, &token), expires_at: rfc3339(now_ms + reset::HANDED_LIFE_MS) })))
    })
    .await
}

/// Ends all sessions of a user.
#[utoipa::path(
    delete, path = "/users/{id}/sessions", tag = "account", params(("id" = String, Path)),
    responses((status = 204), (status = 403, body = Problem), (status = 404, body = Problem))
)]
pub(crate) async fn end_sessions(caller: Allowed<perm::UserManage>, State(app): State<App>, Path(id): Path<String>) -> Answer<StatusCode> {
    let caller = caller.clone();
    whole(async move {
        let account = existing(&app, &caller, &id).await?;
        must_cover(&app.store, &caller, &account).await?;
        end_all(&app, &caller, &id, &account.user.name).await?;
        Ok(StatusCode::NO_CONTENT)
    })
    .await
}

/// Who has forgotten a password.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ForgottenPassword {
    /// The user name, or the mail address of the account.
    username: String,
}

/// Sends a link for a new password to the mail address of an account. Whether there is such an account, the answer does not tell.
#[utoipa::path(
    post, path = "/password-resets", tag = "account", request_body = ForgottenPassword, security(()),
    responses((status = 202), (status = 409, body = Problem), (status = 429, body = Problem))
)]
pub(crate) async fn ask(
    State(app): State<App>,
    ClientAddress(address): ClientAddress,
    method: Method,
    headers: HeaderMap,
    Json(forgotten): Json<ForgottenPassword>,
) -> Answer<StatusCode> {
    cross_site::refuse(&method, &headers, app.settings.public_url.as_ref())?;
    if app.mail.is_none() {
        return Err(Problem::conflict("no_mail", "No mail is sent from here. Ask an admin for a link."));
    }
    app.doorkeeper.mail_attempt(&forgotten.username, address)?;
    let language = headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok()).and_then(Language::of_header);
    // Behind the answer, which takes as long for a name that nobody has.
    tokio::spawn(async move {
        if let Err(error) = send(&app, &forgotten.username, language.unwrap_or_default(), &Caller::nobody(Some(address))).await {
            tracing::error!(%error, "a link for a new password could not be sent");
        }
    });
    Ok(StatusCode::ACCEPTED)
}

async fn send(app: &App, who: &str, language: Language, nobody: &Caller) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let Some(mailer) = &app.mail else { return Ok(()) };
    let sql = "SELECT id, password_hash FROM users WHERE (lower(name) = lower($1) OR lower(email) = lower($1)) AND email IS NOT NULL \
               AND disabled_ms IS NULL ORDER BY CASE WHEN lower(name) = lower($1) THEN 0 ELSE 1 END, id LIMIT 1";
    let Some((id, hash)) = app.store.optional::<(String, String)>(sql, args![who]).await? else { return Ok(()) };
    let Some(user) = user::find(&app.store, &id).await?.filter(|_| user::is_password(&hash)) else { return Ok(()) };
    let Some(email) = &user.email else { return Ok(()) };
    let mut tx = app.store.begin().await?;
    let token = reset::issue(&mut tx, &id, reset::MAILED_LIFE_MS, now_ms()).await?;
    activity::record(&mut tx, nobody, "user.reset_mail", &id, json!({"name": user.name})).await?;
    tx.commit().await?;
    let (subject, text) = mail::reset(language, &user.name, &link(app, &token));
    Ok(mailer.send(email, &subject, text).await?)
}

/// A new password, with the token of a link.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Renewal {
    /// What stands in the link behind `#reset=`.
    #[schema(value_type = String, format = Password)]
    token: Secret,
    /// At least 8 characters, not digits alone, not like the name, not common.
    #[schema(value_type = String, format = Password)]
    password: Secret,
}

/// Sets a new password with the token of a link, which is used up, and ends all sessions.
#[utoipa::path(
    post, path = "/password-resets/use", tag = "account", request_body = Renewal, security(()),
    responses((status = 204), (status = 403, body = Problem), (status = 422, body = Problem), (status = 503, body = Problem))
)]
pub(crate) async fn take(
    State(app): State<App>,
    ClientAddress(address): ClientAddress,
    method: Method,
    headers: HeaderMap,
    Json(renewal): Json<Renewal>,
) -> Answer<StatusCode> {
    cross_site::refuse(&method, &headers, app.settings.public_url.as_ref())?;
    whole(async move {
        let spent = || Problem::forbidden("reset_spent", "This link was used already, or is too old. Ask for a new one.");
        let user = reset::peek(&app.store, &renewal.token, now_ms()).await?.ok_or_else(spent)?;
        let hash = app.doorkeeper.hash_for(renewal.password, &user).await?;
        let mut tx = app.store.begin().await?;
        if !reset::take(&mut tx, &renewal.token, now_ms()).await? {
            return Err(spent());
        }
        reset::set_password(&mut tx, &user.id, &hash, None).await?;
        let caller = Caller { user_id: user.id.clone(), user_name: user.name.clone(), ..Caller::nobody(Some(address)) };
        activity::record(&mut tx, &caller, "account.password", &user.id, json!({"name": user.name, "by_link": true})).await?;
        tx.commit().await?;
        app.accounts.tell();
        Ok(StatusCode::NO_CONTENT)
    })
    .await
}

/// The token stands behind the `#`, which no server and no log gets to see; the rest tells the page to show itself to whoever is logged in.
fn link(app: &App, token: &Secret) -> String {
    format!("{}login?new#reset={}", app.settings.public_base(), token.reveal())
}
