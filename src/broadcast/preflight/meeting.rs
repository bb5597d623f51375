//! The server and the meeting.

use super::super::model::{BotRole, StartRequest};
use super::super::{start, store};
use super::{Finding, Severity, has_meeting};
use crate::account::Caller;
use crate::app::App;
use crate::bbb::{BbbError, Client, Generation, Index, Meeting};

/// What joining as moderator changes besides the cameras (BBB: `force_listen_only` and lock settings do not bind moderators).
const MODERATOR: &str = "As a moderator the bot sees everything, also what is hidden from viewers by the meeting’s lock settings (cameras and names \
     included), and that goes on the air. It also is not held to listening only.";

pub(super) async fn check(app: &App, caller: &Caller, request: &StartRequest) -> Vec<Finding> {
    match start::meeting(app, caller, request).await {
        Err(problem) => {
            let field = if problem.code == "meeting_ended" { "meeting_id" } else { "server_id" };
            vec![Finding::of(problem, field)]
        }
        Ok((Some(server), meeting, _)) if has_meeting(request) => of_meeting(app, request, &server, &meeting).await,
        Ok(_) => Vec::new(),
    }
}

async fn of_meeting(app: &App, request: &StartRequest, server: &str, meeting: &str) -> Vec<Finding> {
    // It answered a moment ago: where it is not there now, somebody took it away.
    let Ok(Some(client)) = app.servers.client(&app.store, server).await else {
        return vec![Finding::new(Severity::Error, "no_such_server", "There is no such server.", "server_id")];
    };
    let (index, found) = tokio::join!(client.index(), client.meeting(meeting));
    let mut findings = vec![of_server(&client, &index), of_run(&found)];
    if let Ok(meeting) = &found
        && meeting.breakout
    {
        let sentence = "This is a breakout room: people in it may not expect to be on the air.";
        findings.push(Finding::new(Severity::Warning, "breakout", sentence, "meeting_id"));
    }
    if request.bot.role == Some(BotRole::Moderator) {
        findings.push(Finding::new(Severity::Warning, "moderator", MODERATOR, "bot.role"));
    }
    if request.announce.unwrap_or(true) && index.as_ref().is_ok_and(|index| index.generation == Generation::V2) {
        let sentence =
            "This server takes no chat messages from outside (before BBB 3.0): only the bot’s name says that the meeting is live.";
        findings.push(Finding::new(Severity::Info, "announced_by_name", sentence, "announce"));
    }
    if request.announce == Some(false) {
        let sentence = "The meeting is not told in its chat that it is on the air. See that everybody in it knows.";
        findings.push(Finding::new(Severity::Warning, "not_announced", sentence, "announce"));
    }
    let on_air = store::of_server(&app.store, server).await.unwrap_or_default();
    if let Some((_, other)) = on_air.into_iter().find(|(id, _)| id == meeting && !request.again) {
        findings.push(Finding::new(Severity::Error, "meeting_busy", format!("The meeting is on the air already ({other})."), "meeting_id"));
    }
    findings
}

fn of_server(client: &Client, index: &Result<Index, BbbError>) -> Finding {
    match index {
        Ok(index) => {
            let release =
                index.release.as_deref().unwrap_or(if index.generation == Generation::V2 { "2.7 or before" } else { "3.0 or later" });
            let sentence = format!("{} answers and takes the secret (BBB {release}).", client.base().host());
            Finding::new(Severity::Ok, "server", sentence, "server_id")
        }
        Err(error) => Finding::new(Severity::Error, error.code(), error.to_string(), "server_id"),
    }
}

fn of_run(found: &Result<Meeting, BbbError>) -> Finding {
    match found {
        Ok(meeting) if meeting.running => {
            let people = match meeting.participants {
                1 => "one person is".to_owned(),
                people => format!("{people} people are"),
            };
            Finding::new(Severity::Ok, "meeting_running", format!("“{}” is running; {people} in it.", meeting.name), "meeting_id")
        }
        Ok(_) | Err(BbbError::NotFound) => {
            let sentence = "The meeting is not running yet: the broadcast waits until somebody is in it.";
            Finding::new(Severity::Info, "meeting_not_running", sentence, "meeting_id")
        }
        Err(error) => Finding::new(Severity::Error, error.code(), error.to_string(), "meeting_id"),
    }
}
