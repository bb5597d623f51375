use std::time::{Duration, Instant};

use bluecast::media::output::{OutputState, TargetUrl};
use bluecast::secret::Secret;

use super::rig::Rig;
use super::{Watched, measuring, secret};
use crate::support::decode::{Decoder, ages, best_second, sound_behind_picture_ms};
use crate::support::nginx::{Gate, Nginx, free_port};
use crate::support::wait::until_blocking;

#[test]
fn picture_and_sound_arrive_soon_and_together() {
    let _turn = measuring();
    let (rig, nginx) = (Rig::sized(1360, 768, 60), Nginx::start());
    let output = Watched::rtmp(&rig, &nginx.url("one"));
    let begun = Instant::now();
    let status = output.wait(OutputState::Live);
    let live_after = begun.elapsed();
    assert_eq!((status.reconnects, status.detail.is_none()), (0, true));
    let decoder = Decoder::rtmp(&nginx.url("one"));
    until_blocking("eight seconds of pictures", || (decoder.count() > 260).then_some(()));
    let pictures = &decoder.pictures()[40..];
    let (p50, p95) = ages(pictures);
    let best = best_second(pictures);
    let offset = sound_behind_picture_ms(pictures, &decoder.sounds()).expect("flashes and beeps");
    let status = output.status();
    eprintln!("rtmp 1360x768: p50 {p50} ms, p95 {p95} ms, sound {offset} ms behind, live after {live_after:?}, {} kbps", status.kbps);
    assert!(best <= 500, "pictures are {best} ms old in the best second");
    assert!(offset.abs() <= 45, "the sound is {offset} ms behind");
    assert!(pictures.iter().all(|picture| picture.strip.is_some()), "every picture is whole");
    assert!(status.kbps > 100 && status.bytes > 100_000, "{status:?}");
    output.stop();
}

#[test]
fn a_server_that_comes_back_is_live_again_by_itself() {
    let (rig, mut nginx) = (Rig::start(), Nginx::start());
    let output = Watched::rtmp(&rig, &nginx.url("one"));
    output.wait(OutputState::Live);
    nginx.kill();
    let reason = output.wait_code("lost");
    assert!(reason.retry && reason.message.contains("127.0.0.1"), "{reason:?}");
    output.wait_code("refused");
    nginx.restart();
    let back = Instant::now();
    let status = output.wait(OutputState::Live);
    eprintln!("rtmp: live again {:?} after the server", back.elapsed());
    assert_eq!((status.reconnects, status.detail.is_none()), (1, true), "{status:?}");
    let decoder = Decoder::rtmp(&nginx.url("one"));
    until_blocking("pictures after the reconnect", || (decoder.count() > 30).then_some(()));
    assert!(decoder.pictures().iter().all(|picture| picture.strip.is_some()));
    // States came in order, and the wait between tries was seen.
    let states: Vec<_> = output.events.lock().unwrap().iter().map(|event| event.state).collect();
    let live = states.iter().position(|state| *state == OutputState::Live).unwrap();
    assert_eq!(states[live..live + 3], [OutputState::Live, OutputState::BackingOff, OutputState::Connecting]);
    output.stop();
}

#[test]
fn a_wrong_key_is_said_and_no_key_is_shown() {
    let gate = Gate::letting_in("right-k3y");
    let (rig, nginx) = (Rig::start(), Nginx::guarded(&gate));
    let address = nginx.url("").trim_end_matches('/').to_owned();
    let wrong = TargetUrl::parse(&address, secret("wr0ng-k3y").as_ref(), None).unwrap();
    let right = TargetUrl::parse(&address, secret("right-k3y").as_ref(), None).unwrap();
    let (wrong, right) = (Watched::to(&rig, wrong), Watched::to(&rig, right));
    right.wait(OutputState::Live);
    assert!(!rig.hub.take_expected_viewers(), "a target that is no WHIP server costs the others no key frames");
    let reason = wrong.wait_code("rejected");
    assert!(reason.message.contains("refused by the server") && reason.message.contains("often a wrong stream key"), "{reason}");
    until_blocking("another try with the wrong key", || (gate.refused() > 1).then_some(()));
    assert_eq!(right.status().state, OutputState::Live);
    let shown = format!("{:?} {:?} {:?}", wrong.status(), wrong.events.lock().unwrap(), right.status());
    assert!(!shown.contains("k3y"), "{shown}");
    wrong.stop();
    right.stop();
}

#[test]
fn keys_with_odd_characters_arrive_as_they_are() {
    let odd = "a!b;c%41&d=e?f#g\\h'i\"j$(k)|l";
    let gate = Gate::letting_in("nothing");
    let (rig, nginx) = (Rig::start(), Nginx::guarded(&gate));
    let address = nginx.url("").trim_end_matches('/').to_owned();
    let output = Watched::to(&rig, TargetUrl::parse(&address, Some(&Secret::new(odd)), None).unwrap());
    let asked = until_blocking("nginx to ask", || gate.asked().first().cloned());
    // nginx-rtmp cuts the arguments off the name and sends both, percent-encoded.
    let named = percent_encoding::percent_decode_str(asked.split("&name=").nth(1).unwrap().split('&').next().unwrap())
        .decode_utf8_lossy()
        .into_owned();
    assert_eq!(named, odd.split('?').next().unwrap(), "{asked}");
    output.stop();
}

