//! Webhooks over HTTP. They are told of everything that happens, so only who may see everything may have one.

use axum::extract::State;
use axum::http::StatusCode;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::rules::EVENTS;
use super::send::PLACE;
use super::store::{self, Delivery, Webhook};
use crate::account::{Allowed, Caller, activity, perm};
use crate::app::App;
use crate::http::{Answer, Json, List, Page, Path, Problem, Query, check, whole};
use crate::moment::{now_ms, rfc3339};
use crate::secret::Secret;
use crate::store::args;
use crate::store::vault::random;

/// Webhooks that there may be.
const WEBHOOKS: i64 = 50;

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(show, change, remove))
        .routes(routes!(ping))
        .routes(routes!(deliveries))
}

/// An address that is told of changes. Its secret is returned once, when it is made.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct WebhookView {
    id: String,
    name: String,
    url: String,
    /// Some of `broadcast.phase`, `broadcast.target`.
    events: Vec<String>,
    /// Whether it is told anything.
    active: bool,
    #[schema(format = DateTime)]
    created_at: String,
    #[schema(format = DateTime)]
    changed_at: String,
}

/// A new webhook, with the secret that its deliveries are signed with.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct MadeWebhook {
    #[serde(flatten)]
    webhook: WebhookView,
    /// Shown this once. `bluecast-signature` is `t=SECONDS,v1=HEX`, where HEX is HMAC-SHA256 of `SECONDS.BODY` under it.
    secret: String,
}

/// Where a delivery stands.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
#[expect(dead_code, reason = "names the words of the database for the API's document")]
enum DeliveryState {
    Waiting,
    Delivered,
    GivenUp,
}

/// A delivery, made or to be made.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DeliveryView {
    id: String,
    event: String,
    #[schema(value_type = DeliveryState)]
    state: String,
    tries: i64,
    #[schema(format = DateTime)]
    created_at: String,
    /// When it is tried next, while it waits.
    #[schema(format = DateTime)]
    #[serde(skip_serializing_if = "Option::is_none")]
    due_at: Option<String>,
    #[schema(format = DateTime)]
    #[serde(skip_serializing_if = "Option::is_none")]
    tried_at: Option<String>,
    /// The HTTP status of the last answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<i64>,
    /// What went wrong last, in a sentence.
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
    /// What was or will be sent.
    #[schema(value_type = Object)]
    body: serde_json::Value,
}

fn view(webhook: Webhook) -> WebhookView {
    WebhookView {
        id: webhook.id,
        name: webhook.name,
        url: webhook.url,
        events: webhook.events.split(' ').filter(|event| !event.is_empty()).map(str::to_owned).collect(),
        active: webhook.active == 1,
        created_at: rfc3339(webhook.created_ms),
        changed_at: rfc3339(webhook.changed_ms),
    }
}

fn delivery_view(delivery: Delivery) -> DeliveryView {
    DeliveryView {
        due_at: (delivery.state == "waiting").then(|| rfc3339(delivery.due_ms)),
        id: delivery.id,
        event: delivery.event,
        state: delivery.state,
        tries: delivery.tries,
        created_at: rfc3339(delivery.created_ms),
        tried_at: delivery.tried_ms.map(rfc3339),
        status: delivery.status,
        detail: delivery.detail,
        body: serde_json::from_str(&delivery.body).unwrap_or_default(),
    }
}

/// The webhooks.
#[utoipa::path(get, path = "/webhooks", tag = "webhook", params(Page), responses((status = 200, body = List<WebhookView>)))]
async fn list(_caller: Allowed<perm::SystemAdmin>, State(app): State<App>, Query(page): Query<Page>) -> Answer<Json<List<WebhookView>>> {
    let webhooks = store::page(&app.store, page.after(), page.rows()).await?;
    Ok(Json(page.list(webhooks, |webhook| webhook.id.clone(), view)))
}

/// A webhook.
#[utoipa::path(
    get, path = "/webhooks/{id}", tag = "webhook", params(("id" = String, Path)),
    responses((status = 200, body = WebhookView), (status = 404, body = Problem))
)]
async fn show(_caller: Allowed<perm::SystemAdmin>, State(app): State<App>, Path(id): Path<String>) -> Answer<Json<WebhookView>> {
    Ok(Json(view(existing(&app, &id).await?)))
}

/// A webhook to be made.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewWebhook {
    name: String,
    /// `https://…` or `http://…`; inner addresses only as `BLUECAST_CALL_ALLOW` says.
    url: String,
    /// Some of `broadcast.phase`, `broadcast.target`; all where none are given.
    events: Option<Vec<String>>,
}

/// Makes a webhook.
#[utoipa::path(
    post, path = "/webhooks", tag = "webhook", request_body = NewWebhook,
    responses((status = 201, body = MadeWebhook), (status = 409, body = Problem), (status = 422, body = Problem))
)]
async fn create(
    caller: Allowed<perm::SystemAdmin>,
    State(app): State<App>,
    Json(new): Json<NewWebhook>,
) -> Answer<(StatusCode, Json<MadeWebhook>)> {
    let (id, now) = (crate::id::new(), now_ms());
    let mut bytes = [0; 32];
    random(&mut bytes);
    let secret = Secret::new(URL_SAFE_NO_PAD.encode(bytes));
    let webhook = Webhook {
        secret_sealed: app.vault.seal(PLACE, &id, &secret),
        id,
        name: check::name("name", &new.name)?,
        url: address(&app, &new.url)?,
        events: match &new.events {
            Some(events) => some(events)?,
            None => EVENTS.join(" "),
        },
        active: 1,
        created_ms: now,
        changed_ms: now,
    };
    let caller = caller.clone();
    whole(async move {
        let (count,): (i64,) = app.store.one("SELECT COUNT(*) FROM webhooks", args![]).await?;
        if count >= WEBHOOKS {
            return Err(Problem::conflict("too_many_webhooks", format!("There are {WEBHOOKS} webhooks at most.")));
        }
        keep(&app, &caller, "webhook.create", &webhook).await?;
        Ok((StatusCode::CREATED, Json(MadeWebhook { webhook: view(webhook), secret: secret.reveal().to_owned() })))
    })
    .await
}

