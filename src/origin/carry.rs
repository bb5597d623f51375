//! What an origin does with a stream besides serving it: record it to a file of its own, push it elsewhere.

use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::json;
use url::Url;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::answer::{Push, Record};
use super::client::{NewPush, NewRecord};
use super::operate::reach;
use crate::account::{Allowed, activity, perm};
use crate::app::App;
use crate::http::{Answer, Json, List, Path, Problem, check, whole};
use crate::secret::Secret;

const FILE_PATH: usize = 200;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(records, start_record))
        .routes(routes!(stop_record))
        .routes(routes!(pushes, start_push))
        .routes(routes!(stop_push))
}

/// A record on an origin.
#[derive(Debug, Serialize, ToSchema)]
struct RecordView {
    id: String,
    stream_name: String,
    /// `ready`, `recording`, `stopping`, `error`.
    state: String,
    /// The file, on the origin's machine.
    file: String,
    bytes: u64,
    milliseconds: u64,
}

impl From<Record> for RecordView {
    fn from(record: Record) -> Self {
        Self {
            id: record.id,
            stream_name: record.stream.name,
            state: record.state,
            file: record.output_file_path,
            bytes: record.record_bytes,
            milliseconds: record.record_time,
        }
    }
}

/// A record to be started. The origin's application needs `<FILE>` among its publishers.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct RecordFields {
    stream_name: String,
    /// Below the origin's folder of records, ending in .ts or .mp4; OME's placeholders such as `${StartTime:YYYYMMDDhhmmss}` are filled in
    /// by it. In .mp4 a stream that came by WHIP has no sound.
    file_path: Option<String>,
}

/// A push from an origin to elsewhere.
#[derive(Debug, Serialize, ToSchema)]
struct PushView {
    id: String,
    stream_name: String,
    /// `ready`, `pushing`, `error`.
    state: String,
    protocol: String,
    /// Where to, without what may be secret.
    to: String,
    bytes: u64,
    milliseconds: u64,
}

impl From<Push> for PushView {
    fn from(push: Push) -> Self {
        Self {
            to: shown(&push.url),
            id: push.id,
            stream_name: push.stream.name,
            state: push.state,
            protocol: push.protocol,
            bytes: push.sent_bytes,
            milliseconds: push.sent_time,
        }
    }
}

/// A push to be started. The origin's application needs `<Push />` among its publishers.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct PushFields {
    stream_name: String,
    /// `rtmp(s)://HOST/APPLICATION` or `srt://HOST:PORT?…`.
    url: String,
    /// For RTMP.
    #[schema(value_type = Option<String>, format = Password)]
    stream_key: Option<Secret>,
}

/// The records under way on an origin.
#[utoipa::path(
    get, path = "/origins/{id}/records", tag = "origin", params(("id" = String, Path)),
    responses((status = 200, body = List<RecordView>), (status = 404, body = Problem), (status = 502, body = Problem))
)]
async fn records(caller: Allowed<perm::OriginManage>, State(app): State<App>, Path(id): Path<String>) -> Answer<Json<List<RecordView>>> {
    let (origin, client) = reach(&app, &caller, &id).await?;
    let records = client.records(&origin.vhost, &origin.app).await?;
    Ok(Json(List::whole(records.into_iter().map(RecordView::from).collect())))
}

/// Begins to record a stream on an origin.
#[utoipa::path(
    post, path = "/origins/{id}/records", tag = "origin", params(("id" = String, Path)), request_body = RecordFields,
    responses((status = 201, body = RecordView), (status = 404, body = Problem), (status = 422, body = Problem), (status = 502, body = Problem))
)]
async fn start_record(
    caller: Allowed<perm::OriginManage>,
    State(app): State<App>,
    Path(id): Path<String>,
    Json(fields): Json<RecordFields>,
) -> Answer<(StatusCode, Json<RecordView>)> {
    let (origin, client) = reach(&app, &caller, &id).await?;
    let stream = check::line("stream_name", &fields.stream_name, 100)?;
    let file_path = match fields.file_path {
        Some(path) => file_path(&path)?,
        None => format!("/{stream}_${{StartTime:YYYYMMDDhhmmss}}.ts"),
    };
    let caller = caller.clone();
    whole(async move {
        let new = NewRecord { id: crate::id::new(), stream, file_path };
        let made = client.start_record(&origin.vhost, &origin.app, &new).await?;
        let detail = json!({ "origin": origin.name, "stream": new.stream, "record": new.id, "file": new.file_path });
        activity::alone(&app.store, &caller, "record.start", &id, detail).await?;
        Ok((StatusCode::CREATED, Json(RecordView { id: new.id, stream_name: new.stream, ..made.into() })))
    })
    .await
}

/// Ends a record; its file appears then.
#[utoipa::path(
    delete, path = "/origins/{id}/records/{record_id}", tag = "origin", params(("id" = String, Path), ("record_id" = String, Path)),
    responses((status = 204), (status = 404, body = Problem), (status = 502, body = Problem))
)]
async fn stop_record(
    caller: Allowed<perm::OriginManage>,
    State(app): State<App>,
    Path((id, record)): Path<(String, String)>,
) -> Answer<StatusCode> {
    let (origin, client) = reach(&app, &caller, &id).await?;
    let caller = caller.clone();
    whole(async move {
        client.stop_record(&origin.vhost, &origin.app, &record).await?;
        activity::alone(&app.store, &caller, "record.stop", &id, json!({ "origin": origin.name, "record": record })).await?;
        Ok(StatusCode::NO_CONTENT)
    })
    .await
}

