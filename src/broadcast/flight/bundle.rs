//! All that is known of a broadcast, in one archive.

use std::io::{Cursor, Write};

use serde_json::json;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use super::super::model::Row;
use super::super::session::Session;
use super::super::{evidence, routes, store};
use super::chart;
use crate::app::App;
use crate::http::{Answer, Problem};
use crate::media::graph;
use crate::moment::rfc3339;
use crate::telemetry;

/// Pages of events that are read, newest first.
const PAGES: usize = 10;

const README: &str = "The flight recorder of a broadcast, for whoever is to find out what happened.\n\n\
    broadcast.json      what it was, where it went, how it stands\n\
    events.txt          what happened, in order\n\
    log.txt             the last lines of the log about it, on this node, since the process began\n\
    samples.csv         its last ten minutes, a line a second; graphs.svg draws them\n\
    pipelines.svg       the pipelines, where it is still on the air; picture.jpg what goes out\n\
    page.png, page.jpg  what the meeting's page showed when it last went wrong; console.txt the last lines of its console\n\n\
    Stream keys, tokens, passwords and secrets are left out. Pictures show what was on the air, people included.\n";

/// Makes the archive.
pub(in crate::broadcast) async fn bundle(app: &App, row: &Row) -> Answer<Vec<u8>> {
    let scrub = app.supervisor.known_secrets(row).await?;
    let samples = app.supervisor.samples(&row.id, -1);
    let session = app.supervisor.session(&row.id);
    let mut files: Vec<(&str, Vec<u8>)> = vec![
        ("README.txt", README.into()),
        ("broadcast.json", scrub.clean(about(app, row).await?).into_bytes()),
        ("events.txt", scrub.clean(events(app, row).await?).into_bytes()),
        ("log.txt", scrub.clean(telemetry::lines_about(&row.id).join("\n")).into_bytes()),
        ("samples.csv", samples.csv().into_bytes()),
        ("graphs.svg", scrub.clean(chart::svg(&samples)).into_bytes()),
    ];
    if let Some(session) = session {
        files.push(("pipelines.svg", scrub.clean(graph::svg(session.program().clock())).into_bytes()));
        files.extend(picture(&session).await);
    }
    let read = |name| evidence::read(&app.settings.data_dir, &row.id, name);
    if let Some(page) = read("screenshot").await {
        files.push((if page.starts_with(b"\x89PNG") { "page.png" } else { "page.jpg" }, page));
    }
    if let Some(console) = read("console.txt").await {
        files.push(("console.txt", scrub.clean(String::from_utf8_lossy(&console).into_owned()).into_bytes()));
    }
    tokio::task::spawn_blocking(move || archive(files)).await.map_err(Problem::internal)?.map_err(Problem::internal)
}

async fn picture(session: &Session) -> Option<(&'static str, Vec<u8>)> {
    Some(("picture.jpg", session.snapshot().await.ok()?.to_vec()))
}

async fn about(app: &App, row: &Row) -> Answer<String> {
    let view = routes::show(app, row.clone()).await?;
    let about = json!({
        "broadcast": view, "layout": row.layout, "bot_role": row.bot_role, "announce": row.announce == 1, "rules": row.rules,
        "overrides": row.overrides, "epoch": row.epoch, "preset_id": row.preset_id, "cause": row.cause,
        "bluecast": env!("CARGO_PKG_VERSION"), "gstreamer": gstreamer::version_string().to_string(), "node": app.supervisor.node(),
    });
    Ok(serde_json::to_string_pretty(&about).unwrap_or_default())
}

async fn events(app: &App, row: &Row) -> Answer<String> {
    let mut pages = Vec::new();
    let mut before: Option<String> = None;
    for _ in 0..PAGES {
        let page = store::events(&app.store, &row.id, before.as_deref()).await?;
        let Some(first) = page.first() else { break };
        before = Some(first.id.clone());
        pages.push(page);
    }
    let lines = pages.into_iter().rev().flatten().map(|event| format!("{} {:24} {}\n", rfc3339(event.at_ms), event.code, event.message));
    Ok(lines.collect())
}

fn archive(files: Vec<(&str, Vec<u8>)>) -> zip::result::ZipResult<Vec<u8>> {
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in files {
        archive.start_file(name, SimpleFileOptions::default().compression_method(CompressionMethod::Stored))?;
        archive.write_all(&content)?;
    }
    Ok(archive.finish()?.into_inner())
}
