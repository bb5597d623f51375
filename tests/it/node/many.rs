//! Real processes on one Postgres: started there, taken over, stopped and woken, drained.

use rustix::process::Signal;
use serde_json::json;

use super::door::Door;
use super::{House, node_of, start, until_node, until_view, view};
use crate::support::app::send;
use crate::support::decode::Decoder;
use crate::support::nginx::Nginx;
use crate::support::process::Folders;
use crate::support::wait::until;

#[tokio::test(flavor = "multi_thread")]
async fn an_admin_on_one_node_starts_on_another_which_is_killed_and_the_first_goes_on() {
    let (house, nginx) = (House::new().await, Nginx::start());
    let (near, far) = (Folders::new(), Folders::new());
    let (a, b) = (house.node("a", &near).await, house.node("b", &far).await);
    until_node(&a, "b", "up").await;
    assert_eq!((node_of(&a, "a").await["here"].clone(), node_of(&a, "b").await["here"].clone()), (json!(true), json!(false)));

    let url = nginx.url("over");
    let request = start(json!({ "node": "b", "targets": [{ "url": url }] }));
    let made = a.admin.post("/broadcasts", request).await.expect(201);
    let id = made["id"].as_str().unwrap().to_owned();
    assert_eq!(made["node"], "b");
    until_view(&b, &id, "the target is live", |view| view["targets"][0]["state"] == "live").await;

    // Seen, heard and commanded through the node that does not run it.
    let is_told = |view: &serde_json::Value| view["program"]["fps"].as_f64() > Some(5.0) && view["targets"][0]["state"] == "live";
    let there = until_view(&a, &id, "numbers from there", is_told).await;
    assert_eq!(there["node"], "b");
    let picture = a.admin.request(reqwest::Method::GET, &format!("/api/v1/broadcasts/{id}/snapshot.jpg")).send().await.unwrap();
    assert_eq!((picture.status().as_u16(), picture.headers()["content-type"].to_str().unwrap()), (200, "image/jpeg"));
    assert!(picture.bytes().await.unwrap().starts_with(&[0xff, 0xd8]));
    let graph = a.admin.get(&format!("/broadcasts/{id}/graph.svg")).await;
    assert!(graph.status == 200 && graph.text.contains("<svg"), "{}", graph.text);
    let offer = a.admin.request(reqwest::Method::POST, &format!("/api/v1/broadcasts/{id}/whep"));
    let refused = send(offer.header("content-type", "application/sdp").body("v=0")).await;
    assert_eq!((refused.status, refused.body["code"].as_str()), (422, Some("bad_offer")), "{}", refused.text);
    a.admin.post(&format!("/broadcasts/{id}/pause"), json!({})).await.expect(202);
    until_view(&a, &id, "paused there", |view| view["paused"] == true).await;
    a.admin.post(&format!("/broadcasts/{id}/resume"), json!({})).await.expect(202);
    until_view(&a, &id, "live there", |view| view["paused"] == false).await;

    b.kill();
    let taken = until_view(&a, &id, "taken over", |view| view["node"] == "a" && view["targets"][0]["state"] == "live").await;
    assert_eq!(taken["ended_at"], json!(null));
    let decoder = until("the stream", async || Some(Decoder::rtmp(&url)).filter(|decoder| decoder.error().is_none())).await;
    until("the clock's picture", async || decoder.pictures().iter().any(|picture| picture.strip.is_some()).then_some(())).await;
    let events = a.admin.get(&format!("/broadcasts/{id}/events")).await.expect(200);
    let taken = events["items"].as_array().unwrap().iter().find(|event| event["code"] == "taken_over").unwrap().clone();
    assert!(taken["message"].as_str().unwrap().contains("“b”"), "{taken}");
    until_node(&a, "b", "gone").await;
    let b_id = node_of(&a, "b").await["id"].as_str().unwrap().to_owned();
    a.admin.delete(&format!("/nodes/{b_id}")).await.expect(204);
    assert_eq!(node_of(&a, "b").await, json!(null));

    // What is given back at an orderly end needs no waiting: the next process in the folder, or any other.
    assert!(a.terminate().await.success());
    let a = house.node("a", &near).await;
    until_view(&a, &id, "on the air again", |view| view["targets"][0]["state"] == "live").await;
    // Nor what a killed one had, for whoever holds the lock of its folder.
    a.kill();
    let a = house.node("a", &near).await;
    until_view(&a, &id, "on the air after a kill", |view| view["targets"][0]["state"] == "live").await;
    a.admin.post(&format!("/broadcasts/{id}/stop"), json!({})).await.expect(202);
    until_view(&a, &id, "ended", |view| view["phase"] == "ended").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_was_stopped_beyond_its_lease_falls_silent_when_it_wakes_and_never_rejoins() {
    let (house, nginx) = (House::new().await, Nginx::start());
    let door = Door::to(nginx.port);
    let (near, far) = (Folders::new(), Folders::new());
    let (a, b) = (house.node("a", &near).await, house.node("b", &far).await);
    until_node(&a, "b", "up").await;
    let url = format!("rtmp://127.0.0.1:{}/live/still", door.port);
    let made = a.admin.post("/broadcasts", start(json!({ "node": "b", "targets": [{ "url": url }] }))).await.expect(201);
    let id = made["id"].as_str().unwrap().to_owned();
    until_view(&b, &id, "the target is live", |view| view["targets"][0]["state"] == "live").await;
    until("pictures come in", async || (door.counts()[0] > 20_000).then_some(())).await;

    b.signal(Signal::STOP);
    until_view(&a, &id, "taken over", |view| view["node"] == "a" && view["targets"][0]["state"] == "live").await;
    // The last of them is the new owner's: one that does not get through at once tries again.
    let counts = door.counts();
    assert!(counts.len() >= 2, "{counts:?}");
    let newest = counts.len() - 1;
    b.signal(Signal::CONT);
    // It answers again, knows what is so, and has let go.
    until_view(&b, &id, "it sees who has it", |view| view["node"] == "a").await;
    until("it has taken everything down", async || {
        let log = std::fs::read_to_string(far.log()).unwrap();
        (log.contains("its lease is over") && node_of(&b, "b").await["broadcasts"] == 0).then_some(())
    })
    .await;
    // As much again as both have sent so far, so that it would have had the time to come back.
    let enough = 2 * counts.iter().sum::<usize>();
    until("the other one goes on", async || (door.counts()[newest] > enough).then_some(())).await;
    let after = door.counts();
    assert_eq!(after.len(), counts.len(), "nobody connected again: {after:?}");
    // A goodbye, and no picture: the smallest has more than this.
    assert!(after[0] - counts[0] < 1_000, "{} bytes after it woke", after[0] - counts[0]);
    assert_eq!(view(&a, &id).await["node"], "a");
    let sessions = std::fs::read_to_string(far.log()).unwrap();
    assert!(!sessions.contains("panicked"), "{sessions}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_draining_node_finishes_what_it_has_and_takes_no_more() {
    let house = House::new().await;
    let (near, far) = (Folders::new(), Folders::new());
    let (a, b) = (house.node("a", &near).await, house.node("b", &far).await);
    until_node(&a, "b", "up").await;
    let made = a.admin.post("/broadcasts", start(json!({ "node": "b" }))).await.expect(201);
    let id = made["id"].as_str().unwrap().to_owned();
    until_view(&a, &id, "live there", |view| view["phase"] == "live").await;
    let b_id = node_of(&a, "b").await["id"].as_str().unwrap().to_owned();
    a.admin.delete(&format!("/nodes/{b_id}")).await.problem(409, "node_lives");

    let drained = a.admin.post(&format!("/nodes/{b_id}/drain"), json!({})).await.expect(200);
    assert_eq!(drained["state"], "draining");
    for node in [&b, &a] {
        until("it is heard of", async || {
            let found = node.admin.post("/broadcasts/check", start(json!({ "node": "b" }))).await.expect(200);
            found["findings"].as_array().unwrap().iter().any(|finding| finding["code"] == "node_draining").then_some(())
        })
        .await;
        node.admin.post("/broadcasts", start(json!({ "node": "b" }))).await.problem(503, "node_draining");
    }
    let other = b.admin.post("/broadcasts", start(json!({ "node": "any" }))).await.expect(201);
    assert_eq!(other["node"], "a");
    until_view(&a, &id, "what it has goes on", |view| view["phase"] == "live").await;
    a.admin.post("/broadcasts", start(json!({ "node": "c" }))).await.problem(422, "no_such_node");

    a.admin.post(&format!("/broadcasts/{id}/stop"), json!({})).await.expect(202);
    until_view(&a, &id, "ended", |view| view["phase"] == "ended").await;
    a.admin.post(&format!("/nodes/{b_id}/undrain"), json!({})).await.expect(200);
    until_node(&a, "b", "up").await;
    let log = a.admin.get("/activity").await.expect(200);
    for action in ["node.drain", "node.undrain"] {
        assert!(log["items"].as_array().unwrap().iter().any(|line| line["action"] == action), "{action}");
    }
}
