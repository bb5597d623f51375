//! The program does what its API's document says: schemathesis asks it thousands of things, sensible and not, and compares the answers.

use std::fmt::Write as _;
use std::process::Stdio;
use std::time::Duration;

use bluecast::store::args;
use serde_json::{Value, json};
use tokio::process::Command;

use crate::support::app::{On, PASSWORD, TestApp};
use crate::support::bbb::Bbb;

/// Where `scripts/prepare test` puts it.
const SCHEMATHESIS: &str = concat!(env!("CARGO_TARGET_TMPDIR"), "/../schemathesis/bin/schemathesis");
/// Ours for it.
const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/house/schemathesis");
/// Requests to one call in the phase that makes them up; the phase of edge cases makes as many as there are edges.
const EXAMPLES: &str = "5";
/// A minute on two quiet cores; this many times as long on busy ones.
const WITHIN: Duration = Duration::from_secs(600);

/// Things that calls can be about, so that not all of them are about nothing.
async fn furnish(app: &TestApp, bbb: &Bbb) -> Vec<(&'static str, &'static str, String)> {
    bbb.meeting("physics").name("Physics").people(2);
    let made = async |path: &str, body: Value| app.admin.post(path, body).await.expect(201);
    let id = |thing: &Value| thing["id"].as_str().unwrap().to_owned();
    let server = id(&made("/servers", json!({ "name": "Faculty", "url": bbb.url(), "secret": bbb.secret().reveal() })).await);
    // Nothing listens there, and what asks it is told so at once.
    let origin =
        json!({ "name": "Cellar", "app": "app", "rtmp_url": "rtmp://127.0.0.1:9", "api_url": "http://127.0.0.1:9", "api_token": "a:b" });
    let origin = id(&made("/origins", origin).await);
    made("/rooms", json!({ "key": "hall", "title": "Hall" })).await;
    let start = json!({ "source": "browser", "server_id": server, "meeting_id": "none", "room": "hall" });
    let preset = id(&made("/presets", json!({ "name": "Weekly", "start": start })).await);
    let plan = json!({ "zone": "UTC", "start": "10:00", "dates": ["2099-01-01"] });
    let schedule = id(&made("/schedules", json!({ "name": "Once", "preset_id": preset, "plan": plan })).await);
    let webhook = id(&made("/webhooks", json!({ "name": "Board", "url": "http://127.0.0.1:9/hook" })).await);
    let group = id(&made("/groups", json!({ "name": "Physics" })).await);
    let role = id(&made("/roles", json!({ "name": "Operator", "permissions": ["broadcast.view"] })).await);
    let user = id(&made("/users", json!({ "name": "ada", "password": PASSWORD, "permissions": ["broadcast.view"] })).await);
    let sql = "INSERT INTO broadcasts (id, server_id, meeting_id, meeting_name, source, profile, overrides, bot_name, bot_role, layout, announce, \
               voice_filter, again, desired, phase, paused, reason, node, started_by, started_ms, ended_ms) \
               VALUES ('b1', $1, 'physics', 'Physics', 'browser', '720p30', '', '', '', '', 0, 0, 0, 0, 'ended', 0, 'stopped', '', 'admin', 1, 2)";
    app.app.store.run(sql, args![&server]).await.unwrap();
    [
        ("servers", "id", server),
        ("origins", "id", origin),
        ("rooms", "key", "hall".to_owned()),
        ("presets", "id", preset),
        ("schedules", "id", schedule),
        ("webhooks", "id", webhook),
        ("groups", "id", group),
        ("roles", "id", role),
        ("users", "id", user),
        ("broadcasts", "id", "b1".to_owned()),
    ]
    .into()
}

/// What schemathesis is told: where these things are. Their removal is asked of ids that are made up, or the rest would find nothing.
fn settings(things: &[(&str, &str, String)]) -> String {
    let mut text = format!("hooks = {:?}\n", format!("{FOLDER}/hooks.py"));
    // Said on purpose, and in the document: nobody answers where the origin should be, and there is no core for a broadcast. A mistake is a 500.
    text += "[checks]\nnot_a_server_error.expected-statuses = [\"2xx\", \"3xx\", \"4xx\", 502, 503]\n";
    for (collection, parameter, id) in things {
        write!(
            text,
            "[[operations]]\ninclude-path-regex = \"^/api/v1/{collection}/\\\\{{{parameter}\\\\}}\"\nexclude-method = \"DELETE\"\nparameters = {{ \"path.{parameter}\" = {id:?} }}\n"
        )
        .unwrap();
    }
    text
}

#[tokio::test(flavor = "multi_thread")]
async fn schemathesis_finds_nothing() {
    // With hardly a core to spend nothing gets on the air: media has tests of its own, and this one would wait for it.
    let app = TestApp::start_with(On::Sqlite, &[("BLUECAST_NODE_CAPACITY", "0.001")]).await;
    let bbb = Bbb::start().await;
    let things = furnish(&app, &bbb).await;
    let token = app.admin.post("/tokens", json!({ "name": "test", "scopes": ["system.admin"] })).await.expect(201);
    let token = token["token"].as_str().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("schemathesis.toml");
    std::fs::write(&config, settings(&things)).unwrap();

    let run = Command::new(SCHEMATHESIS)
        .current_dir(folder.path())
        .arg("--config-file")
        .arg(&config)
        .args(["run", &format!("http://{}/api/v1/openapi.json", app.address)])
        .args(["--header", &format!("Authorization: Bearer {token}")])
        .args(["--phases", "examples,coverage,fuzzing", "--max-examples", EXAMPLES])
        // What it makes up is the same at every run: a seed that is fixed, and no memory.
        .arg("--generation-deterministic")
        // All but one: whether a request that fits the schema is accepted. Names that are taken, ids that do not exist, keys used twice and
        // fields that exclude each other are refused with good reason, and no schema can say them.
        .args(["--checks", "all", "--exclude-checks", "positive_data_acceptance"])
        // It does not end by itself.
        .args(["--exclude-path", "/api/v1/events"])
        .args(["--request-timeout", "60", "--continue-on-failure", "--no-color"])
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    let output = tokio::time::timeout(WITHIN, run).await.expect("schemathesis ends");
    let output = output.unwrap_or_else(|error| panic!("{SCHEMATHESIS}: {error}; `scripts/prepare test` installs it"));
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{told}\n{}", String::from_utf8_lossy(&output.stderr));

    // It has asked, and not only been turned away.
    let activity = app.app.store.one::<(i64,)>("SELECT COUNT(*) FROM activity WHERE user_name = 'admin'", args![]).await.unwrap();
    assert!(activity.0 > 100, "{}: {told}", activity.0);
    app.stop().await;
}
