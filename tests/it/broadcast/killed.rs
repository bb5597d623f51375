//! The program killed, started again, and ended in order.

use std::io::{BufRead, BufReader, Read};

use serde_json::json;

use crate::browser::running::BROWSERS;
use crate::support::bbb::Bbb;
use crate::support::decode::Decoder;
use crate::support::nginx::Nginx;
use crate::support::process::{Folders, Process};
use crate::support::wait::until;

async fn until_phase(process: &Process, id: &str, wanted: &str) {
    until(wanted, async || {
        let view = process.admin.get(&format!("/broadcasts/{id}")).await.expect(200);
        (view["phase"] == wanted).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn after_kill_9_the_same_targets_are_fed_again_and_no_child_is_left() {
    let _browser = BROWSERS.acquire().await.unwrap();
    let (bbb, nginx, folders) = (Bbb::start().await, Nginx::start(), Folders::new());
    let meeting = bbb.meeting("m1");
    meeting.people(2);
    let process = Process::start(&folders).await;
    let server = json!({ "name": "The double", "url": bbb.url(), "secret": bbb.secret().reveal() });
    let server = process.admin.post("/servers", server).await.expect(201);
    let url = nginx.url("a-stream-key");
    let request = json!({
        "server_id": server["id"], "meeting_id": "m1", "targets": [{ "url": url }],
        "profile": "480p30", "overrides": { "width": 640, "height": 360 },
    });
    let id = process.admin.post("/broadcasts", request).await.expect(201)["id"].as_str().unwrap().to_owned();
    until_phase(&process, &id, "live").await;
    until("the target is live", async || {
        let view = process.admin.get(&format!("/broadcasts/{id}")).await.expect(200);
        (view["targets"][0]["state"] == "live").then_some(())
    })
    .await;
    let commands = folders.users();
    assert!(commands.iter().any(|command| command.contains("chromium")), "{commands:?}");
    for secret in ["a-stream-key", bbb.secret().reveal(), "checksum", "sessionToken"] {
        assert!(!commands.iter().any(|command| command.contains(secret)), "{secret} in {commands:?}");
    }

    process.kill();
    until("the children of the dead process are gone", async || folders.users().is_empty().then_some(())).await;

    let process = Process::start(&folders).await;
    assert_eq!(reqwest::get(process.url("/readyz")).await.unwrap().status(), 200);
    let decoder = until("the stream is back", async || {
        let view = process.admin.get(&format!("/broadcasts/{id}")).await.expect(200);
        (view["targets"][0]["state"] == "live").then(|| Decoder::rtmp(&url))
    })
    .await;
    until("a picture, be it the slate", async || (decoder.count() > 0).then_some(())).await;
    until_phase(&process, &id, "live").await;
    until("the meeting's clock", async || decoder.pictures().iter().any(|picture| picture.strip.is_some()).then_some(())).await;

    assert!(process.terminate().await.success());
    until("the children are gone", async || folders.users().is_empty().then_some(())).await;
    let left: Vec<_> = std::fs::read_dir(folders.temporary.path().join(format!("bluecast-{}", rustix::process::geteuid().as_raw())))
        .into_iter()
        .flatten()
        .flatten()
        .collect();
    assert!(left.is_empty(), "{left:?}");
    let log = std::fs::read_to_string(folders.log()).unwrap();
    assert!(log.contains("broadcast"), "{log}");
    for secret in ["a-stream-key", bbb.secret().reveal(), "checksum=", "sessionToken=", crate::support::app::PASSWORD] {
        assert!(!log.contains(secret), "{secret} in the log");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn push_does_it_without_panel_or_database_and_ends_when_told() {
    let (nginx, folders) = (Nginx::start(), Folders::new());
    let url = nginx.url("pushed-key");
    let addresses = folders.data.path().join("addresses");
    std::fs::write(&addresses, format!("{url}\n")).unwrap();
    let mut child = std::process::Command::new(env!("CARGO_BIN_EXE_bluecast"))
        .args(["push", "--source", "test", "--profile", "480p30", "--to-file"])
        .arg(&addresses)
        .env("TMPDIR", folders.temporary.path())
        .current_dir(folders.data.path())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let decoder = until("the stream is there", async || {
        let decoder = Decoder::rtmp(&url);
        for _ in 0..50 {
            if decoder.pictures().iter().any(|picture| picture.strip.is_some()) {
                return Some(decoder);
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        None
    })
    .await;
    let seen = decoder.count();
    until("it goes on", async || (decoder.count() > seen + 10).then_some(())).await;
    let mut said = BufReader::new(child.stdout.take().unwrap());
    let mut lines = String::new();
    while !lines.contains("Live.") {
        assert!(said.read_line(&mut lines).unwrap() > 0, "{lines}");
    }
    rustix::process::kill_process(rustix::process::Pid::from_child(&child), rustix::process::Signal::TERM).unwrap();
    let status = until("push ends", async || child.try_wait().unwrap()).await;
    said.read_to_string(&mut lines).unwrap();
    let said = lines;
    assert!(status.success() && said.contains("Stopped."), "{status}: {said}");
    assert!(!said.contains("pushed-key"), "{said}");
    let made: Vec<_> = std::fs::read_dir(folders.data.path()).unwrap().flatten().map(|entry| entry.file_name()).collect();
    assert_eq!(made, ["addresses"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_meeting_that_ended_while_we_were_down_is_over() {
    let _browser = BROWSERS.acquire().await.unwrap();
    let (bbb, folders) = (Bbb::start().await, Folders::new());
    let meeting = bbb.meeting("short");
    meeting.people(1);
    let process = Process::start(&folders).await;
    let server = json!({ "name": "The double", "url": bbb.url(), "secret": bbb.secret().reveal() });
    let server = process.admin.post("/servers", server).await.expect(201);
    let request = json!({
        "server_id": server["id"], "meeting_id": "short", "profile": "480p30", "overrides": { "width": 640, "height": 360 },
    });
    let id = process.admin.post("/broadcasts", request).await.expect(201)["id"].as_str().unwrap().to_owned();
    until_phase(&process, &id, "live").await;
    process.kill();
    meeting.remove();
    let process = Process::start(&folders).await;
    until_phase(&process, &id, "ended").await;
    let view = process.admin.get(&format!("/broadcasts/{id}")).await.expect(200);
    assert_eq!(view["reason"], "meeting_ended");
    assert!(process.terminate().await.success());
}
