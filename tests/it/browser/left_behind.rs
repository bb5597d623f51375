//! Two sources at once, and what a process leaves that dies without cleaning up.

use std::fs;
use std::process::{Command, Stdio};
use std::time::Instant;

use bluecast::media::source::Step;
use bluecast::media::source::browser::reap_leftovers;
use rustix::process::{Pid, Signal, kill_process};

use super::running::{BROWSERS, QUIET, Running, join_url, meeting, processes_of};
use crate::support::bbb::Strip;
use crate::support::wait::until;

#[tokio::test]
async fn two_sources_neither_see_nor_hear_each_other() {
    let (bbb, loud) = meeting("loud").await;
    let silent = bbb.meeting("silent");
    silent.people(1).silent(true).strip(Strip::Off);
    let (mut one, mut other) = tokio::join!(Running::join(&bbb, &loud), Running::join(&bbb, &silent));
    one.step(Step::AudioJoined).await;
    other.step(Step::AudioJoined).await;
    other.seen.look(|seen| seen.sound.clear());
    one.fresh_picture(500).await;
    one.beep().await;
    one.seen.look(|seen| seen.sound.clear());
    one.beep().await;
    let beeped_unix_ms = u64::try_from(bluecast::moment::now_ms()).unwrap();
    until("the other's sound up to the beep", async || {
        other.seen.look(|seen| seen.sound.last().is_some_and(|piece| piece.0 >= beeped_unix_ms).then_some(()))
    })
    .await;
    let (loudest, seen) = other.seen.look(|seen| (seen.sound.iter().map(|piece| piece.2).max(), seen.pictures.clone()));
    assert_eq!(loudest, Some(0), "one meeting was heard in the other");
    let mut strips: Vec<_> = seen.iter().filter_map(|picture| picture.strip_ms).collect();
    strips.dedup();
    assert!(strips.len() <= 3, "one meeting was seen in the other: {strips:?}");
    let (one, other) = (one.stop_and_check(), other.stop_and_check());
    tokio::join!(one, other);
}

#[tokio::test]
async fn a_start_that_is_stopped_halfway_leaves_nothing() {
    let (bbb, meeting) = meeting("halfway").await;
    for children in 0..=3 {
        let running = Running::join(&bbb, &meeting).await;
        let started = until("the children", async || Some(running.source.children()).filter(|found| found.len() >= children)).await;
        let runtime = running.runtime.path().to_owned();
        running.source.stop().await;
        for child in started {
            until("the child's end", async || processes_of(child.pid).is_empty().then_some(())).await;
        }
        assert_eq!(fs::read_dir(&runtime).unwrap().count(), 0, "with {children} children");
    }
}

/// Not a test of its own: the process that is killed in the next one.
#[tokio::test]
#[ignore = "run by the next test, in a process of its own"]
async fn a_process_that_will_be_killed() {
    let Some(runtime) = std::env::var_os("BROWSER_TEST_RUNTIME") else { return };
    let (bbb, meeting) = meeting("killed").await;
    let mut running = Running::start(join_url(&bbb, &meeting, QUIET), |spec| spec.runtime = runtime.clone().into()).await;
    running.step(Step::Joined).await;
    let pids: Vec<String> = running.source.children().iter().map(|child| child.pid.to_string()).collect();
    let folder = std::path::PathBuf::from(runtime);
    fs::write(folder.join("pids.new"), pids.join(" ")).unwrap();
    fs::rename(folder.join("pids.new"), folder.join("pids")).unwrap();
    std::future::pending::<()>().await;
}

/// Not a test of its own: a process in which nothing else runs, so that its threads and descriptors can be counted.
#[tokio::test]
#[ignore = "run by the next test, in a process of its own"]
async fn a_process_that_counts() {
    let count = |what: &str| fs::read_dir(format!("/proc/self/{what}")).unwrap().count();
    let (bbb, meeting) = meeting("cycles").await;
    let mut counts = Vec::new();
    for cycle in 0..6 {
        let began = Instant::now();
        let mut running = Running::join(&bbb, &meeting).await;
        running.step(Step::Joined).await;
        let joined = began.elapsed();
        running.fresh_picture(500).await;
        let stopping = Instant::now();
        running.stop_and_check().await;
        until("all pages to be gone", async || meeting.sessions().iter().all(|session| !session.connected).then_some(())).await;
        println!("cycle {cycle}: joined after {joined:?}, stopped in {:?}", stopping.elapsed());
        if cycle >= 2 {
            counts.push((count("fd"), count("task")));
        }
    }
    println!("descriptors and threads: {counts:?}");
    let first = counts[0];
    // What has ended may take a moment to go; what leaks stays.
    until(&format!("few threads and descriptors again: {counts:?}"), async || {
        (count("fd") <= first.0 + 2 && count("task") <= first.1 + 2).then_some(())
    })
    .await;
}

#[tokio::test]
async fn source_after_source_leaves_no_thread_and_no_descriptor() {
    let _browser = BROWSERS.acquire().await.unwrap();
    let output = tokio::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "browser::left_behind::a_process_that_counts", "--ignored", "--nocapture"])
        .stdin(Stdio::null())
        .output()
        .await
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    println!("{said}");
    assert!(output.status.success(), "{said} {}", String::from_utf8_lossy(&output.stderr));
}

#[tokio::test]
async fn the_children_die_with_us_and_the_next_start_clears_up() {
    let _browser = BROWSERS.acquire().await.unwrap();
    let runtime = tempfile::tempdir().unwrap();
    let mut process = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "browser::left_behind::a_process_that_will_be_killed", "--ignored"])
        .env("BROWSER_TEST_RUNTIME", runtime.path())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let pids = runtime.path().join("pids");
    let pids = until("the other process", async || fs::read_to_string(&pids).ok()).await;
    let pids: Vec<i32> = pids.split(' ').map(|pid| pid.parse().unwrap()).collect();
    assert!(pids.iter().all(|pid| !processes_of(*pid).is_empty()));
    assert_eq!(reap_leftovers(runtime.path()), 0, "the other process still runs");
    kill_process(Pid::from_child(&process), Signal::KILL).unwrap();
    process.wait().unwrap();
    assert_eq!(reap_leftovers(runtime.path()), 1);
    for pid in pids {
        until("the children's end", async || processes_of(pid).is_empty().then_some(())).await;
    }
    until("the end of the folder", async || {
        reap_leftovers(runtime.path());
        (!fs::read_dir(runtime.path()).unwrap().flatten().any(|entry| entry.path().is_dir())).then_some(())
    })
    .await;
}
