//! Schedules over HTTP.

use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::claim::{self, Last};
use super::plan::{Checked, Occurrence, Plan};
use super::store::{self, Schedule};
use crate::account::{Allowed, Caller, Kind, Sight, activity, perm, scope};
use crate::app::App;
use crate::http::{Answer, Json, List, Page, Path, Problem, Query, check};
use crate::moment::{now_ms, rfc3339};
use crate::preset;
use crate::store::{StoreError, args};

/// Occurrences that are shown.
const NEXT: usize = 5;

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list, create)).routes(routes!(show, change, remove)).routes(routes!(try_plan))
}

/// A schedule to be made.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewSchedule {
    /// What people call it.
    name: String,
    /// What it starts.
    preset_id: String,
    plan: Plan,
    /// Whether it acts (true).
    enabled: Option<bool>,
}

/// What changes about a schedule; what is left out stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ScheduleChange {
    name: Option<String>,
    preset_id: Option<String>,
    plan: Option<Plan>,
    enabled: Option<bool>,
}

/// A schedule.
#[derive(Debug, Serialize, ToSchema)]
struct ScheduleView {
    id: String,
    name: String,
    preset_id: String,
    /// What the preset is called.
    preset_name: String,
    plan: Plan,
    enabled: bool,
    /// The next times that it is due, at most five.
    next: Vec<OccurrenceView>,
    /// What came of it when it was last due.
    #[serde(skip_serializing_if = "Option::is_none")]
    last: Option<LastView>,
    created_by: String,
    #[schema(format = DateTime)]
    created_at: String,
    #[schema(format = DateTime)]
    changed_at: String,
}

/// A time that a schedule is due.
#[derive(Debug, Serialize, ToSchema)]
struct OccurrenceView {
    #[schema(format = DateTime)]
    starts_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = DateTime)]
    stops_at: Option<String>,
}

/// How it went when a schedule was due.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum Came {
    Started,
    Trying,
    Failed,
    Missed,
}

/// What came of a time that a schedule was due.
#[derive(Debug, Serialize, ToSchema)]
struct LastView {
    #[schema(format = DateTime)]
    due_at: String,
    state: Came,
    /// A sentence.
    detail: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    broadcast_id: Option<String>,
}

fn occurrence(one: Occurrence) -> OccurrenceView {
    OccurrenceView { starts_at: rfc3339(one.starts_ms), stops_at: one.stops_ms.map(rfc3339) }
}

fn last_view(last: Last) -> LastView {
    let outcome = last.outcome.unwrap_or_default();
    let state = match (&last.broadcast_id, last.done) {
        (Some(_), _) => Came::Started,
        (None, 0) => Came::Trying,
        (None, _) if outcome == "missed" => Came::Missed,
        _ => Came::Failed,
    };
    let detail = if state == Came::Missed { "Nothing of ours was running at the time.".to_owned() } else { outcome };
    LastView { due_at: rfc3339(last.due_ms), state, detail, broadcast_id: last.broadcast_id }
}

async fn view(app: &App, schedule: Schedule) -> Answer<ScheduleView> {
    let plan = schedule.plan();
    let next = if schedule.enabled == 1 { plan.check().map(|plan| plan.next(now_ms(), NEXT)).unwrap_or_default() } else { Vec::new() };
    Ok(ScheduleView {
        preset_name: preset::find(&app.store, &schedule.preset_id).await?.map(|preset| preset.name).unwrap_or_default(),
        last: claim::last(&app.store, &schedule.id).await?.map(last_view),
        next: next.into_iter().map(occurrence).collect(),
        plan,
        enabled: schedule.enabled == 1,
        id: schedule.id,
        name: schedule.name,
        preset_id: schedule.preset_id,
        created_by: schedule.created_by,
        created_at: rfc3339(schedule.created_ms),
        changed_at: rfc3339(schedule.changed_ms),
    })
}

/// The schedules.
#[utoipa::path(get, path = "/schedules", tag = "schedule", params(Page), responses((status = 200, body = List<ScheduleView>)))]
async fn list(
    caller: Allowed<perm::BroadcastOperate>,
    State(app): State<App>,
    Query(page): Query<Page>,
) -> Answer<Json<List<ScheduleView>>> {
    let rows = store::page(&app.store, &Sight::of(&caller), page.after(), page.rows()).await?;
    let rows: List<Schedule> = page.list(rows, |schedule| schedule.id.clone(), |schedule| schedule);
    let mut items = Vec::with_capacity(rows.items.len());
    for schedule in rows.items {
        items.push(view(&app, schedule).await?);
    }
    Ok(Json(List { items, next: rows.next }))
}

/// A schedule.
#[utoipa::path(
    get, path = "/schedules/{id}", tag = "schedule", params(("id" = String, Path)),
    responses((status = 200, body = ScheduleView), (status = 404, body = Problem))
)]
async fn show(caller: Allowed<perm::BroadcastOperate>, State(app): State<App>, Path(id): Path<String>) -> Answer<Json<ScheduleView>> {
    Ok(Json(view(&app, existing(&app, &caller, &id).await?).await?))
}

