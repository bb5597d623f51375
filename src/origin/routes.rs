//! Origins over HTTP.
#![expect(clippy::option_option, reason = "in a change, absent and null differ")]

use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::store::{self, Origin};
use crate::account::{Allowed, Caller, activity, perm};
use crate::app::App;
use crate::http::json::present;
use crate::http::{Answer, Json, List, Page, Path, Problem, Query, check};
use crate::moment::{now_ms, rfc3339};
use crate::secret::Secret;
use crate::store::{StoreError, args};

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list, create)).routes(routes!(show, change, remove))
}

/// An origin. The token of its API is never returned.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct OriginView {
    id: String,
    name: String,
    whip_url: Option<String>,
    rtmp_url: Option<String>,
    srt_url: Option<String>,
    /// The application on it.
    app: String,
    api_url: Option<String>,
    /// Whether a token for its API is kept.
    has_api_token: bool,
    playback: PlaybackView,
    #[schema(format = DateTime)]
    created_at: String,
    #[schema(format = DateTime)]
    changed_at: String,
}

/// Where viewers watch: templates with `{app}` and `{name}`.
#[derive(Debug, Serialize, ToSchema)]
struct PlaybackView {
    webrtc: Option<String>,
    llhls: Option<String>,
}

fn view(origin: Origin) -> OriginView {
    OriginView {
        has_api_token: origin.has_api_token(),
        id: origin.id,
        name: origin.name,
        whip_url: origin.whip_url,
        rtmp_url: origin.rtmp_url,
        srt_url: origin.srt_url,
        app: origin.app,
        api_url: origin.api_url,
        playback: PlaybackView { webrtc: origin.playback_webrtc, llhls: origin.playback_llhls },
        created_at: rfc3339(origin.created_ms),
        changed_at: rfc3339(origin.changed_ms),
    }
}

/// What is said about an origin. In a change, what is left out stays and what is null goes.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct OriginFields {
    /// Needed in a new one.
    name: Option<String>,
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>)]
    whip_url: Option<Option<String>>,
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>)]
    rtmp_url: Option<Option<String>>,
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>)]
    srt_url: Option<Option<String>>,
    /// The application on it; needed in a new one.
    app: Option<String>,
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>)]
    api_url: Option<Option<String>>,
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>, format = Password)]
    api_token: Option<Option<Secret>>,
    #[serde(default)]
    playback: PlaybackFields,
}

/// Where viewers watch: templates with `{app}` and `{name}`.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PlaybackFields {
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>, example = "wss://ome.example.org/{app}/{name}")]
    webrtc: Option<Option<String>>,
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>, example = "https://ome.example.org/{app}/{name}/llhls.m3u8")]
    llhls: Option<Option<String>>,
}

impl OriginFields {
    /// Checks every field and puts it into the origin.
    fn apply(self, origin: &mut Origin, app: &App) -> Answer<()> {
        if let Some(name) = self.name {
            origin.name = check::name("name", &name)?;
        }
        if let Some(name) = self.app {
            if !super::is_app(&name) {
                return Err(Problem::invalid("app", "An application's name has 1 to 64 of the characters A–Z a–z 0–9 _ -."));
            }
            origin.app = name;
        }
        let addresses = [
            ("whip_url", self.whip_url, &mut origin.whip_url, &["https", "http"][..]),
            ("rtmp_url", self.rtmp_url, &mut origin.rtmp_url, &["rtmp", "rtmps"]),
            ("srt_url", self.srt_url, &mut origin.srt_url, &["srt"]),
            ("api_url", self.api_url, &mut origin.api_url, &["https", "http"]),
        ];
        for (field, given, kept, schemes) in addresses {
            if let Some(given) = given {
                *kept = given.map(|text| check::url(field, &text, schemes).map(String::from)).transpose()?;
            }
        }
        let templates = [
            ("playback.webrtc", self.playback.webrtc, &mut origin.playback_webrtc, &["wss", "ws", "https", "http"][..]),
            ("playback.llhls", self.playback.llhls, &mut origin.playback_llhls, &["https", "http"]),
        ];
        for (field, given, kept, schemes) in templates {
            if let Some(given) = given {
                *kept = given.map(|text| template(field, &text, schemes)).transpose()?;
            }
        }
        if let Some(token) = self.api_token {
            let token = token.map(|token| check::secret("api_token", &token)).transpose()?;
            origin.set_api_token(&app.vault, token.as_ref());
        }
        if origin.whip_url.is_none() && origin.rtmp_url.is_none() && origin.srt_url.is_none() {
            return Err(Problem::invalid("whip_url", "An origin needs at least one of `whip_url`, `rtmp_url` and `srt_url`."));
        }
        Ok(())
    }
}

