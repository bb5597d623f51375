//! What would go wrong with a Start, said before it: everything is asked at once, nothing is written, nobody is joined, nothing is sent.

mod meeting;
mod targets;

use std::time::Duration;

use serde::Serialize;
use tokio::sync::Semaphore;
use utoipa::ToSchema;

use super::model::{SourceKind, StartRequest};
use super::{start, store};
use crate::account::{Caller, Sight};
use crate::app::App;
use crate::http::{Answer, Problem};
use crate::store::args;

/// How long a check may take in all.
const WITHIN: Duration = Duration::from_secs(12);
/// Checks at a time in this process: each may call sixteen targets.
static PLACES: Semaphore = Semaphore::const_new(8);

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Severity {
    /// A Start would fail, or this part of it would not go on the air.
    Error,
    /// It may fail, or not do what was meant.
    Warning,
    /// Worth knowing.
    Info,
    /// As it should be.
    Ok,
}

/// Something that was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Finding {
    pub(crate) severity: Severity,
    /// A stable word.
    pub(crate) code: String,
    /// A sentence.
    pub(crate) message: String,
    /// The field of the Start that it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) field: Option<String>,
}

impl Finding {
    pub(super) fn new(severity: Severity, code: impl Into<String>, message: impl Into<String>, field: &str) -> Self {
        Self { severity, code: code.into(), message: message.into(), field: Some(field.to_owned()) }
    }

    /// What a Start would be refused with.
    fn of(problem: Problem, field: &str) -> Self {
        let field = problem.field.unwrap_or_else(|| field.to_owned());
        Self { severity: Severity::Error, code: problem.code.to_owned(), message: problem.detail, field: Some(field) }
    }
}

/// Answer to a check.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Preflight {
    /// Whether nothing was found that a Start would fail by.
    pub(crate) ok: bool,
    /// What was found, the worst first.
    pub(crate) findings: Vec<Finding>,
}

/// Checks a Start.
///
/// # Errors
/// Where too many checks are under way, or the caller may do nothing of the kind.
pub(crate) async fn check(app: &App, caller: &Caller, request: &StartRequest) -> Answer<Preflight> {
    let busy = || Problem::too_many("checks_busy", "Other checks are under way. Try again in a moment.", 3);
    let _place = PLACES.try_acquire().map_err(|_| busy())?;
    let all = async {
        tokio::join!(form(app, caller, request), meeting::check(app, caller, request), targets::check(app, caller, &request.targets))
    };
    let mut findings = match tokio::time::timeout(WITHIN, all).await {
        Ok((form, meeting, targets)) => [form, meeting, targets].concat(),
        Err(_) => vec![Finding::new(Severity::Warning, "check_timed_out", "Not everything could be asked in 12 seconds.", "targets")],
    };
    findings.sort_by_key(|finding| finding.severity);
    Ok(Preflight { ok: findings.iter().all(|finding| finding.severity != Severity::Error), findings })
}

/// What can be said without asking anybody.
async fn form(app: &App, caller: &Caller, request: &StartRequest) -> Vec<Finding> {
    let mut findings = Vec::new();
    match start::shape(request) {
        Err(problem) => findings.push(Finding::of(problem, "profile")),
        Ok(profile) => {
            let place = app.supervisor.place(request.node.as_deref(), &profile, request.source, &Sight::of(caller)).await;
            findings.push(match place {
                Ok(node) if node == app.supervisor.node() => Finding::new(Severity::Ok, "capacity", "It fits on this machine.", "profile"),
                Ok(node) => Finding::new(Severity::Ok, "capacity", format!("It fits on the node “{node}”."), "profile"),
                Err(error) => Finding::of(start::no_place(error), "profile"),
            });
        }
    }
    if let Err(problem) = start::bot(request, None) {
        findings.push(Finding::of(problem, "bot"));
    }
    if let Some(key) = &request.room {
        findings.push(room(app, caller, key).await.unwrap_or_else(|problem| Finding::of(problem, "room")));
    } else if let Err(problem) = start::may_start(app, caller, None).await {
        findings.push(Finding::of(problem, "room"));
    }
    if request.targets.is_empty() && request.room.is_none() {
        findings.push(Finding::new(Severity::Warning, "goes_nowhere", "It has no target and no room: nobody can watch it.", "targets"));
    }
    findings
}

async fn room(app: &App, caller: &Caller, key: &str) -> Answer<Finding> {
    start::may_start(app, caller, Some(key)).await?;
    let known: Option<(String,)> = app.store.optional("SELECT title FROM rooms WHERE key = $1", args![key]).await?;
    let Some((title,)) = known else {
        return Ok(Finding::new(Severity::Error, "no_such_room", "There is no room with this key.", "room"));
    };
    let open = store::of_room(&app.store, key).await?.filter(|row| row.ended_ms.is_none());
    Ok(match open {
        Some(row) => {
            let sentence = format!("The room “{title}” has a live broadcast already: {}.", row.meeting_name);
            Finding::new(Severity::Error, "room_busy", sentence, "room")
        }
        None => Finding::new(Severity::Ok, "room_free", format!("The room “{title}” is free."), "room"),
    })
}

/// Whether a meeting is captured at all.
fn has_meeting(request: &StartRequest) -> bool {
    request.source == SourceKind::Browser
}
