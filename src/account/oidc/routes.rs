//! The two addresses of a login at the provider: out, and back.

use axum::Router;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use serde::Deserialize;
use serde_json::json;
use url::form_urlencoded;

use super::super::routes::enter;
use super::super::{Caller, Credential, activity};
use super::accounts;
use super::pending::{self, PendingError};
use super::provider::{Provider, ProviderError};
use crate::app::App;
use crate::http::address::ClientAddress;
use crate::http::{Problem, cookie, whole};
use crate::moment::now_ms;
use crate::page::onward;

/// By this the browser is known in which a login was begun.
const COOKIE: &str = "bluecast-oidc";
const COOKIE_S: i64 = 600;

pub(crate) fn routes() -> Router<App> {
    Router::new().route("/login/oidc", get(begin)).route("/login/oidc/callback", get(end))
}

#[derive(Deserialize)]
struct Begin {
    next: Option<String>,
}

/// What the provider sends along; it may say more.
#[derive(Deserialize)]
struct Back {
    code: Option<String>,
    state: Option<String>,
    error: Option<String>,
    iss: Option<String>,
}

/// Why a login leads back to the login page, in a word that the page puts into a sentence.
#[derive(Clone, Copy)]
enum Fault {
    /// It is not set up.
    Off,
    /// The provider does not answer.
    Away,
    /// It took too long, was used already, or was begun in another browser.
    Expired,
    /// The provider, or the person there, said no.
    Refused,
    /// What the provider sent proves nothing.
    Failed,
    /// They have no account here.
    NoAccess,
}

impl Fault {
    fn word(self) -> &'static str {
        match self {
            Self::Off => "oidc_off",
            Self::Away => "oidc_away",
            Self::Expired => "oidc_expired",
            Self::Refused => "oidc_refused",
            Self::Failed => "oidc_failed",
            Self::NoAccess => "oidc_no_access",
        }
    }

    fn answer(self) -> Response {
        let query = form_urlencoded::Serializer::new(String::new()).append_pair("fault", self.word()).finish();
        Redirect::to(&format!("/login?{query}")).into_response()
    }
}

impl From<PendingError> for Fault {
    fn from(error: PendingError) -> Self {
        tracing::error!(%error, "a login at the provider");
        Self::Away
    }
}

impl From<ProviderError> for Fault {
    fn from(error: ProviderError) -> Self {
        tracing::warn!(%error, "a login at the provider");
        match error {
            ProviderError::Away(_) => Self::Away,
            ProviderError::NoToken(_) | ProviderError::Untrue(_) => Self::Failed,
        }
    }
}

impl From<Problem> for Fault {
    fn from(problem: Problem) -> Self {
        tracing::error!(code = problem.code, detail = problem.detail, "a login at the provider");
        Self::Failed
    }
}

async fn begin(State(app): State<App>, Query(begin): Query<Begin>) -> Response {
    out(&app, begin.next.as_deref().unwrap_or_default()).await.unwrap_or_else(Fault::answer)
}

async fn out(app: &App, next: &str) -> Result<Response, Fault> {
    let provider = app.oidc.as_ref().ok_or(Fault::Off)?;
    let begun = provider.begin().await?;
    let browser = pending::keep(&app.store, &app.vault, &begun.state, &begun.secrets, &onward(next), now_ms()).await?;
    let cookie = cookie::set(&app.settings, COOKIE, browser.reveal(), COOKIE_S);
    Ok(([(header::SET_COOKIE, cookie)], Redirect::to(&begun.address)).into_response())
}

async fn end(State(app): State<App>, ClientAddress(address): ClientAddress, headers: HeaderMap, Query(back): Query<Back>) -> Response {
    let ended = whole(async move {
        let Some(provider) = app.oidc.clone() else { return Ok(Fault::Off.answer()) };
        let browser = cookie::read(&headers, &app.settings, COOKIE).unwrap_or_default().to_owned();
        let (account, next) = match prove(&app, &provider, back, &browser).await {
            Ok(proved) => proved,
            Err(fault) => {
                let detail = json!({"reason": fault.word(), "provider": provider.name()});
                activity::alone(&app.store, &Caller::nobody(Some(address)), "session.refuse", "", detail).await?;
                return Ok(fault.answer());
            }
        };
        let caller = Caller::new(account, Credential::None, Some(address));
        let session = enter(&app, &caller, &headers, address, provider.name()).await?;
        let mut response = Redirect::to(&next).into_response();
        response.headers_mut().append(header::SET_COOKIE, session);
        response.headers_mut().append(header::SET_COOKIE, cookie::set(&app.settings, COOKIE, "", 0));
        Ok(response)
    });
    ended.await.unwrap_or_else(IntoResponse::into_response)
}

async fn prove(app: &App, provider: &Provider, back: Back, browser: &str) -> Result<(super::super::user::Account, String), Fault> {
    let state = back.state.as_deref().unwrap_or_default();
    let returned = pending::take(&app.store, &app.vault, state, browser, now_ms()).await?.ok_or(Fault::Expired)?;
    // Where a provider says who it is, it must be ours (RFC 9207).
    if back.error.is_some() || back.iss.is_some_and(|issuer| issuer != provider.settings().issuer) {
        return Err(Fault::Refused);
    }
    let identity = provider.end(back.code.ok_or(Fault::Failed)?, returned.secrets).await?;
    let account = accounts::of(app, provider, &identity).await?.ok_or(Fault::NoAccess)?;
    Ok((account, returned.next))
}
