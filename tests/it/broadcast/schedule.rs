//! What starts and ends by itself.

use bluecast::args;
use serde_json::{Value, json};

use super::{codes, start, until_phase, view};
use crate::support::app::{BOTH, On, TestApp, settings};
use crate::support::bbb::Bbb;
use crate::support::postgres;
use crate::support::wait::until;

/// A time on the wall in UTC, so many minutes from now.
fn wall(minutes: i64) -> String {
    let at = bluecast::moment::now_ms() / 1000 + minutes * 60;
    format!("{:02}:{:02}", at / 3600 % 24, at / 60 % 60)
}

async fn preset(app: &TestApp, name: &str, more: Value) -> String {
    let body = json!({ "name": name, "start": start(more) });
    app.admin.post("/presets", body).await.expect(201)["id"].as_str().unwrap().to_owned()
}

async fn schedule(app: &TestApp, name: &str, preset: &str, plan: Value) -> String {
    let body = json!({ "name": name, "preset_id": preset, "plan": plan });
    let id = app.admin.post("/schedules", body).await.expect(201)["id"].as_str().unwrap().to_owned();
    // A minute that was over before the schedule was there would not count.
    app.app.store.run("UPDATE schedules SET changed_ms = changed_ms - 120000 WHERE id = $1", args![&id]).await.unwrap();
    id
}

/// As if it had been set up long ago.
async fn set_up_yesterday(app: &TestApp, id: &str) {
    let before = bluecast::moment::now_ms() - 30 * 3600 * 1000;
    app.app.store.run("UPDATE schedules SET changed_ms = $1 WHERE id = $2", args![before, id]).await.unwrap();
}

async fn last(app: &TestApp, id: &str, state: &str) -> Value {
    let what = format!("what came of the schedule to be {state}");
    until(&what, async || {
        let schedule = app.admin.get(&format!("/schedules/{id}")).await.expect(200);
        // While it is being tried nothing has come of it yet.
        Some(schedule["last"].clone()).filter(|last| last["state"] == state && (state != "trying" || last["detail"] != ""))
    })
    .await
}