#[test]
fn reasons_are_told_apart() {
    let rig = Rig::start();
    let closed = Watched::rtmp(&rig, &format!("rtmp://127.0.0.1:{}/live/key", free_port()));
    let unknown = Watched::rtmp(&rig, "rtmp://no-such-host.invalid/live/key");
    // A server that takes the connection and says nothing.
    let mute = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let silent = Watched::rtmp(&rig, &format!("rtmp://{}/live/key", mute.local_addr().unwrap()));
    // A server that answers, but not as an RTMP server.
    let other = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let wrong = Watched::rtmp(&rig, &format!("rtmps://{}/live/key", other.local_addr().unwrap()));
    let talker = std::thread::spawn(move || {
        let (mut connection, _) = other.accept().unwrap();
        let _ = std::io::Write::write_all(&mut connection, b"HTTP/1.1 400 Bad Request\r\n\r\n");
        other
    });
    closed.wait_code("refused");
    assert!(unknown.wait_code("unknown_host").message.contains("no-such-host.invalid"));
    silent.wait_code("timed_out");
    wrong.wait_code("tls");
    drop(talker.join());
    for output in [closed, unknown, silent, wrong] {
        let begun = Instant::now();
        output.stop();
        assert!(begun.elapsed() < Duration::from_secs(8), "stopping took {:?}", begun.elapsed());
    }
}

#[test]
fn a_stopped_target_disturbs_no_other() {
    let _turn = measuring();
    let rig = Rig::sized(1360, 768, 60);
    let (frozen, healthy) = (Nginx::start(), Nginx::start());
    let (stuck, other) = (Watched::rtmp(&rig, &frozen.url("one")), Watched::rtmp(&rig, &healthy.url("two")));
    stuck.wait(OutputState::Live);
    other.wait(OutputState::Live);
    frozen.freeze();
    let frozen_at = Instant::now();
    let (keys, made, sent) = (rig.key_frames(), rig.bytes(), other.status().bytes);
    std::thread::sleep(Duration::from_secs(12));
    let (keys, made, sent) = (rig.key_frames() - keys, rig.bytes() - made, other.status().bytes - sent);
    let seconds = frozen_at.elapsed().as_secs();
    eprintln!("rtmp: {keys} key frames, {made} bytes made, {sent} sent in {seconds} s; the stopped one is {:?}", stuck.status());
    // One every two seconds by itself, and a few for the healthy one if the machine holds it up; one that goes on asking gets two a second.
    assert!(keys <= seconds / 2 + 5, "{keys} key frames in {seconds} s");
    assert!(sent * 10 >= made * 7, "{sent} of {made} bytes");
    let reason = stuck.wait_code("stalled");
    eprintln!("rtmp: a stopped target noticed after at most {:?}: {reason}", frozen_at.elapsed());
    frozen.thaw();
    stuck.wait(OutputState::Live);
    other.stop();
    stuck.stop();
}

#[test]
fn stopping_is_prompt_in_every_state_and_leaves_nothing_behind() {
    // Threads and descriptors are the process's: counted in one of its own, where no other test runs.
    const ALONE: &str = "BLUECAST_TEST_ALONE";
    if std::env::var_os(ALONE).is_none() {
        let name = "output::rtmp::stopping_is_prompt_in_every_state_and_leaves_nothing_behind";
        let mut again = std::process::Command::new(std::env::current_exe().unwrap());
        let output = again.args([name, "--exact", "--nocapture"]).env(ALONE, "1").output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && said.contains("1 passed"), "{said}");
        return;
    }
    let (rig, nginx) = (Rig::start(), Nginx::start());
    let mute = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let silent = format!("rtmp://{}/live/key", mute.local_addr().unwrap());
    let cycle = |number: usize| {
        let live = Watched::rtmp(&rig, &nginx.url(&format!("cycle{number}")));
        let connecting = Watched::rtmp(&rig, &silent);
        live.wait(OutputState::Live);
        live.stop();
        connecting.stop();
    };
    (0..5).for_each(cycle);
    let count = || (std::fs::read_dir("/proc/self/task").unwrap().count(), std::fs::read_dir("/proc/self/fd").unwrap().count());
    let settled = |_: ()| {
        std::thread::sleep(Duration::from_millis(500));
        count()
    };
    let before = settled(());
    (5..25).for_each(cycle);
    // Threads of GStreamer's pool take a moment to go.
    let after = until_blocking(&format!("threads and descriptors to be as before: {before:?}"), || {
        Some(count()).filter(|now| now.0 <= before.0 && now.1 <= before.1)
    });
    eprintln!("rtmp: threads and descriptors before {before:?} and after 20 cycles {after:?}");
}
