//! A Start that is tried before it: what is there, what is wrong, and that nothing was published.

use std::net::{TcpListener, UdpSocket};

use serde_json::{Value, json};

use super::{start, until_phase};
use crate::support::app::{On, TestApp};
use crate::support::bbb::{Bbb, Failure, Generation};
use crate::support::nginx::{Gate, Nginx, free_port};
use crate::support::ome::{Ome, OmeOptions};
use crate::support::srt::Listener;
use crate::support::tls::Authority;
use crate::support::wait::until;

async fn check(app: &TestApp, request: Value) -> Value {
    app.admin.post("/broadcasts/check", request).await.expect(200)
}

/// Severity and code of what was found of a field.
fn found(report: &Value, field: &str) -> Vec<(String, String)> {
    let of_field = |finding: &&Value| finding["field"].as_str().is_some_and(|name| name == field || name.starts_with(&format!("{field}.")));
    let items = report["findings"].as_array().unwrap().iter().filter(of_field);
    items.map(|finding| (finding["severity"].as_str().unwrap().to_owned(), finding["code"].as_str().unwrap().to_owned())).collect()
}

fn one(severity: &str, code: &str) -> Vec<(String, String)> {
    vec![(severity.to_owned(), code.to_owned())]
}

#[tokio::test(flavor = "multi_thread")]
async fn each_target_is_asked_and_nothing_is_published() {
    let gate = Gate::letting_in("none");
    let (nginx, srt, authority) = (Nginx::guarded(&gate), Listener::start(None), Authority::new());
    let upstream = ([127, 0, 0, 1], nginx.port).into();
    let good = authority.front("localhost", upstream).await;
    let other_name = authority.front("other.example", upstream).await;
    let expired = authority.expired_front("localhost", upstream).await;
    let stranger = Authority::new().front("localhost", upstream).await;
    let ome = Ome::start(OmeOptions::default()).await;
    // Takes connections and says nothing.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let deaf = UdpSocket::bind("127.0.0.1:0").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ca.pem");
    std::fs::write(&file, authority.pem()).unwrap();
    let app = TestApp::start_with(On::Sqlite, &[("BLUECAST_CA_FILE", file.to_str().unwrap())]).await;

    let rtmps = |at: std::net::SocketAddr| format!("rtmps://localhost:{}/live/secret-k3y", at.port());
    let tcp = |listener: &TcpListener| listener.local_addr().unwrap().port();
    let cases = [
        (nginx.url("secret-k3y"), "ok", "target_accepts"),
        (rtmps(good), "ok", "target_accepts"),
        (rtmps(other_name), "error", "tls"),
        (rtmps(expired), "error", "tls"),
        (rtmps(stranger), "error", "tls"),
        (format!("rtmps://localhost:{}/live/secret-k3y", nginx.port), "error", "tls"),
        (format!("rtmp://127.0.0.1:{}/nowhere/secret-k3y", nginx.port), "error", "closed"),
        (format!("rtmp://127.0.0.1:{}/live/secret-k3y", free_port()), "error", "refused"),
        (format!("rtmp://127.0.0.1:{}/live/secret-k3y", tcp(&silent)), "error", "timed_out"),
        (format!("rtmp://127.0.0.1:{}/live/secret-k3y", app.address.port()), "error", "not_rtmp"),
        (format!("srt://127.0.0.1:{}?streamid=secret-k3y", srt.port), "ok", "target_listens"),
        (format!("srt://127.0.0.1:{}", deaf.local_addr().unwrap().port()), "error", "timed_out"),
        (format!("{}&token=secret-k3y", ome.whip_url("app", "name")), "ok", "target_listens"),
        (format!("http://127.0.0.1:{}/api/v1/none", app.address.port()), "warning", "not_found"),
        ("rtmp://with space/live".to_owned(), "error", "bad_target"),
        ("rtmp://10.9.8.7/live/key".to_owned(), "error", "not_permitted"),
    ];
    let targets: Vec<Value> = cases.iter().map(|(url, ..)| json!({ "url": url })).collect();
    // A busy machine may be too late for one of so many at once.
    let report = until("every target to be called what it is", async || {
        let report = check(&app, start(json!({ "targets": targets }))).await;
        let mut good = true;
        for (index, (url, severity, code)) in cases.iter().enumerate() {
            let found = found(&report, &format!("targets[{index}]"));
            if found != one(severity, code) {
                eprintln!("{url} should be {code}, not {found:?}");
                good = false;
            }
        }
        good.then_some(report)
    })
    .await;
    assert_eq!(report["ok"], false);
    assert!(!report.to_string().contains("k3y"), "{report}");
    // The worst comes first, and every finding is a sentence.
    let findings = report["findings"].as_array().unwrap();
    assert_eq!((findings[0]["severity"].as_str(), findings.last().unwrap()["severity"].as_str()), (Some("error"), Some("ok")));
    assert!(findings.iter().all(|finding| finding["message"].as_str().unwrap().ends_with(['.', '”'])), "{report}");

    assert_eq!(gate.asked(), Vec::<String>::new(), "nobody was asked for a publish");
    assert_eq!(srt.streamids(), Vec::<String>::new(), "no SRT connection was made");
    assert_eq!(ome.streams(), Vec::<String>::new(), "no WHIP session was made");
    assert_eq!(app.admin.get("/broadcasts").await.expect(200)["items"], json!([]));
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_server_the_meeting_the_room_and_the_place_are_named_before() {
    let mut bbb = Bbb::start().await;
    bbb.reveal_version("3.0.12");
    let meeting = bbb.meeting("physics 101/ü");
    meeting.people(2);
    let app = TestApp::start_with(On::Sqlite, &[("BLUECAST_NODE_CAPACITY", "0.3")]).await;
    let server = json!({ "name": "The double", "url": bbb.url(), "secret": bbb.secret().reveal() });
    let server = app.admin.post("/servers", server).await.expect(201)["id"].as_str().unwrap().to_owned();
    app.admin.post("/rooms", json!({ "key": "aula", "title": "Aula" })).await.expect(201);
    let request = |more: Value| {
        let mut request = json!({ "server_id": server, "meeting_id": meeting.id(), "room": "aula" });
        for (key, value) in more.as_object().unwrap() {
            request[key] = value.clone();
        }
        request
    };
    let report = check(&app, request(json!({}))).await;
    assert_eq!(report["ok"], true, "{report}");
    assert!(report.to_string().contains("3.0.12") && report.to_string().contains("2 people are in it"), "{report}");
    assert_eq!(found(&report, "meeting_id"), one("ok", "meeting_running"));
    assert_eq!((found(&report, "room"), found(&report, "profile")), (one("ok", "room_free"), one("ok", "capacity")));
    assert_eq!(found(&report, "announce"), []);
    let joins = bbb.requests_of("join").len();

    let report = check(&app, request(json!({ "bot": { "role": "moderator" }, "announce": false, "meeting_id": "later" }))).await;
    assert_eq!(found(&report, "meeting_id"), one("info", "meeting_not_running"));
    assert_eq!((found(&report, "bot"), found(&report, "announce")), (one("warning", "moderator"), one("warning", "not_announced")));

    meeting.breakout_of("physics 101");
    let busy = app.admin.post("/broadcasts", start(json!({ "room": "aula" }))).await.expect(201);
    let report = check(&app, request(json!({ "targets": [{ "origin_id": "none", "stream_name": "x" }], "profile": "1080p30" }))).await;
    assert_eq!(found(&report, "room"), one("error", "room_busy"));
    assert_eq!((found(&report, "profile"), found(&report, "targets[0]")), (one("error", "no_capacity"), one("error", "no_such_origin")));
    assert!(found(&report, "meeting_id").contains(&("warning".to_owned(), "breakout".to_owned())), "{report}");
    app.admin.post(&format!("/broadcasts/{}/stop", busy["id"].as_str().unwrap()), json!({})).await.expect(202);
    until_phase(&app, busy["id"].as_str().unwrap(), "ended").await;

    bbb.change_secret("another");
    let report = check(&app, request(json!({}))).await;
    assert_eq!(found(&report, "server_id"), one("error", "wrong_secret"));
    bbb.fail("getMeetingInfo", Failure::Hang);
    until("a slow server to hold the rest not up", async || {
        let report = check(&app, request(json!({}))).await;
        assert_eq!(report["ok"], false, "{report}");
        (found(&report, "server_id") == one("error", "timed_out") && found(&report, "room") == one("ok", "room_free")).then_some(())
    })
    .await;
    bbb.go_away().await;
    // A kept connection may have to be found dead first.
    until("the server to be called unreachable", async || {
        (found(&check(&app, request(json!({}))).await, "server_id") == one("error", "unreachable")).then_some(())
    })
    .await;

    // What a Start would be refused with is a finding with its field, not a refusal.
    for (body, field, code) in [
        (json!({ "source": "test", "profile": "8k" }), "profile", "bad_profile"),
        (json!({ "source": "test", "layout": "UPSIDE_DOWN" }), "layout", "invalid_field"),
        (json!({ "source": "test", "bot": { "name": "" } }), "bot", "invalid_field"),
        (json!({ "source": "test", "rules": { "dead_minutes": 0 } }), "rules.dead_minutes", "invalid_field"),
        (json!({ "source": "browser" }), "server_id", "invalid_field"),
        (json!({ "source": "native" }), "source", "source_not_available"),
        (json!({ "source": "test", "room": "nowhere" }), "room", "no_such_room"),
    ] {
        let report = check(&app, body.clone()).await;
        assert_eq!(found(&report, field), one("error", code), "{body}: {report}");
    }
    app.admin.post("/broadcasts/check", json!({ "unknown": 1 })).await.problem(422, "unknown_field");
    assert_eq!(bbb.requests_of("join").len(), joins, "nobody was joined");

    let operator = app.user("otto", &["broadcast.operate"]).await;
    let report =
        operator.post("/broadcasts/check", start(json!({ "targets": [{ "url": "rtmp://127.0.0.1:9/app/key" }] }))).await.expect(200);
    assert_eq!(found(&report, "targets[0]"), one("error", "forbidden"), "nobody is called for whom may not");
    app.user("vera", &["broadcast.view"]).await.post("/broadcasts/check", start(json!({}))).await.problem(403, "forbidden");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_server_is_told_by_the_bot_s_name_and_servers_are_tried_before_they_are_kept() {
    let bbb = Bbb::of(Generation::V2_7).await;
    bbb.meeting("m").people(1);
    let app = TestApp::start().await;
    let candidate = json!({ "url": bbb.url(), "secret": bbb.secret().reveal() });
    let found_there = app.admin.post("/servers/test", candidate).await.expect(200);
    assert_eq!((&found_there["ok"], &found_there["meetings"], &found_there["version"]), (&json!(true), &json!(1), &json!("2.7 or before")));
    assert_eq!(app.admin.get("/servers").await.expect(200)["items"], json!([]), "nothing was kept");
    for (candidate, code) in [
        (json!({ "url": bbb.url(), "secret": "guessed" }), "wrong_secret"),
        (json!({ "url": format!("http://127.0.0.1:{}/", free_port()), "secret": "x" }), "unreachable"),
        (json!({ "url": format!("http://{}/", app.address), "secret": "x" }), "not_bbb"),
    ] {
        let found = app.admin.post("/servers/test", candidate).await.expect(200);
        assert_eq!((&found["ok"], found["code"].as_str()), (&json!(false), Some(code)), "{found}");
        assert!(found["detail"].as_str().unwrap().ends_with('.'), "{found}");
    }
    app.admin.post("/servers/test", json!({ "url": "ftp://bbb.example", "secret": "x" })).await.problem(422, "bad_address");

    let kept = json!({ "name": "Old", "url": bbb.url(), "secret": bbb.secret().reveal() });
    let server = app.admin.post("/servers", kept).await.expect(201)["id"].as_str().unwrap().to_owned();
    let found_there = app.admin.post(&format!("/servers/{server}/test"), json!({})).await.expect(200);
    assert_eq!(found_there["ok"], true);
    assert!(!found_there.to_string().contains(bbb.secret().reveal()));
    // The kept secret is used at the kept address only.
    app.admin.post("/servers/test", json!({ "url": bbb.url(), "id": server })).await.expect(200);
    app.admin.post("/servers/test", json!({ "url": "http://127.0.0.1:9/", "id": server })).await.problem(422, "invalid_field");
    app.admin.post("/servers/none/test", json!({})).await.problem(404, "not_found");
    app.user("uma", &["server.use"]).await.post(&format!("/servers/{server}/test"), json!({})).await.problem(403, "forbidden");

    let report = check(&app, json!({ "server_id": server, "meeting_id": "m" })).await;
    assert_eq!(found(&report, "announce"), one("info", "announced_by_name"), "{report}");
    app.stop().await;
}