/// What changes about a webhook; what is left out stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct WebhookChange {
    name: Option<String>,
    url: Option<String>,
    events: Option<Vec<String>>,
    active: Option<bool>,
}

/// Changes a webhook.
#[utoipa::path(
    patch, path = "/webhooks/{id}", tag = "webhook", params(("id" = String, Path)), request_body = WebhookChange,
    responses((status = 200, body = WebhookView), (status = 404, body = Problem), (status = 422, body = Problem))
)]
async fn change(
    caller: Allowed<perm::SystemAdmin>,
    State(app): State<App>,
    Path(id): Path<String>,
    Json(change): Json<WebhookChange>,
) -> Answer<Json<WebhookView>> {
    let mut webhook = existing(&app, &id).await?;
    if let Some(name) = change.name {
        webhook.name = check::name("name", &name)?;
    }
    if let Some(url) = change.url {
        webhook.url = address(&app, &url)?;
    }
    if let Some(events) = change.events {
        webhook.events = some(&events)?;
    }
    webhook.active = i64::from(change.active.unwrap_or(webhook.active == 1));
    webhook.changed_ms = now_ms();
    let caller = caller.clone();
    whole(async move {
        keep(&app, &caller, "webhook.change", &webhook).await?;
        Ok(Json(view(webhook)))
    })
    .await
}

/// Removes a webhook and what waits for it.
#[utoipa::path(
    delete, path = "/webhooks/{id}", tag = "webhook", params(("id" = String, Path)),
    responses((status = 204), (status = 404, body = Problem))
)]
async fn remove(caller: Allowed<perm::SystemAdmin>, State(app): State<App>, Path(id): Path<String>) -> Answer<StatusCode> {
    let webhook = existing(&app, &id).await?;
    let caller = caller.clone();
    whole(async move {
        let mut tx = app.store.begin().await?;
        tx.run("DELETE FROM webhooks WHERE id = $1", args![&id]).await?;
        activity::record(&mut tx, &caller, "webhook.remove", &id, json!({ "name": webhook.name })).await?;
        tx.commit().await?;
        Ok(StatusCode::NO_CONTENT)
    })
    .await
}

/// Sends a delivery whose only purpose is to arrive.
#[utoipa::path(
    post, path = "/webhooks/{id}/ping", tag = "webhook", params(("id" = String, Path)),
    responses((status = 202), (status = 404, body = Problem))
)]
async fn ping(caller: Allowed<perm::SystemAdmin>, State(app): State<App>, Path(id): Path<String>) -> Answer<StatusCode> {
    existing(&app, &id).await?;
    let caller = caller.clone();
    whole(async move {
        let mut tx = app.store.begin().await?;
        store::enqueue_ping(&mut tx, &id).await?;
        activity::record(&mut tx, &caller, "webhook.ping", &id, json!({})).await?;
        tx.commit().await?;
        Ok(StatusCode::ACCEPTED)
    })
    .await
}

/// What a webhook was told and will be told, newest first; the last 200 that are done with are kept.
#[utoipa::path(
    get, path = "/webhooks/{id}/deliveries", tag = "webhook", params(("id" = String, Path), Page),
    responses((status = 200, body = List<DeliveryView>), (status = 404, body = Problem))
)]
async fn deliveries(
    _caller: Allowed<perm::SystemAdmin>,
    State(app): State<App>,
    Path(id): Path<String>,
    Query(page): Query<Page>,
) -> Answer<Json<List<DeliveryView>>> {
    existing(&app, &id).await?;
    let found = store::deliveries(&app.store, &id, page.after(), page.rows()).await?;
    Ok(Json(page.list(found, |delivery| delivery.id.clone(), delivery_view)))
}

async fn existing(app: &App, id: &str) -> Answer<Webhook> {
    store::find(&app.store, id).await?.ok_or_else(|| Problem::not_found("webhook"))
}

async fn keep(app: &App, caller: &Caller, action: &'static str, webhook: &Webhook) -> Answer<()> {
    let mut tx = app.store.begin().await?;
    store::put(&mut tx, webhook).await?;
    // An address may hold a secret in its query.
    let url = webhook.url.split('?').next().unwrap_or_default();
    let detail = json!({ "name": webhook.name, "url": url, "events": webhook.events, "active": webhook.active == 1 });
    activity::record(&mut tx, caller, action, &webhook.id, detail).await?;
    Ok(tx.commit().await?)
}

fn some(events: &[String]) -> Answer<String> {
    if events.is_empty() || events.iter().any(|event| !EVENTS.contains(&event.as_str())) {
        return Err(Problem::invalid("events", format!("`events` are some of {}.", EVENTS.join(", "))));
    }
    let kept: Vec<&str> = EVENTS.into_iter().filter(|event| events.iter().any(|wanted| wanted == event)).collect();
    Ok(kept.join(" "))
}

fn address(app: &App, text: &str) -> Answer<String> {
    let url = check::url("url", text, &["https", "http"])?;
    app.settings.call_allow.check_url(&url).map_err(|error| Problem::unprocessable(error.code(), error.to_string()).of_field("url"))?;
    Ok(url.into())
}
