//! Presets over HTTP.

use std::collections::HashMap;

use axum::extract::State;
use axum::http::StatusCode;
use serde_json::json;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::model::{NewPreset, Once, Preset, PresetChange, PresetTarget, PresetView, view};
use super::services::{SERVICES, Service};
use super::start::{self, Begin, kept, seal};
use super::{slate, store};
use crate::account::{Allowed, Caller, Kind, Permission, Sight, activity, perm, scope};
use crate::app::App;
use crate::broadcast::{BroadcastView, Preflight, SourceKind, StartRequest, check, check_shape, may_start, show};
use crate::http::{Answer, Json, List, Maybe, Page, Path, Problem, Query, check as field, whole};
use crate::moment::now_ms;
use crate::store::{StoreError, args};

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(one, change, remove))
        .routes(routes!(slate::show, slate::put, slate::remove))
        .routes(routes!(begin))
        .routes(routes!(preflight))
        .routes(routes!(services))
}

/// The presets.
#[utoipa::path(get, path = "/presets", tag = "preset", params(Page), responses((status = 200, body = List<PresetView>)))]
async fn list(caller: Allowed<perm::BroadcastOperate>, State(app): State<App>, Query(page): Query<Page>) -> Answer<Json<List<PresetView>>> {
    let presets = store::page(&app.store, &Sight::of(&caller), page.after(), page.rows()).await?;
    let ends = presets.first().zip(presets.last()).map(|(first, last)| (first.id.clone(), last.id.clone())).unwrap_or_default();
    let mut targets = store::targets_between(&app.store, &ends.0, &ends.1).await?;
    let on_air = store::on_air(&app.store).await?;
    let view = |preset: Preset| {
        let targets = targets.remove(&preset.id).unwrap_or_default();
        self::view(preset, targets, &on_air)
    };
    Ok(Json(page.list(presets, |preset| preset.id.clone(), view)))
}

/// A preset.
#[utoipa::path(
    get, path = "/presets/{id}", tag = "preset", params(("id" = String, Path)),
    responses((status = 200, body = PresetView), (status = 404, body = Problem))
)]
async fn one(caller: Allowed<perm::BroadcastOperate>, State(app): State<App>, Path(id): Path<String>) -> Answer<Json<PresetView>> {
    shown(&app, existing(&app, &caller, &id).await?).await.map(Json)
}

/// Saves a Start under a name.
#[utoipa::path(
    post, path = "/presets", tag = "preset", request_body = NewPreset,
    responses((status = 201, body = PresetView), (status = 409, body = Problem), (status = 422, body = Problem))
)]
async fn create(
    caller: Allowed<perm::BroadcastOperate>,
    State(app): State<App>,
    Json(new): Json<NewPreset>,
) -> Answer<(StatusCode, Json<PresetView>)> {
    let now = now_ms();
    let mut preset = Preset {
        id: crate::id::new(),
        name: field::name("name", &new.name)?,
        request: String::new(),
        server_id: None,
        meeting_id: None,
        room_key: None,
        auto_start: i64::from(new.auto_start),
        has_slate: 0,
        created_by: caller.user_name.clone(),
        created_by_id: Some(caller.user_id.clone()).filter(|id| !id.is_empty()),
        created_ms: now,
        changed_ms: now,
    };
    preset.set_start(&new.start);
    may_be_saved(&app, &caller, &preset, &new.start, 0).await?;
    let added = sealed(&app, &caller, &preset.id, &new.start).await?;
    put(&app, &caller, "preset.create", &preset, &added, &[]).await?;
    Ok((StatusCode::CREATED, Json(shown(&app, preset).await?)))
}