async fn activity(app: &TestApp, action: &str) -> Vec<Value> {
    let all = app.admin.get("/activity").await.expect(200);
    all["items"].as_array().unwrap().iter().filter(|entry| entry["action"] == action).cloned().collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schedule_starts_says_so_and_what_was_due_while_nothing_ran_starts_late_or_is_missed() {
    for on in BOTH {
        let app = TestApp::start_with(on, &[("BLUECAST_NODE_CAPACITY", "64")]).await;
        let preset = preset(&app, "Weekly", json!({})).await;
        let minute = bluecast::moment::now_ms() / 60_000;
        let now = schedule(&app, "Now", &preset, json!({ "zone": "UTC", "start": wall(0), "stop": wall(60) })).await;
        let started = last(&app, &now, "started").await;
        let in_its_minute = bluecast::moment::now_ms() / 60_000 == minute;
        let id = started["broadcast_id"].as_str().unwrap();
        until_phase(&app, id, "live").await;
        assert_eq!(view(&app, id).await["started_by"], "schedule: Now");
        // A plan knows minutes: in one that is nearly over when this begins, the start may have become a late one.
        let codes_of_now = codes(&app, id).await;
        let on_time = codes_of_now.contains(&"schedule_start".to_owned());
        assert!(on_time || !in_its_minute && codes_of_now.contains(&"schedule_start_late".to_owned()), "{codes_of_now:?}");
        let begun = activity(&app, "broadcast.start").await;
        assert_eq!((begun.len(), &begun[0]["user"]), (1, &json!("schedule: Now")), "{begun:?}");
        let shown = app.admin.get(&format!("/schedules/{now}")).await.expect(200);
        assert_eq!((&shown["preset_name"], shown["next"].as_array().unwrap().len()), (&json!("Weekly"), 5));

        let late = schedule(&app, "Late", &preset, json!({ "zone": "UTC", "start": wall(-5) })).await;
        set_up_yesterday(&app, &late).await;
        let started = last(&app, &late, "started").await;
        let late_id = started["broadcast_id"].as_str().unwrap();
        assert!(codes(&app, late_id).await.contains(&"schedule_start_late".to_owned()));
        let events = app.admin.get(&format!("/broadcasts/{late_id}/events")).await.text;
        assert!(["5 min late", "6 min late"].iter().any(|late| events.contains(late)), "{events}");

        let missed = schedule(&app, "Missed", &preset, json!({ "zone": "UTC", "start": wall(-30), "grace_minutes": 5 })).await;
        set_up_yesterday(&app, &missed).await;
        last(&app, &missed, "missed").await;
        let told = activity(&app, "schedule.missed").await;
        assert!(told.iter().any(|entry| entry["user"] == "schedule: Missed"), "{told:?}");

        // What is switched off, over, or not yet due does nothing; what cannot start says why and is tried again.
        let off = json!({ "name": "Off", "preset_id": preset, "plan": { "zone": "UTC", "start": wall(0) }, "enabled": false });
        app.admin.post("/schedules", off).await.expect(201);
        schedule(&app, "Tomorrow", &preset, json!({ "zone": "UTC", "start": wall(0), "dates": ["2099-01-01"] })).await;
        app.admin.post("/rooms", json!({ "key": "aula", "title": "Aula" })).await.expect(201);
        let busy = self::preset(&app, "In the room", json!({ "room": "aula" })).await;
        let other = app.admin.post("/broadcasts", start(json!({ "room": "aula" }))).await.expect(201);
        let waits = schedule(&app, "Waits", &busy, json!({ "zone": "UTC", "start": wall(0) })).await;
        let trying = last(&app, &waits, "trying").await;
        assert!(trying["detail"].as_str().unwrap().starts_with("The room has a live broadcast already"), "{trying}");
        assert_eq!(activity(&app, "schedule.failed").await.len(), 1);
        app.admin.post(&format!("/broadcasts/{}/stop", other["id"].as_str().unwrap()), json!({})).await.expect(202);
        until_phase(&app, other["id"].as_str().unwrap(), "ended").await;
        app.app.store.run("UPDATE claims SET taken_until_ms = 0 WHERE owner_id = $1", args![&waits]).await.unwrap();
        last(&app, &waits, "started").await;

        let all: Vec<(String,)> = app.app.store.all("SELECT cause FROM broadcasts WHERE cause IS NOT NULL", args![]).await.unwrap();
        assert_eq!(all.len(), 3, "{all:?}");
        app.admin.delete(&format!("/presets/{busy}")).await.problem(409, "in_use");
        app.admin.delete(&format!("/schedules/{waits}")).await.expect(204);
        app.admin.delete(&format!("/presets/{busy}")).await.expect(204);
        app.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_processes_on_one_database_one_acts() {
    let url = postgres::database().await;
    let a = TestApp::start_with(
        On::Postgres,
        &[("BLUECAST_DATABASE_URL", &url), ("BLUECAST_NODE_NAME", "a"), ("BLUECAST_NODE_CAPACITY", "64")],
    )
    .await;
    let b = TestApp::start_with(
        On::Postgres,
        &[("BLUECAST_DATABASE_URL", &url), ("BLUECAST_NODE_NAME", "b"), ("BLUECAST_NODE_CAPACITY", "64")],
    )
    .await;
    let preset = preset(&a, "Weekly", json!({})).await;
    let mut schedules = Vec::new();
    for n in 0..4 {
        schedules.push(schedule(&a, &format!("Number {n}"), &preset, json!({ "zone": "UTC", "start": wall(0) })).await);
    }
    for id in &schedules {
        last(&b, id, "started").await;
    }
    let started: Vec<(String, String)> = a.app.store.all("SELECT id, cause FROM broadcasts", args![]).await.unwrap();
    assert_eq!(started.len(), 4, "{started:?}");
    assert_eq!(activity(&a, "broadcast.start").await.len(), 4);
    for (id, _) in started {
        a.admin.post(&format!("/broadcasts/{id}/stop"), json!({})).await.expect(202);
    }
    a.stop().await;
    b.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_preset_starts_whenever_its_meeting_runs_and_once_a_run() {
    let bbb = Bbb::start().await;
    let silent = Bbb::start().await;
    silent.fail("getMeetings", crate::support::bbb::Failure::Hang);
    // A browser that never comes up is enough: that it starts is what counts here.
    let app = TestApp::start_with(On::Sqlite, &[("BLUECAST_NODE_CAPACITY", "64"), ("BLUECAST_CHROMIUM", "/bin/false")]).await;
    let mut servers = Vec::new();
    for (name, bbb) in [("good", &bbb), ("silent", &silent)] {
        let server = json!({ "name": name, "url": bbb.url(), "secret": bbb.secret().reveal() });
        servers.push(app.admin.post("/servers", server).await.expect(201)["id"].as_str().unwrap().to_owned());
    }
    for (name, server, meeting) in
        [("Physics", &servers[0], "physics"), ("Chemistry", &servers[0], "chemistry"), ("Silent", &servers[1], "any")]
    {
        let start = json!({ "server_id": server, "meeting_id": meeting, "profile": "480p30" });
        app.admin.post("/presets", json!({ "name": name, "start": start, "auto_start": true })).await.expect(201);
    }
    // The next look asks at once, however long the pause between two would be.
    let ask = async || app.app.store.run("UPDATE claims SET taken_until_ms = 0 WHERE cause LIKE 'ask:%'", args![]).await.unwrap();
    let broadcasts = async || app.admin.get("/broadcasts").await.expect(200)["items"].as_array().unwrap().clone();
    until("the server to be asked", async || (!bbb.requests_of("getMeetings").is_empty()).then_some(())).await;
    assert_eq!(broadcasts().await.len(), 0);

    let meeting = bbb.meeting("physics");
    meeting.people(2);
    let begun = until("the broadcast", async || {
        ask().await;
        broadcasts().await.first().cloned()
    })
    .await;
    let id = begun["id"].as_str().unwrap().to_owned();
    assert_eq!((&begun["meeting_name"], &begun["started_by"]), (&json!("physics"), &json!("preset: Physics")));
    until("it is told", async || codes(&app, &id).await.contains(&"auto_start".to_owned()).then_some(())).await;
    // One question for both presets of the server.
    app.admin.post(&format!("/broadcasts/{id}/stop"), json!({})).await.expect(202);
    until_phase(&app, &id, "ended").await;
    let asked = bbb.requests_of("getMeetings").len();
    until("two more questions", async || {
        ask().await;
        (bbb.requests_of("getMeetings").len() >= asked + 2).then_some(())
    })
    .await;
    assert_eq!(broadcasts().await.len(), 1, "what a person stopped stays off as long as the meeting runs");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broadcast_ends_by_its_rule_and_by_the_clock_and_that_is_on_record() {
    let app = TestApp::start().await;
    let made = app.admin.post("/broadcasts", start(json!({ "rules": { "longest_minutes": 10 } }))).await.expect(201);
    let (long, clock) = (made["id"].as_str().unwrap().to_owned(), {
        let made = app.admin.post("/broadcasts", start(json!({}))).await.expect(201);
        made["id"].as_str().unwrap().to_owned()
    });
    for id in [&long, &clock] {
        until_phase(&app, id, "live").await;
    }
    // Ten minutes pass, and a schedule's stop comes, while the process is down.
    let ago = bluecast::moment::now_ms() - 11 * 60_000;
    let sql = "UPDATE broadcast_events SET at_ms = $1 WHERE broadcast_id = $2 AND code = 'live'";
    app.app.store.run(sql, args![ago, &long]).await.unwrap();
    let terms = json!({ "until": { "at_ms": ago, "schedule": "Weekly" } }).to_string();
    app.app.store.run("UPDATE broadcasts SET rules = $1 WHERE id = $2", args![terms, &clock]).await.unwrap();
    let data = app.stop().await;
    let settings = settings(On::Sqlite, &data, &[]).await;
    let app = TestApp::start_in(data, settings).await;
    for (id, code, by) in [(&long, "rule_longest", "rule: longest time"), (&clock, "schedule_stop", "schedule: Weekly")] {
        assert_eq!(until_phase(&app, id, "ended").await["reason"], "limit");
        assert!(codes(&app, id).await.contains(&code.to_owned()));
        let stopped = activity(&app, "broadcast.stop").await;
        assert!(stopped.iter().any(|entry| entry["user"] == by && entry["subject"] == **id), "{by} in {stopped:?}");
    }
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn plans_are_tried_before_they_are_kept_and_only_by_those_who_may() {
    let app = TestApp::start().await;
    let next = app
        .admin
        .post("/schedules/check", json!({ "zone": "asia/kolkata", "start": "10:00", "stop": "11:30", "days": ["mon"] }))
        .await
        .expect(200);
    let first = next["items"][0].clone();
    assert!(first["starts_at"].as_str().unwrap().contains("T04:30:00"), "{first}");
    assert!(first["stops_at"].as_str().unwrap().contains("T06:00:00"), "{first}");
    app.admin.post("/schedules/check", json!({ "zone": "Nowhere", "start": "10:00" })).await.problem(422, "invalid_field");
    let preset = preset(&app, "Weekly", json!({})).await;
    for (body, field) in [
        (json!({ "name": "a", "preset_id": preset, "plan": { "zone": "UTC", "start": "25:00" } }), "plan.start"),
        (json!({ "name": "a", "preset_id": "none", "plan": { "zone": "UTC", "start": "10:00" } }), "preset_id"),
        (json!({ "name": "", "preset_id": preset, "plan": { "zone": "UTC", "start": "10:00" } }), "name"),
    ] {
        let answer = app.admin.post("/schedules", body.clone()).await;
        assert_eq!((answer.status, answer.body["field"].as_str()), (422, Some(field)), "{body}: {}", answer.text);
    }
    let id = schedule(&app, "Weekly", &preset, json!({ "zone": "UTC", "start": "10:00", "dates": ["2099-01-01"] })).await;
    let taken = json!({ "name": "weekly", "preset_id": preset, "plan": { "zone": "UTC", "start": "10:00" } });
    app.admin.post("/schedules", taken).await.problem(409, "name_taken");
    let changed = app.admin.patch(&format!("/schedules/{id}"), json!({ "enabled": false })).await.expect(200);
    assert_eq!((&changed["enabled"], &changed["next"]), (&json!(false), &json!([])));
    let viewer = app.user("vera", &["broadcast.view"]).await;
    viewer.get("/schedules").await.problem(403, "forbidden");
    viewer.delete(&format!("/schedules/{id}")).await.problem(403, "forbidden");
    app.admin.delete(&format!("/schedules/{id}")).await.expect(204);
    app.admin.get(&format!("/schedules/{id}")).await.problem(404, "not_found");
    app.stop().await;
}