/// The pushes under way on an origin.
#[utoipa::path(
    get, path = "/origins/{id}/pushes", tag = "origin", params(("id" = String, Path)),
    responses((status = 200, body = List<PushView>), (status = 404, body = Problem), (status = 502, body = Problem))
)]
async fn pushes(caller: Allowed<perm::OriginManage>, State(app): State<App>, Path(id): Path<String>) -> Answer<Json<List<PushView>>> {
    let (origin, client) = reach(&app, &caller, &id).await?;
    let pushes = client.pushes(&origin.vhost, &origin.app).await?;
    Ok(Json(List::whole(pushes.into_iter().map(PushView::from).collect())))
}

/// Has an origin push a stream elsewhere. What comes by WHIP has no sound there: RTMP and SRT take no Opus.
#[utoipa::path(
    post, path = "/origins/{id}/pushes", tag = "origin", params(("id" = String, Path)), request_body = PushFields,
    responses((status = 201, body = PushView), (status = 404, body = Problem), (status = 422, body = Problem), (status = 502, body = Problem))
)]
async fn start_push(
    caller: Allowed<perm::OriginManage>,
    State(app): State<App>,
    Path(id): Path<String>,
    Json(fields): Json<PushFields>,
) -> Answer<(StatusCode, Json<PushView>)> {
    let (origin, client) = reach(&app, &caller, &id).await?;
    let stream = check::line("stream_name", &fields.stream_name, 100)?;
    let url = check::url("url", &fields.url, &["rtmp", "rtmps", "srt"])?;
    let stream_key = fields.stream_key.map(|key| check::secret("stream_key", &key)).transpose()?;
    let protocol = if url.scheme() == "srt" { "srt" } else { "rtmp" };
    let caller = caller.clone();
    whole(async move {
        let to = shown(url.as_str());
        let new = NewPush { id: crate::id::new(), stream, protocol, url: Secret::new(url.as_str()), stream_key };
        let made = client.start_push(&origin.vhost, &origin.app, &new).await?;
        let detail = json!({ "origin": origin.name, "stream": new.stream, "push": new.id, "to": to });
        activity::alone(&app.store, &caller, "push.start", &id, detail).await?;
        Ok((StatusCode::CREATED, Json(PushView { id: new.id, stream_name: new.stream, to, ..made.into() })))
    })
    .await
}

/// Ends a push.
#[utoipa::path(
    delete, path = "/origins/{id}/pushes/{push_id}", tag = "origin", params(("id" = String, Path), ("push_id" = String, Path)),
    responses((status = 204), (status = 404, body = Problem), (status = 502, body = Problem))
)]
async fn stop_push(
    caller: Allowed<perm::OriginManage>,
    State(app): State<App>,
    Path((id, push)): Path<(String, String)>,
) -> Answer<StatusCode> {
    let (origin, client) = reach(&app, &caller, &id).await?;
    let caller = caller.clone();
    whole(async move {
        client.stop_push(&origin.vhost, &origin.app, &push).await?;
        activity::alone(&app.store, &caller, "push.stop", &id, json!({ "origin": origin.name, "push": push })).await?;
        Ok(StatusCode::NO_CONTENT)
    })
    .await
}

/// A path below the folder of records, not out of it.
fn file_path(text: &str) -> Answer<String> {
    let letter = |c: char| c.is_ascii_alphanumeric() || "/_-.${}:".contains(c);
    let text = text.trim().trim_start_matches('/');
    let ends = [".ts", ".mp4"].iter().any(|end| text.len() > end.len() && text.ends_with(end));
    if text.len() > FILE_PATH || !text.chars().all(letter) || !ends || text.split('/').any(|part| matches!(part, "" | "." | "..")) {
        let wanted = "A file's path has at most 200 of the characters A–Z a–z 0–9 / _ - . $ { } : and ends in .ts or .mp4.";
        return Err(Problem::invalid("file_path", wanted));
    }
    Ok(format!("/{text}"))
}

/// Scheme, host and the first part of the path: a key may be in the rest.
fn shown(url: &str) -> String {
    let Ok(url) = Url::parse(url) else { return String::new() };
    let first = url.path().trim_start_matches('/').split('/').next().unwrap_or_default();
    let slash = if first.is_empty() { "" } else { "/" };
    format!("{}://{}{slash}{first}", url.scheme(), crate::reach::http::host(&url))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_stays_in_its_folder() {
        assert_eq!(file_path("a/${Stream}_1.ts").unwrap(), "/a/${Stream}_1.ts");
        assert_eq!(file_path(" /x.mp4").unwrap(), "/x.mp4");
        for wrong in ["", "../x.ts", "a/../../x.ts", "a//x.ts", ".ts", "x.sh", "x y.ts", "ü.ts", &format!("{}.ts", "x".repeat(200))] {
            assert_eq!(file_path(wrong).unwrap_err().field.as_deref(), Some("file_path"), "{wrong}");
        }
    }

    #[test]
    fn no_key_is_shown() {
        assert_eq!(shown("rtmp://host.example/live/key-7"), "rtmp://host.example/live");
        assert_eq!(shown("srt://host.example:9999?streamid=key-7"), "srt://host.example:9999");
        assert_eq!(shown("rubbish"), "");
    }
}