/// Changes a preset.
#[utoipa::path(
    patch, path = "/presets/{id}", tag = "preset", params(("id" = String, Path)), request_body = PresetChange,
    responses((status = 200, body = PresetView), (status = 404, body = Problem), (status = 409, body = Problem), (status = 422, body = Problem))
)]
async fn change(
    caller: Allowed<perm::BroadcastOperate>,
    State(app): State<App>,
    Path(id): Path<String>,
    Json(change): Json<PresetChange>,
) -> Answer<Json<PresetView>> {
    let mut preset = existing(&app, &caller, &id).await?;
    if let Some(name) = change.name {
        preset.name = field::name("name", &name)?;
    }
    if let Some(auto_start) = change.auto_start {
        preset.auto_start = i64::from(auto_start);
    }
    let (mut added, mut gone) = (Vec::new(), Vec::new());
    let start = match change.start {
        Some(start) => {
            preset.set_start(&start);
            let saved = store::targets(&app.store, &preset.id).await?;
            let stays = kept(saved.clone(), change.keep_targets.as_deref().unwrap_or_default())?;
            gone = saved.into_iter().filter(|target| !stays.iter().any(|stays| stays.id == target.id)).collect();
            may_be_saved(&app, &caller, &preset, &start, stays.len()).await?;
            added = sealed(&app, &caller, &preset.id, &start).await?;
            start
        }
        None => preset.start(),
    };
    auto_needs_a_meeting(&preset, &start)?;
    if preset.auto_start == 1 {
        start::may_begin(&app, &caller, &preset, &start, &gone).await?;
    }
    preset.changed_ms = now_ms();
    put(&app, &caller, "preset.change", &preset, &added, &gone).await?;
    shown(&app, preset).await.map(Json)
}

/// Removes a preset; refused while schedules start it.
#[utoipa::path(
    delete, path = "/presets/{id}", tag = "preset", params(("id" = String, Path)),
    responses((status = 204), (status = 404, body = Problem), (status = 409, body = Problem))
)]
async fn remove(caller: Allowed<perm::BroadcastOperate>, State(app): State<App>, Path(id): Path<String>) -> Answer<StatusCode> {
    let preset = existing(&app, &caller, &id).await?;
    let mut tx = app.store.begin().await?;
    let schedules = store::schedules_of(&mut tx, &id).await?;
    if !schedules.is_empty() {
        let sentence = format!("Schedules start this preset: {}. Remove them or give them another one first.", schedules.join(", "));
        return Err(Problem::conflict("in_use", sentence));
    }
    tx.run("DELETE FROM presets WHERE id = $1", args![&id]).await?;
    activity::record(&mut tx, &caller, "preset.remove", &id, json!({ "name": preset.name })).await?;
    scope::forget(&mut tx, Kind::Preset, &id).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Puts a preset on the air.
#[utoipa::path(
    post, path = "/presets/{id}/start", tag = "preset", params(("id" = String, Path)), request_body = Option<Once>,
    responses((status = 201, body = BroadcastView), (status = 404, body = Problem), (status = 409, body = Problem), (status = 422, body = Problem), (status = 503, body = Problem))
)]
async fn begin(
    caller: Allowed<perm::BroadcastOperate>,
    State(app): State<App>,
    Path(id): Path<String>,
    Maybe(once): Maybe<Once>,
) -> Answer<(StatusCode, Json<BroadcastView>)> {
    let preset = existing(&app, &caller, &id).await?;
    let caller = caller.clone();
    whole(async move {
        let row = start::start(&app, &caller, &preset, once.unwrap_or_default(), Begin::default()).await?;
        Ok((StatusCode::CREATED, Json(show(&app, row).await?)))
    })
    .await
}

/// Says what would go wrong with the start of a preset, as `POST /broadcasts/check` does.
#[utoipa::path(
    post, path = "/presets/{id}/check", tag = "preset", params(("id" = String, Path)), request_body = Option<Once>,
    responses((status = 200, body = Preflight), (status = 404, body = Problem), (status = 422, body = Problem), (status = 429, body = Problem))
)]
async fn preflight(
    caller: Allowed<perm::BroadcastOperate>,
    State(app): State<App>,
    Path(id): Path<String>,
    Maybe(once): Maybe<Once>,
) -> Answer<Json<Preflight>> {
    let preset = existing(&app, &caller, &id).await?;
    let request = start::merged(&app, &caller, &preset, once.unwrap_or_default()).await?;
    check(&app, &start::trusted(&caller), &request).await.map(Json)
}