fn template(field: &str, text: &str, schemes: &[&str]) -> Answer<String> {
    let text = text.trim();
    let filled = super::playback(text, "app", "name");
    if filled.contains(['{', '}']) || !text.contains("{name}") {
        return Err(Problem::invalid(field, format!("`{field}` is a template with {{name}}, perhaps {{app}}, and no other braces.")));
    }
    check::url(field, &filled, schemes)?;
    Ok(text.to_owned())
}

/// The origins.
#[utoipa::path(
    get,
    path = "/origins",
    tag = "origin",
    params(Page),
    responses((status = 200, body = List<OriginView>))
)]
async fn list(
    _caller: Allowed<(perm::OriginUse, perm::OriginManage)>,
    State(app): State<App>,
    Query(page): Query<Page>,
) -> Answer<Json<List<OriginView>>> {
    let origins = store::page(&app.store, page.after(), page.rows()).await?;
    Ok(Json(page.list(origins, |origin| origin.id.clone(), view)))
}

/// An origin.
#[utoipa::path(
    get,
    path = "/origins/{id}",
    tag = "origin",
    params(("id" = String, Path)),
    responses((status = 200, body = OriginView), (status = 404, body = Problem))
)]
async fn show(
    _caller: Allowed<(perm::OriginUse, perm::OriginManage)>,
    State(app): State<App>,
    Path(id): Path<String>,
) -> Answer<Json<OriginView>> {
    Ok(Json(view(existing(&app, &id).await?)))
}

/// Makes an origin.
#[utoipa::path(
    post,
    path = "/origins",
    tag = "origin",
    request_body = OriginFields,
    responses((status = 201, body = OriginView), (status = 409, body = Problem), (status = 422, body = Problem))
)]
async fn create(
    caller: Allowed<perm::OriginManage>,
    State(app): State<App>,
    Json(fields): Json<OriginFields>,
) -> Answer<(StatusCode, Json<OriginView>)> {
    let missing = |field: &str| Problem::unprocessable("missing_field", format!("The field `{field}` is missing.")).of_field(field);
    let name = fields.name.clone().ok_or_else(|| missing("name"))?;
    let application = fields.app.clone().ok_or_else(|| missing("app"))?;
    let mut origin = Origin::new(name, application, now_ms());
    fields.apply(&mut origin, &app)?;
    put(&app, &caller, "origin.create", &origin).await?;
    Ok((StatusCode::CREATED, Json(view(origin))))
}

/// Changes an origin.
#[utoipa::path(
    patch,
    path = "/origins/{id}",
    tag = "origin",
    params(("id" = String, Path)),
    request_body = OriginFields,
    responses((status = 200, body = OriginView), (status = 404, body = Problem), (status = 422, body = Problem))
)]
async fn change(
    caller: Allowed<perm::OriginManage>,
    State(app): State<App>,
    Path(id): Path<String>,
    Json(fields): Json<OriginFields>,
) -> Answer<Json<OriginView>> {
    let mut origin = existing(&app, &id).await?;
    fields.apply(&mut origin, &app)?;
    origin.changed_ms = now_ms();
    put(&app, &caller, "origin.change", &origin).await?;
    Ok(Json(view(origin)))
}

/// Removes an origin.
#[utoipa::path(
    delete,
    path = "/origins/{id}",
    tag = "origin",
    params(("id" = String, Path)),
    responses((status = 204), (status = 404, body = Problem), (status = 409, body = Problem))
)]
async fn remove(caller: Allowed<perm::OriginManage>, State(app): State<App>, Path(id): Path<String>) -> Answer<StatusCode> {
    let origin = existing(&app, &id).await?;
    let mut tx = app.store.begin().await?;
    tx.run("DELETE FROM origins WHERE id = $1", args![&id]).await?;
    activity::record(&mut tx, &caller, "origin.remove", &id, json!({"name": origin.name})).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn put(app: &App, caller: &Caller, action: &'static str, origin: &Origin) -> Answer<()> {
    let mut tx = app.store.begin().await?;
    store::put(&mut tx, origin).await.map_err(|error| match error {
        StoreError::Taken => Problem::conflict("name_taken", "An origin of this name exists already.").of_field("name"),
        error => error.into(),
    })?;
    activity::record(&mut tx, caller, action, &origin.id, json!({"name": origin.name, "app": origin.app})).await?;
    tx.commit().await?;
    Ok(())
}

async fn existing(app: &App, id: &str) -> Answer<Origin> {
    store::find(&app.store, id).await?.ok_or_else(|| Problem::not_found("origin"))
}
