use std::time::{Duration, Instant};

use bluecast::media::output::{OutputState, OutputStatus};
use bluecast::media::packet::Track;
use bluecast::media::strip;

use super::super::rig::Rig;
use super::super::{Watched, measuring};
use super::{ome, on, spec};
use crate::support::ome::{Ome, OmeOptions};
use crate::support::wait::until_blocking;

#[test]
fn picture_and_sound_arrive_untouched_soon_and_together() {
    let _turn = measuring();
    let (ome, rig) = (ome(), Rig::sized(1360, 768, 60));
    let begun = Instant::now();
    let output = Watched::with(&rig, spec(&ome, "one"));
    let status = output.wait(OutputState::Live);
    let live_after = begun.elapsed();
    assert_eq!((status.reconnects, status.detail.is_none()), (0, true));
    on(ome.wait_for_stream("app/one"));
    let decoded = ome.decode("app/one");
    until_blocking("eight beeps", || (decoded.beeps().len() >= 8).then_some(()));
    let pictures = decoded.pictures();
    let mut ages: Vec<u64> =
        pictures[10..].iter().filter_map(|picture| picture.strip_ms.map(|shown| strip::age_ms(picture.arrived_unix_ms, shown))).collect();
    let median = |second: &[u64]| {
        let mut second = second.to_vec();
        second.sort_unstable();
        second[second.len() / 2]
    };
    // A busy machine falls behind and catches up.
    let best = ages.chunks_exact(30).map(median).min().unwrap();
    ages.sort_unstable();
    let (p50, p95) = (ages[ages.len() / 2], ages[ages.len() * 95 / 100]);
    let offsets = decoded.beep_after_flash_ms();
    let ingest = ome.ingest("app/one");
    let status = output.status();
    eprintln!("whip 1360x768: p50 {p50} ms, p95 {p95} ms, sound behind {offsets:?} ms, live after {live_after:?}\n{ingest:?}\n{status:?}");
    assert!(pictures.iter().all(|picture| (picture.width, picture.height) == (1360, 768) && picture.strip_ms.is_some()));
    assert!(decoded.in_order() && decoded.errors() == 0);
    assert!(best <= 500, "pictures are {best} ms old in the best second");
    let mut sorted = offsets.clone();
    sorted.sort_unstable();
    assert!(sorted.get(sorted.len() / 2).is_some_and(|offset| offset.abs() <= 45), "{offsets:?}");

    let (video, audio) = (ingest.track(Track::H264).unwrap(), ingest.track(Track::Opus).unwrap());
    assert!(video.format.contains("packetization-mode=1") && video.format.contains("profile-level-id=42"), "{}", video.format);
    assert!(audio.stereo && audio.format.contains("sprop-stereo=1"), "{}", audio.format);
    assert_eq!((video.lost, video.foreign, video.backwards, audio.lost, audio.foreign, audio.backwards), (0, 0, 0, 0, 0, 0), "{ingest:?}");
    assert_eq!(ingest.false_reports(), 0, "{ingest:?}");
    // Reports came as soon as media flowed, and come often.
    assert!([video, audio].iter().all(|track| track.first_unit_ms.is_some_and(|ms| ms < 3000)), "{ingest:?}");
    assert!(video.reports >= 8 && audio.reports >= 8, "{ingest:?}");

    assert!(status.kbps > 100 && status.bytes > 100_000, "{status:?}");
    assert!(status.rtt_ms.is_some_and(|rtt| rtt < 1000.0), "{status:?}");
    assert_eq!(status.loss_percent, Some(0.0), "{status:?}");

    let offer = ome.requests().into_iter().find(|request| request.method == "POST").unwrap();
    assert_eq!(offer.header("content-type"), Some("application/sdp"));
    let lines = |start: &str| offer.body.lines().filter(|line| line.starts_with(start)).count();
    assert_eq!((lines("m="), lines("a=rtpmap:"), lines("a=sendonly")), (2, 2, 2), "{}", offer.body);
    assert!(lines("a=candidate:") > 0, "{}", offer.body);

    output.stop();
    assert_eq!(ome.streams(), Vec::<String>::new());
    let last = ome.requests().into_iter().last().unwrap();
    assert_eq!((last.method.as_str(), last.status), ("DELETE", 200));
    assert!(last.header("if-match").is_some());
}

