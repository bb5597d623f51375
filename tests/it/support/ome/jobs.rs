//! Records and pushes: the book-keeping of them.

use std::sync::Arc;

use serde_json::{Value, json};

use super::super::decode::unix_ms;
use super::api::{Outcome, iso, known};
use super::world::World;

/// A record or a push that was started.
#[derive(Clone, Debug)]
pub(super) struct Job {
    kind: Kind,
    app: String,
    id: String,
    stream: String,
    /// As it was asked for.
    wanted: Value,
    started_ms: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Record,
    Push,
}

impl Job {
    fn tell(&self, world: &World, stopping: bool) -> Value {
        let live = world.find(&format!("{}/{}", self.app, self.stream));
        let ms = unix_ms().saturating_sub(self.started_ms);
        let bytes: u64 = live.iter().flat_map(|stream| stream.ingest().tracks).map(|seen| seen.bytes).sum();
        let mut value = self.wanted.clone();
        value["vhost"] = json!("default");
        value["app"] = json!(self.app);
        value["createdTime"] = json!(iso(self.started_ms));
        value["startTime"] = json!(iso(self.started_ms));
        value["isConfig"] = json!(false);
        let failing = world.lock().pushes_fail;
        value["state"] = json!(match (self.kind, live.is_some()) {
            (Kind::Record, _) if stopping => "stopping",
            (Kind::Record, true) => "recording",
            (Kind::Push, true) if failing => "error",
            // It begins as `ready` and is `pushing` a moment later.
            (Kind::Push, true) if ms > 0 => "pushing",
            _ => "ready",
        });
        let (size, time) = if self.kind == Kind::Record { ("recordBytes", "recordTime") } else { ("sentBytes", "sentTime") };
        value[size] = json!(bytes);
        value[time] = json!(ms);
        if self.kind == Kind::Record {
            value["outputFilePath"] = json!(format!("/records{}", self.wanted["filePath"].as_str().unwrap_or("/record.ts")));
        }
        value
    }
}

/// Does what `:action` says.
pub(super) fn act(world: &Arc<World>, app: &str, action: &str, get: bool, body: &str) -> Option<Outcome> {
    let kind = if action.to_ascii_lowercase().contains("record") { Kind::Record } else { Kind::Push };
    let outcome = match (action, get) {
        ("startRecord" | "startPush", false) => known(world, app).and_then(|()| start(world, app, kind, body)),
        ("stopRecord" | "stopPush", false) => known(world, app).and_then(|()| stop(world, app, kind, body)),
        ("records" | "pushes", _) => known(world, app).map(|()| list(world, app, kind, body)),
        _ => return None,
    };
    Some(outcome.map(|value| (200, value)))
}

fn read(app: &str, body: &str) -> Result<Value, (u16, String)> {
    let value: Option<Value> = serde_json::from_str(body).ok();
    value.filter(Value::is_object).ok_or_else(|| (400, format!("Could not parse json context: [default/{app}]")))
}

fn start(world: &World, app: &str, kind: Kind, body: &str) -> Result<Value, (u16, String)> {
    let wanted = read(app, body)?;
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let (mut id, stream) = (text(&wanted["id"]), text(&wanted["stream"]["name"]));
    if kind == Kind::Push {
        let protocol = text(&wanted["protocol"]);
        if !["rtmp", "srt", "mpegts"].contains(&protocol.as_str()) {
            return Err((400, format!("Could not find protocol '{protocol}': [default/{app}]")));
        }
        if id.is_empty() {
            id = bluecast::id::new();
        }
    }
    let lacking = [("id", id.is_empty()), ("stream.name", stream.is_empty()), ("url", kind == Kind::Push && wanted["url"].is_null())];
    if lacking.iter().any(|(_, lacks)| *lacks) {
        let names: String = lacking.iter().filter(|(_, lacks)| *lacks).map(|(name, _)| format!(" {name}")).collect();
        return Err((400, format!("There is no required parameter [{names}]")));
    }
    let job = Job { kind, app: app.to_owned(), id, stream, wanted, started_ms: unix_ms() };
    {
        let mut state = world.lock();
        if state.jobs.iter().any(|other| (other.kind, &other.app, &other.id) == (kind, &job.app, &job.id)) {
            return Err((400, if kind == Kind::Record { "Duplicate ID already exists" } else { "Duplicate ID" }.to_owned()));
        }
        state.jobs.push(job.clone());
    }
    Ok(job.tell(world, false))
}

fn stop(world: &World, app: &str, kind: Kind, body: &str) -> Result<Value, (u16, String)> {
    let id = read(app, body)?["id"].as_str().unwrap_or_default().to_owned();
    if id.is_empty() {
        return Err((400, "There is no required parameter [ id]".to_owned()));
    }
    let found = {
        let mut state = world.lock();
        let at = state.jobs.iter().position(|job| job.kind == kind && job.app == app && job.id == id);
        at.map(|at| state.jobs.remove(at))
    };
    match (found, kind) {
        (Some(job), Kind::Record) => Ok(job.tell(world, true)),
        (Some(_), Kind::Push) => Ok(Value::Null),
        (None, Kind::Record) => Err((404, format!("There is no record information related to the ID [{id}]"))),
        (None, Kind::Push) => Err((404, format!("Could not find id '{id}': [default/{app}]"))),
    }
}

fn list(world: &World, app: &str, kind: Kind, body: &str) -> Value {
    let id = read(app, body).ok().and_then(|wanted| wanted["id"].as_str().map(str::to_owned));
    let wanted = |job: &&Job| job.kind == kind && job.app == app && id.as_ref().is_none_or(|id| *id == job.id);
    let jobs: Vec<Job> = world.lock().jobs.iter().filter(wanted).cloned().collect();
    jobs.iter().map(|job| job.tell(world, false)).collect()
}
