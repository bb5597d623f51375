//! Whatever breaks, it is noticed, nothing else is taken down, and it is all cleared away.

use std::time::Duration;

use bluecast::media::source::browser::{BrowserSource, BrowserSpec};
use bluecast::media::source::{SourceEnd, SourceEvent, Step};
use rustix::process::{Pid, Signal, kill_process};

use super::running::{QUIET, join_url, meeting};
use super::{Running, processes_of};
use crate::support::wait::until;

fn signal(pid: i32, signal: Signal) {
    kill_process(Pid::from_raw(pid).unwrap(), signal).unwrap();
}

/// The page's process, and one that is kept ready.
fn signal_renderers(source: &BrowserSource, what: Signal) {
    let browser = source.children().into_iter().find(|child| child.kind == "browser").unwrap().pid;
    let renderers = processes_of(browser).into_iter().filter(|process| process.contains("--type=renderer"));
    for process in renderers {
        signal(process.split(' ').next().unwrap().parse().unwrap(), what);
    }
}

async fn live() -> (crate::support::bbb::Bbb, Running) {
    let (bbb, meeting) = meeting("trouble").await;
    let mut running = Running::join(&bbb, &meeting).await;
    running.step(Step::AudioJoined).await;
    running.fresh_picture(500).await;
    (bbb, running)
}

async fn expect(mut running: Running, codes: &[&str]) {
    let end = running.end().await;
    let SourceEnd::Failed { error, .. } = end else { panic!("{end:?}") };
    assert!(error.retry && codes.contains(&error.code), "{error:?} is none of {codes:?}");
    running.stop_and_check().await;
}

#[tokio::test]
async fn the_death_of_each_child_is_noticed_as_what_it_is() {
    for (kind, codes) in [
        ("display", &["display_ended", "screen_lost", "browser_ended"][..]),
        ("sound", &["sound_ended", "sound_lost"]),
        ("browser", &["browser_ended"]),
    ] {
        let (_bbb, running) = live().await;
        signal(running.pid(kind), Signal::KILL);
        expect(running, codes).await;
    }
}

#[tokio::test]
async fn a_child_that_stands_still_is_noticed() {
    for (kind, codes) in [
        ("display", &["screen_lost", "browser_stalled"][..]),
        ("sound", &["sound_lost"]),
        ("browser", &["browser_stalled", "page_stalled"]),
    ] {
        let (_bbb, running) = live().await;
        let silences = running.source.stats().silences;
        signal(running.pid(kind), Signal::STOP);
        if kind == "display" {
            // Nothing is said of the picture any more: the program takes the slate.
            until("the silence", async || (running.source.stats().silences > silences).then_some(())).await;
            let silent = running.seen.look(|seen| seen.last_sign.unwrap().elapsed());
            assert!(silent >= Duration::from_millis(250), "{silent:?}");
        }
        expect(running, codes).await;
    }
}

#[tokio::test]
async fn a_page_that_crashes_or_hangs_is_noticed_with_what_it_showed() {
    let (_bbb, mut running) = live().await;
    signal_renderers(&running.source, Signal::KILL);
    let end = running.end().await;
    let SourceEnd::Failed { error, evidence } = end else { panic!("{end:?}") };
    assert!(error.retry && error.code == "page_crashed", "{error:?}");
    assert!(evidence.console.iter().any(|line| line.contains("client loaded")), "{:?}", evidence.console);
    assert!(evidence.screenshot.is_some());
    running.stop_and_check().await;

    let (_bbb, running) = live().await;
    signal_renderers(&running.source, Signal::STOP);
    expect(running, &["page_stalled"]).await;
}

#[tokio::test]
async fn a_page_that_never_gets_ready_leaves_evidence() {
    let (bbb, meeting) = meeting("never").await;
    meeting.never_ready(true);
    let mut running =
        Running::start(join_url(&bbb, &meeting, QUIET), |spec: &mut BrowserSpec| spec.ready_within = Duration::from_secs(15)).await;
    let end = running.end().await;
    let SourceEnd::Failed { error, evidence } = end else { panic!("{end:?}") };
    assert!(error.retry && error.code == "page_not_ready", "{error:?}");
    assert!(evidence.screenshot.is_some_and(|picture| picture.starts_with(&[0xff, 0xd8])));
    assert!(evidence.console.iter().any(|line| line.contains("never ready")), "{:?}", evidence.console);
    assert!(running.seen.look(|seen| seen.pictures.is_empty()));
    running.stop_and_check().await;
}

#[tokio::test]
async fn sound_comes_back_when_only_its_capture_breaks() {
    let (_bbb, mut running) = live().await;
    running.beep().await;
    let folder = std::fs::read_dir(running.runtime.path()).unwrap().next().unwrap().unwrap().path().join("sound");
    let pactl = |args: &[&str]| {
        let output = std::process::Command::new("pactl")
            .args(args)
            .env("PULSE_SERVER", format!("unix:{}", folder.join("socket").display()))
            .env("PULSE_COOKIE", folder.join("cookie"))
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    let streams = pactl(&["list", "short", "source-outputs"]);
    assert_eq!(streams.lines().count(), 1, "{streams}");
    pactl(&["suspend-sink", "meeting", "1"]);
    until("another capture", async || {
        let now = pactl(&["list", "short", "source-outputs"]);
        (!now.is_empty() && now.split('\t').next() != streams.split('\t').next()).then_some(())
    })
    .await;
    pactl(&["suspend-sink", "meeting", "0"]);
    running.seen.look(|seen| seen.sound.clear());
    running.beep().await;
    running.listen();
    assert!(!running.history.iter().any(|event| matches!(event, SourceEvent::Ended(_))), "{:?}", running.history);
    running.stop_and_check().await;
}

#[tokio::test]
async fn an_impossible_profile_and_a_missing_program_are_told() {
    let (bbb, meeting) = meeting("impossible").await;
    for (change, code) in [
        (Box::new(|spec: &mut BrowserSpec| spec.width = 961) as Box<dyn FnOnce(&mut BrowserSpec)>, "bad_profile"),
        (Box::new(|spec: &mut BrowserSpec| spec.fps = 0), "bad_profile"),
        (Box::new(|spec: &mut BrowserSpec| spec.chromium = "/nowhere/chromium".into()), "browser_failed"),
        (Box::new(|spec: &mut BrowserSpec| spec.chromium = "/bin/true".into()), "browser_failed"),
        (Box::new(|spec: &mut BrowserSpec| spec.runtime = "/proc/nowhere".into()), "runtime_folder"),
        (Box::new(|spec: &mut BrowserSpec| spec.ca_file = Some("/nowhere.pem".into())), "ca_file"),
    ] {
        let mut running = Running::start(join_url(&bbb, &meeting, QUIET), change).await;
        let end = running.end().await;
        let SourceEnd::Failed { error, .. } = end else { panic!("{end:?}") };
        assert_eq!(error.code, code, "{error:?}");
        running.stop_and_check().await;
    }
}