fn live_again(output: &Watched, reconnects: u32) -> OutputStatus {
    until_blocking(&format!("the output to be live again: {:?}", output.status()), || {
        Some(output.status()).filter(|status| status.state == OutputState::Live && status.reconnects == reconnects)
    })
}

#[test]
fn a_server_that_goes_and_comes_back_is_live_again_by_itself() {
    let (mut ome, rig) = (ome(), Rig::start());
    let output = Watched::with(&rig, spec(&ome, "one"));
    output.wait(OutputState::Live);
    on(ome.wait_for_stream("app/one"));
    assert!(rig.hub.take_expected_viewers(), "who waited for the stream comes now");
    let gone = Instant::now();
    ome.stop();
    output.wait_code("refused");
    eprintln!("whip: a dead server noticed and called again after {:?}: {:?}", gone.elapsed(), output.status().detail);
    assert!(!rig.hub.take_expected_viewers());
    on(ome.restart());
    live_again(&output, 1);
    assert!(rig.hub.take_expected_viewers(), "whom the server lost with the push comes now");
    on(ome.wait_for_stream("app/one"));
    let decoded = ome.decode("app/one");
    until_blocking("pictures after the reconnect", || (decoded.pictures().len() > 30).then_some(()));
    assert!(decoded.pictures().iter().all(|picture| picture.strip_ms.is_some()));
    let ingest = ome.ingest("app/one");
    assert_eq!(ingest.false_reports(), 0, "{ingest:?}");
    output.stop();
}

#[test]
fn a_stream_that_the_server_drops_without_a_word_is_noticed() {
    let (ome, rig) = (ome(), Rig::start());
    let (dropped, other) = (Watched::with(&rig, spec(&ome, "one")), Watched::with(&rig, spec(&ome, "two")));
    dropped.wait(OutputState::Live);
    other.wait(OutputState::Live);
    on(ome.wait_for_stream("app/one"));
    // It reports so often by now that silence is known from slowness.
    until_blocking("a few reports", || (ome.ingest("app/one").firs >= 1 && dropped.status().rtt_ms.is_some()).then_some(()));
    let gone = Instant::now();
    ome.kill_source("app/one");
    let reason = dropped.wait_code("stalled");
    eprintln!("whip: a stream dropped without a word noticed after {:?}: {reason}", gone.elapsed());
    live_again(&dropped, 1);
    on(ome.wait_for_stream("app/one"));
    assert_eq!(other.status().reconnects, 0);
    assert_eq!(other.status().state, OutputState::Live);
    dropped.stop();
    other.stop();
}

#[test]
fn key_frames_come_when_they_are_asked_for_and_no_oftener_for_a_habit() {
    // A key frame by itself every 20 s only; a FIR every half second.
    let options = OmeOptions { fir_every: Duration::from_millis(500), ..OmeOptions::default() };
    let (ome, rig) = (on(Ome::start(options)), Rig::sized(480, 270, 600));
    let output = Watched::with(&rig, spec(&ome, "one"));
    output.wait(OutputState::Live);
    on(ome.wait_for_stream("app/one"));
    let (keys, firs, begun) = (rig.key_frames(), ome.ingest("app/one").firs, Instant::now());
    until_blocking("a dozen requests", || (ome.ingest("app/one").firs >= firs + 12).then_some(()));
    let (keys, seconds) = (rig.key_frames() - keys, begun.elapsed().as_secs_f64());
    eprintln!("whip: {keys} key frames in {seconds:.1} s");
    #[expect(clippy::cast_precision_loss, reason = "a handful of key frames")]
    let a_second = keys as f64 / seconds;
    // The double's own limits pass on fewer than it counts.
    assert!(keys >= 2 && a_second <= 1.2, "{keys} key frames in {seconds} s");
    output.stop();
}
