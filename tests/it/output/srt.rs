use std::time::Instant;

use bluecast::media::output::{OutputState, SrtSettings};

use super::rig::Rig;
use super::{Watched, measuring, secret};
use crate::support::decode::{Decoder, ages, best_second, sound_behind_picture_ms};
use crate::support::srt::{Listener, free_udp_port};
use crate::support::wait::until_blocking;

fn settings(latency_ms: u32, passphrase: Option<&str>) -> SrtSettings {
    SrtSettings { latency_ms: Some(latency_ms), passphrase: passphrase.and_then(secret), ..SrtSettings::default() }
}

#[test]
fn picture_and_sound_arrive_soon_and_together() {
    let _turn = measuring();
    let rig = Rig::sized(1360, 768, 60);
    for (latency_ms, opus) in [(20, false), (120, false), (20, true)] {
        let port = free_udp_port();
        let decoder = Decoder::srt(port, 20, None, opus);
        let begun = Instant::now();
        let output = Watched::srt(&rig, port, &SrtSettings { latency_ms: Some(latency_ms), opus, ..SrtSettings::default() });
        output.wait(OutputState::Live);
        let live_after = begun.elapsed();
        until_blocking("six seconds of pictures", || (decoder.count() > 200).then_some(()));
        let pictures = &decoder.pictures()[40..];
        let (p50, p95) = ages(pictures);
        let best = best_second(pictures);
        let offset = sound_behind_picture_ms(pictures, &decoder.sounds()).expect("flashes and beeps");
        let (kbps, dropped) = (output.status().kbps, output.status().dropped);
        eprintln!(
            "srt {latency_ms} ms, opus {opus}: p50 {p50} ms, p95 {p95} ms, sound {offset} ms behind, live after {live_after:?}, {kbps} kbps, \
             {dropped} dropped"
        );
        assert!(best <= u64::from(latency_ms) + 500, "pictures are {best} ms old in the best second");
        assert!(offset.abs() <= 45, "the sound is {offset} ms behind");
        assert!(pictures.iter().all(|picture| picture.strip.is_some()), "every picture is whole");
        output.stop();
    }
}

#[test]
fn a_passphrase_opens_and_a_wrong_one_is_said() {
    let (rig, port) = (Rig::start(), free_udp_port());
    let decoder = Decoder::srt(port, 20, Some("correct horse"), false);
    let wrong = Watched::srt(&rig, port, &settings(20, Some("incorrect horse")));
    let reason = wrong.wait_code("rejected");
    assert!(reason.message.contains("often a wrong streamid or passphrase"), "{reason}");
    assert!(!format!("{:?} {:?}", wrong.status(), wrong.events.lock().unwrap()).contains("horse"));
    assert_eq!(decoder.count(), 0);
    wrong.stop();
    let right = Watched::srt(&rig, port, &settings(20, Some("correct horse")));
    right.wait(OutputState::Live);
    until_blocking("pictures", || (decoder.count() > 60).then_some(()));
    assert!(decoder.pictures().iter().skip(10).all(|picture| picture.strip.is_some()));
    assert!(right.status().rtt_ms.is_some());
    right.stop();
}

#[test]
fn the_streamid_arrives_as_it_is() {
    let (rig, listener) = (Rig::start(), Listener::start(None));
    let streamid = "#!::u=me,r=a b/c\"d!e?f&g=%20";
    let settings = SrtSettings { streamid: secret(streamid), ..SrtSettings::default() };
    let output = Watched::srt(&rig, listener.port, &settings);
    output.wait(OutputState::Live);
    let seen = listener.streamids();
    assert!(!seen.is_empty() && seen.iter().all(|one| one == streamid), "{seen:?}");
    output.stop();
}

#[test]
fn a_refused_streamid_is_said() {
    let (rig, listener) = (Rig::start(), Listener::start(Some("good")));
    let settings = SrtSettings { streamid: secret("bad-t0ken"), ..SrtSettings::default() };
    let output = Watched::srt(&rig, listener.port, &settings);
    let reason = output.wait_code("rejected");
    assert!(!reason.message.contains("t0ken"));
    output.stop();
}

#[test]
fn a_listener_that_comes_back_is_live_again_by_itself() {
    let (rig, port) = (Rig::start(), free_udp_port());
    let output = Watched::srt(&rig, port, &settings(20, None));
    output.wait_code("refused");
    let first = Decoder::srt(port, 20, None, false);
    output.wait(OutputState::Live);
    drop(first);
    output.wait(OutputState::BackingOff);
    let second = Decoder::srt(port, 20, None, false);
    let back = Instant::now();
    let status = output.wait(OutputState::Live);
    eprintln!("srt: live again {:?} after the listener", back.elapsed());
    assert_eq!(status.reconnects, 1);
    until_blocking("pictures after the reconnect", || (second.count() > 30).then_some(()));
    output.stop();
}

#[test]
fn silence_is_told_from_refusal() {
    let rig = Rig::start();
    // A socket that takes datagrams and answers none.
    let mute = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let output = Watched::srt(&rig, mute.local_addr().unwrap().port(), &settings(20, None));
    output.wait_code("timed_out");
    output.stop();
}

#[test]
fn stopping_while_connecting_is_prompt() {
    let rig = Rig::start();
    let mute = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let took = (0..5).map(|_| {
        let output = Watched::srt(&rig, mute.local_addr().unwrap().port(), &settings(20, None));
        std::thread::sleep(std::time::Duration::from_millis(200));
        let begun = Instant::now();
        output.stop();
        begun.elapsed()
    });
    let quickest = took.min().unwrap();
    assert!(quickest.as_secs() < 2, "stopping took {quickest:?} at best");
}
