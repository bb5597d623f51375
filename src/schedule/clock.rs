//! Looks at the clock, and acts.

use std::time::Duration;

use serde_json::json;

use super::auto::Autos;
use super::claim;
use super::plan::{Checked, Occurrence};
use super::store::{self, Schedule};
use crate::account::{Caller, activity};
use crate::app::App;
use crate::broadcast::Until;
use crate::http::Problem;
use crate::moment::rfc3339;
use crate::preset::{self, Begin};
use crate::store::StoreError;

/// How often it is looked.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// How far apart a start that did not work is tried again.
const AGAIN_MS: i64 = 20_000;
/// Later than this is late, and is said.
const LATE_MS: i64 = 60_000;
/// A schedule that was changed in the minute in which it is due still acts.
const JUST_CHANGED_MS: i64 = 60_000;
/// What was missed longer ago than this is not spoken of any more.
const MISSED_WITHIN_MS: i64 = 24 * 3600 * 1000;
const FORGET_EVERY_MS: i64 = 3600 * 1000;

/// Looks until the process begins to end.
pub(crate) async fn follow(app: App) {
    let stopping = app.stopping.clone();
    let looks = async {
        let mut autos = Autos::default();
        let mut every = tokio::time::interval(LOOK_EVERY);
        every.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            every.tick().await;
            if let Err(error) = look(&app, &mut autos).await {
                tracing::warn!(%error, "schedules cannot be looked at");
            }
        }
    };
    stopping.run_until_cancelled(looks).await;
}

async fn look(app: &App, autos: &mut Autos) -> Result<(), StoreError> {
    let now_ms = claim::now_ms(&app.store).await?;
    for schedule in store::enabled(&app.store).await? {
        let Ok(plan) = schedule.plan().check() else { continue };
        at(app, &schedule, &plan, now_ms).await?;
    }
    autos.look(app, now_ms).await?;
    if claim::turn(&app.store, "forget", FORGET_EVERY_MS, now_ms).await? {
        claim::forget_old(&app.store, now_ms).await?;
    }
    Ok(())
}

/// What is to be done for a schedule at a moment.
async fn at(app: &App, schedule: &Schedule, plan: &Checked, now_ms: i64) -> Result<(), StoreError> {
    let since_ms = schedule.changed_ms - JUST_CHANGED_MS;
    let due = plan.due(now_ms);
    for occurrence in due.iter().filter(|due| due.starts_ms >= since_ms) {
        let cause = cause(schedule, occurrence);
        if let Some(tries) = claim::take(&app.store, &cause, &schedule.id, occurrence.starts_ms, now_ms).await? {
            // To its end, even where the process begins to end in the middle.
            let (app, schedule, occurrence) = (app.clone(), schedule.clone(), *occurrence);
            tokio::spawn(async move {
                if let Err(error) = act(&app, &schedule, occurrence, &cause, tries, now_ms).await {
                    tracing::error!(schedule = schedule.name, %error, "what came of a schedule could not be kept");
                }
            });
        }
    }
    let first_ms = since_ms.max(now_ms - plan.grace_ms() - MISSED_WITHIN_MS);
    for occurrence in plan.between(first_ms, now_ms).iter().filter(|past| !due.contains(past)) {
        // In one piece: what is given up is also on record, whenever the process dies.
        let mut tx = app.store.begin().await?;
        let outcome = claim::give_up(&mut tx, &cause(schedule, occurrence), &schedule.id, occurrence.starts_ms, now_ms).await?;
        if let Some(outcome) = outcome {
            let why = if outcome == "missed" { "Nothing of ours was running at the time.".to_owned() } else { outcome };
            let detail = json!({ "name": schedule.name, "due_at": rfc3339(occurrence.starts_ms), "why": why });
            activity::record(&mut tx, &caller(schedule), "schedule.missed", &schedule.id, detail).await?;
        }
        tx.commit().await?;
    }
    Ok(())
}

fn cause(schedule: &Schedule, occurrence: &Occurrence) -> String {
    format!("schedule:{}:{}", schedule.id, occurrence.starts_ms)
}

fn caller(schedule: &Schedule) -> Caller {
    Caller::automatic(format!("schedule: {}", schedule.name))
}

async fn act(app: &App, schedule: &Schedule, occurrence: Occurrence, cause: &str, tries: i64, now_ms: i64) -> Result<(), StoreError> {
    let Some(preset) = preset::find(&app.store, &schedule.preset_id).await? else {
        return claim::finish(&app.store, cause, None, "The preset is gone.", now_ms).await;
    };
    let until = occurrence.stops_ms.map(|at_ms| Until { at_ms, schedule: schedule.name.clone() });
    let begin = Begin { key: Some(cause.to_owned()), until };
    let starter = preset.starter(caller(schedule).user_name);
    match preset::begin(app, &starter, &preset, begin).await {
        Ok(row) => {
            let late_ms = now_ms - occurrence.starts_ms;
            let late = if late_ms > LATE_MS { format!(", {} min late", late_ms / 60_000) } else { String::new() };
            let sentence = format!("The schedule “{}” started it{late}.", schedule.name);
            app.supervisor.note(&row.id, if late.is_empty() { "schedule_start" } else { "schedule_start_late" }, sentence.clone()).await;
            claim::finish(&app.store, cause, Some(&row.id), &sentence, now_ms).await
        }
        Err(problem) => failed(app, &caller(schedule), &schedule.id, "schedule.failed", cause, tries, now_ms, problem).await,
    }
}

/// What becomes of an act that did not work: done where nothing more can come of it, else to be tried again.
#[expect(clippy::too_many_arguments, reason = "one place for what schedules and meetings have in common")]
pub(super) async fn failed(
    app: &App,
    caller: &Caller,
    owner_id: &str,
    action: &'static str,
    cause: &str,
    tries: i64,
    now_ms: i64,
    problem: Problem,
) -> Result<(), StoreError> {
    // Another process that took this cause before was slow, not dead.
    if let Some(id) = store::broadcast_of(&app.store, cause).await? {
        return claim::finish(&app.store, cause, Some(&id), "It is on the air.", now_ms).await;
    }
    if problem.code == "meeting_busy" {
        return claim::finish(&app.store, cause, None, &problem.detail, now_ms).await;
    }
    // Said once; the rest is in what came of it.
    if tries == 1 {
        let detail = json!({ "code": problem.code, "why": problem.detail });
        activity::alone(&app.store, caller, action, owner_id, detail).await?;
    }
    tracing::warn!(by = caller.user_name, code = problem.code, tries, "an automatic start did not work: {}", problem.detail);
    claim::again(&app.store, cause, &problem.detail, AGAIN_MS, now_ms).await
}