/// Makes a schedule.
#[utoipa::path(
    post, path = "/schedules", tag = "schedule", request_body = NewSchedule,
    responses((status = 201, body = ScheduleView), (status = 409, body = Problem), (status = 422, body = Problem))
)]
async fn create(
    caller: Allowed<perm::BroadcastOperate>,
    State(app): State<App>,
    Json(new): Json<NewSchedule>,
) -> Answer<(StatusCode, Json<ScheduleView>)> {
    let now = now_ms();
    let name = check::name("name", &new.name)?;
    checked(&new.plan, "plan.")?;
    let schedule = Schedule {
        id: crate::id::new(),
        name,
        preset_id: new.preset_id,
        plan: text(&new.plan),
        enabled: i64::from(new.enabled.unwrap_or(true)),
        created_by: caller.user_name.clone(),
        created_ms: now,
        changed_ms: now,
    };
    put(&app, &caller, "schedule.create", &schedule).await?;
    Ok((StatusCode::CREATED, Json(view(&app, schedule).await?)))
}

/// Changes a schedule.
#[utoipa::path(
    patch, path = "/schedules/{id}", tag = "schedule", params(("id" = String, Path)), request_body = ScheduleChange,
    responses((status = 200, body = ScheduleView), (status = 404, body = Problem), (status = 409, body = Problem), (status = 422, body = Problem))
)]
async fn change(
    caller: Allowed<perm::BroadcastOperate>,
    State(app): State<App>,
    Path(id): Path<String>,
    Json(change): Json<ScheduleChange>,
) -> Answer<Json<ScheduleView>> {
    let mut schedule = existing(&app, &caller, &id).await?;
    if let Some(name) = change.name {
        schedule.name = check::name("name", &name)?;
    }
    if let Some(preset_id) = change.preset_id {
        schedule.preset_id = preset_id;
    }
    if let Some(plan) = change.plan {
        checked(&plan, "plan.")?;
        schedule.plan = text(&plan);
    }
    if let Some(enabled) = change.enabled {
        schedule.enabled = i64::from(enabled);
    }
    schedule.changed_ms = now_ms();
    put(&app, &caller, "schedule.change", &schedule).await?;
    Ok(Json(view(&app, schedule).await?))
}

/// Removes a schedule. What it has started goes on.
#[utoipa::path(
    delete, path = "/schedules/{id}", tag = "schedule", params(("id" = String, Path)),
    responses((status = 204), (status = 404, body = Problem))
)]
async fn remove(caller: Allowed<perm::BroadcastOperate>, State(app): State<App>, Path(id): Path<String>) -> Answer<StatusCode> {
    let schedule = existing(&app, &caller, &id).await?;
    let mut tx = app.store.begin().await?;
    tx.run("DELETE FROM schedules WHERE id = $1", args![&id]).await?;
    activity::record(&mut tx, &caller, "schedule.remove", &id, json!({ "name": schedule.name })).await?;
    scope::forget(&mut tx, Kind::Schedule, &id).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Says when a plan would be due, without keeping it.
#[utoipa::path(
    post, path = "/schedules/check", tag = "schedule", request_body = Plan,
    responses((status = 200, body = List<OccurrenceView>), (status = 422, body = Problem))
)]
async fn try_plan(_caller: Allowed<perm::BroadcastOperate>, Json(plan): Json<Plan>) -> Answer<Json<List<OccurrenceView>>> {
    let next = checked(&plan, "")?.next(now_ms(), NEXT);
    Ok(Json(List::whole(next.into_iter().map(occurrence).collect())))
}

fn checked(plan: &Plan, below: &str) -> Answer<Checked> {
    plan.check().map_err(|(field, sentence)| Problem::invalid(format!("{below}{field}"), sentence))
}

fn text(plan: &Plan) -> String {
    serde_json::to_string(plan).unwrap_or_default()
}

async fn put(app: &App, caller: &Caller, action: &'static str, schedule: &Schedule) -> Answer<()> {
    let unknown = || Problem::unprocessable("no_such_preset", "There is no such preset.").of_field("preset_id");
    let preset = preset::find(&app.store, &schedule.preset_id).await?.ok_or_else(unknown)?;
    if !scope::sees(&app.store, &Sight::of(caller), Kind::Preset, &preset.id).await? {
        return Err(unknown());
    }
    if schedule.enabled == 1 {
        preset::may_begin(app, caller, &preset, &preset.start(), &[]).await.map_err(|problem| problem.of_field("preset_id"))?;
    }
    let mut tx = app.store.begin().await?;
    store::put(&mut tx, schedule).await.map_err(|error| match error {
        StoreError::Taken => Problem::conflict("name_taken", "A schedule of this name exists already.").of_field("name"),
        error => error.into(),
    })?;
    let detail = json!({ "name": schedule.name, "preset": preset.name, "plan": schedule.plan(), "enabled": schedule.enabled == 1 });
    scope::place_preset(&mut tx, &preset.id).await?;
    activity::record(&mut tx, caller, action, &schedule.id, detail).await?;
    Ok(tx.commit().await?)
}

/// A schedule that the caller sees, or 404.
async fn existing(app: &App, caller: &Caller, id: &str) -> Answer<Schedule> {
    let schedule = store::find(&app.store, id).await?.ok_or_else(|| Problem::not_found("schedule"))?;
    let sees = scope::sees(&app.store, &Sight::of(caller), Kind::Schedule, id).await?;
    if sees { Ok(schedule) } else { Err(Problem::not_found("schedule")) }
}