/// Common services, to begin a target with.
#[utoipa::path(get, path = "/services", tag = "preset", responses((status = 200, body = List<Service>)))]
async fn services(_caller: Allowed<perm::BroadcastOperate>) -> Json<List<Service>> {
    Json(List::whole(SERVICES.clone()))
}

/// Whether a Start can be saved: as it could be started, but for what only the moment of the start tells.
async fn may_be_saved(app: &App, caller: &Caller, preset: &Preset, start: &StartRequest, kept: usize) -> Answer<()> {
    check_shape(start, kept).map_err(|problem| problem.within("start"))?;
    auto_needs_a_meeting(preset, start)?;
    if let Some(server) = &start.server_id {
        caller.must(Permission::ServerUse)?;
        let known = crate::server::find(&app.store, server).await?.is_some();
        if !known || !scope::sees(&app.store, &Sight::of(caller), Kind::Server, server).await? {
            return Err(Problem::unprocessable("no_such_server", "There is no such server.").of_field("start.server_id"));
        }
    }
    may_start(app, caller, start.room.as_deref()).await.map_err(|problem| problem.within("start"))
}

fn auto_needs_a_meeting(preset: &Preset, start: &StartRequest) -> Answer<()> {
    let has_meeting = start.source == SourceKind::Browser && start.server_id.is_some() && start.meeting_id.is_some();
    if preset.auto_start == 1 && !has_meeting {
        return Err(Problem::invalid("auto_start", "Only a preset with a server and a meeting can start whenever that runs."));
    }
    Ok(())
}

async fn sealed(app: &App, caller: &Caller, preset_id: &str, start: &StartRequest) -> Answer<Vec<PresetTarget>> {
    let mut targets = Vec::with_capacity(start.targets.len());
    for (index, target) in start.targets.iter().enumerate() {
        targets.push(seal(app, caller, preset_id, target).await.map_err(|problem| problem.within(&format!("start.targets[{index}]")))?);
    }
    Ok(targets)
}

async fn put(
    app: &App,
    caller: &Caller,
    action: &'static str,
    preset: &Preset,
    added: &[PresetTarget],
    gone: &[PresetTarget],
) -> Answer<()> {
    let mut tx = app.store.begin().await?;
    store::put(&mut tx, preset).await.map_err(|error| match error {
        StoreError::Taken => Problem::conflict("name_taken", "A preset of this name exists already.").of_field("name"),
        error => error.into(),
    })?;
    for target in gone {
        store::drop_target(&mut tx, &target.id).await?;
    }
    for target in added {
        store::add_target(&mut tx, target).await?;
    }
    let labels = |targets: &[PresetTarget]| targets.iter().map(|target| target.label.clone()).collect::<Vec<_>>();
    let detail = json!({
        "name": preset.name, "auto_start": preset.auto_start == 1, "room": preset.room_key, "meeting_id": preset.meeting_id,
        "targets_added": labels(added), "targets_removed": labels(gone),
    });
    scope::place_preset(&mut tx, &preset.id).await?;
    activity::record(&mut tx, caller, action, &preset.id, detail).await?;
    Ok(tx.commit().await?)
}

async fn shown(app: &App, preset: Preset) -> Answer<PresetView> {
    let targets = store::targets(&app.store, &preset.id).await?;
    let on_air: HashMap<String, String> = store::on_air(&app.store).await?;
    Ok(view(preset, targets, &on_air))
}

/// A preset that the caller sees, or 404.
pub(super) async fn existing(app: &App, caller: &Caller, id: &str) -> Answer<Preset> {
    let preset = store::find(&app.store, id).await?.ok_or_else(|| Problem::not_found("preset"))?;
    let sees = scope::sees(&app.store, &Sight::of(caller), Kind::Preset, id).await?;
    if sees { Ok(preset) } else { Err(Problem::not_found("preset")) }
}
