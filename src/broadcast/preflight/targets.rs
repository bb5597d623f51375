//! The targets: whether each is there, free, and not named twice.

use std::collections::HashMap;

use futures_util::future::join_all;

use super::super::model::TargetRequest;
use super::super::start::{self, TARGETS};
use super::super::store::{self, NewTarget};
use super::{Finding, Severity};
use crate::account::Caller;
use crate::app::App;
use crate::http::Answer;
use crate::media::output::TargetUrl;
use crate::media::output::probe::{Found, probe};

pub(super) async fn check(app: &App, caller: &Caller, requests: &[TargetRequest]) -> Vec<Finding> {
    let mut seen: HashMap<String, usize> = HashMap::new();
    let (mut findings, mut asked) = (Vec::new(), Vec::new());
    for (index, request) in requests.iter().enumerate().take(TARGETS) {
        let field = format!("targets[{index}]");
        match start::checked_target(app, caller, request).await {
            Err(problem) => findings.push(Finding::of(problem.within(&field), &field)),
            Ok((target, url)) => {
                if let Some(first) = seen.insert(target.fingerprint.clone(), index) {
                    let sentence = format!("{} is named twice (also as target {}).", target.label, first + 1);
                    findings.push(Finding::new(Severity::Error, "target_busy", sentence, &field));
                } else {
                    asked.push((field, target, url));
                }
            }
        }
    }
    let answers = join_all(asked.iter().map(|(field, target, url)| async move {
        let (free, there) = tokio::join!(free(app, target, field), there(app, target, url, field));
        free.unwrap_or_else(|problem| Some(Finding::of(problem, field))).into_iter().chain([there]).collect::<Vec<_>>()
    }));
    findings.extend(answers.await.concat());
    findings
}

async fn free(app: &App, target: &NewTarget, field: &str) -> Answer<Option<Finding>> {
    let mut tx = app.store.begin().await?;
    let other = store::target_clash(&mut tx, target).await?;
    Ok(other.map(|other| {
        Finding::new(Severity::Error, "target_busy", format!("{} is fed already by the broadcast {other}.", target.label), field)
    }))
}

async fn there(app: &App, target: &NewTarget, url: &TargetUrl, field: &str) -> Finding {
    match probe(url, &app.settings.call_allow, &app.supervisor.authorities_pem()).await {
        Ok(Found::Accepts) => {
            Finding::new(Severity::Ok, "target_accepts", format!("{} answers and takes the application.", target.label), field)
        }
        Ok(Found::Listens) => Finding::new(Severity::Ok, "target_listens", format!("{} answers.", target.label), field),
        // What an OPTIONS is answered with need not be what a POST is.
        Err(error) => {
            let unsure =
                matches!(error.code, "unauthorized" | "not_found" | "offer_refused" | "overloaded" | "server_error" | "bad_answer");
            let severity = if unsure { Severity::Warning } else { Severity::Error };
            Finding::new(severity, error.code, error.message, field)
        }
    }
}
