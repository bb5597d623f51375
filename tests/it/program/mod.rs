//! Latch, encoder, test source, slate: what comes out, decoded.

use std::time::{Duration, Instant};

use bluecast::media::clock::MediaClock;
use bluecast::media::packet::Track;
use bluecast::media::profile::{Overrides, Profile};
use bluecast::media::program::{Program, ProgramSpec};
use bluecast::media::slate;
use bluecast::media::source::test::TestSource;
use bluecast::media::source::{SourceEvent, Step};
use bluecast::media::{snapshot, strip};

use crate::support::hub_decode::{Decoded, Picture};
use crate::support::wait::{until, within};

fn program(profile: &Profile) -> Program {
    gstreamer::init().unwrap();
    let spec = ProgramSpec {
        profile: profile.clone(),
        slate: slate::render_card("A lecture on patience", profile).unwrap(),
        voice_filter: false,
        sound_offset_ms: 0,
    };
    Program::start(spec, MediaClock::new()).unwrap()
}

fn small() -> Profile {
    let overrides = Overrides { width: Some(640), height: Some(360), key_interval_ms: Some(1000), ..Overrides::default() };
    Profile::named("480p30").unwrap().with(&overrides).unwrap()
}

fn age_ms(picture: &Picture) -> Option<u64> {
    picture.strip_ms.map(|shown| strip::age_ms(picture.arrived_unix_ms, shown))
}

async fn source(program: &Program) -> (TestSource, tokio::sync::mpsc::Receiver<SourceEvent>) {
    let (events, mut received) = tokio::sync::mpsc::channel(16);
    let source = TestSource::start(program.profile(), program.input(), program.clock().clone(), events).unwrap();
    assert!(matches!(received.recv().await, Some(SourceEvent::Step(Step::Joined))));
    (source, received)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_slate_then_the_clock_then_the_slate_again() {
    let program = program(&small());
    let decoded = Decoded::attach(&program, &[Track::H264]);
    until("the slate", async || decoded.pictures().iter().find(|picture| picture.strip_ms.is_none()).map(drop)).await;
    assert!(!program.shows_source());

    let (source, _events) = source(&program).await;
    until("the clock, fresh", async || decoded.pictures().iter().find(|p| age_ms(p).is_some_and(|age| age < 500)).map(drop)).await;
    until("the program to say so", async || program.shows_source().then_some(())).await;
    until("thirty pictures a second", async || (program.stats().distinct_fps > 25.0).then_some(())).await;

    source.stop().await;
    until("the slate", async || {
        decoded.clear();
        tokio::time::sleep(Duration::from_millis(200)).await;
        let pictures = decoded.pictures();
        (!pictures.is_empty() && pictures.iter().all(|picture| picture.strip_ms.is_none())).then_some(())
    })
    .await;
    assert_eq!(program.stats().encoder_restarts, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn paused_is_slate_and_silence_and_a_receiver_never_loses_the_program() {
    let program = program(&small());
    let decoded = Decoded::attach(&program, &[Track::H264, Track::Opus]);
    let (source, _events) = source(&program).await;
    until("picture and beep", async || {
        (decoded.pictures().iter().any(|p| p.strip_ms.is_some()) && decoded.beeps().len() > 1).then_some(())
    })
    .await;
    program.pause(true);
    until("slate and silence", async || {
        decoded.clear();
        tokio::time::sleep(Duration::from_millis(1300)).await;
        let pictures = decoded.pictures();
        (!pictures.is_empty() && pictures.iter().all(|p| p.strip_ms.is_none()) && decoded.heard() && decoded.beeps().is_empty())
            .then_some(())
    })
    .await;
    program.pause(false);
    decoded.clear();
    until("the clock and the beep again", async || {
        (decoded.pictures().iter().any(|p| p.strip_ms.is_some()) && !decoded.beeps().is_empty()).then_some(())
    })
    .await;
    assert_eq!(decoded.errors(), 0, "the decoder saw one unbroken stream");
    source.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn beeps_meet_their_flashes_in_both_codecs() {
    let program = program(&small());
    for sound in [Track::Opus, Track::Aac] {
        let decoded = Decoded::attach(&program, &[Track::H264, sound]);
        let (source, _events) = source(&program).await;
        let offsets = until("four flashes and beeps", async || {
            let offsets = decoded.beep_after_flash_ms();
            (offsets.len() >= 4).then_some(offsets)
        })
        .await;
        source.stop().await;
        // The first may fall into the joining of the source.
        let mut sorted = offsets[1..].to_vec();
        sorted.sort_unstable();
        assert!((-45..=45).contains(&sorted[sorted.len() / 2]), "{sound:?}: {offsets:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sound_is_encoded_only_while_somebody_wants_it() {
    let program = program(&small());
    assert!(!program.hub().wants(Track::Aac));
    let decoded = Decoded::attach(&program, &[Track::Aac]);
    assert!(program.hub().wants(Track::Aac) && !program.hub().wants(Track::Opus));
    until("sound", async || decoded.heard().then_some(())).await;
    drop(decoded);
    assert!(!program.hub().wants(Track::Aac));
}

/// How long a packet of one frame is by its first byte (RFC 6716, section 3.1).
fn opus_ms(first: u8) -> Option<u64> {
    let (configuration, frames) = (first >> 3, first & 3);
    let lengths = match configuration {
        0..12 => [10, 20, 40, 60],
        12..16 => [10, 20, 10, 20],
        // The first is 2.5 ms, which nobody asks for.
        _ => [0, 5, 10, 20],
    };
    (frames == 0).then_some(lengths[usize::from(configuration & 3)])
}

#[tokio::test(flavor = "multi_thread")]
async fn opus_packets_are_as_long_as_the_profile_says() {
    for (name, frame_ms) in [("720p30", 20), ("720p60", 10)] {
        let program = program(&Profile::named(name).unwrap());
        let (packets, mut seen) = tokio::sync::mpsc::unbounded_channel();
        let _subscription = program.hub().subscribe(&[Track::Opus], move |packet| {
            // Refused only once enough was seen.
            let _ = packets.send(packet.buffer.clone());
        });
        let mut times_ms = Vec::new();
        while times_ms.len() < 50 {
            let packet = until("sound", async || seen.try_recv().ok()).await;
            assert_eq!(opus_ms(packet.map_readable().unwrap()[0]), Some(frame_ms), "{name}");
            times_ms.push(packet.pts().unwrap().mseconds());
        }
        // The encoder's look-ahead would put the first packet before the beginning of time, where nothing can be.
        let apart: Vec<u64> = times_ms[1..].windows(2).map(|pair| pair[1] - pair[0]).collect();
        assert!(apart.iter().all(|ms| *ms == frame_ms), "{name}: {apart:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn key_frames_come_by_time_and_a_flood_of_requests_is_merged() {
    let program = program(&small());
    let (source, _events) = source(&program).await;
    until("pictures", async || (program.stats().pictures > 60).then_some(())).await;
    let (before, begun) = (program.stats(), Instant::now());
    until("a hundred pictures under a flood of requests", async || {
        program.hub().request_key_frame();
        (program.stats().pictures >= before.pictures + 100).then_some(())
    })
    .await;
    let made = program.stats().key_frames - before.key_frames;
    // Requests are answered every 400 ms at most, by the clock.
    let most = 2 + u64::try_from(begun.elapsed().as_millis() / 400).unwrap();
    assert!((3..=most).contains(&made), "{made} key frames in 100 pictures and {:?}", begun.elapsed());
    source.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn key_frames_come_close_together_while_viewers_are_expected() {
    let overrides = Overrides { width: Some(640), height: Some(360), key_interval_ms: Some(10_000), ..Overrides::default() };
    let program = program(&Profile::named("480p30").unwrap().with(&overrides).unwrap());
    let (source, _events) = source(&program).await;
    until("pictures", async || (program.stats().pictures > 30).then_some(())).await;
    let before = program.stats().key_frames;
    program.hub().expect_viewers();
    within(Duration::from_secs(9), "six key frames, where one comes every 10 s by itself", async || {
        (program.stats().key_frames >= before + 6).then_some(())
    })
    .await;
    source.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_profile_encodes_its_size_without_b_frames() {
    for name in bluecast::media::profile::names() {
        let profile = Profile::named(name).unwrap();
        let program = program(&profile);
        let decoded = Decoded::attach(&program, &[Track::H264]);
        let (source, _events) = source(&program).await;
        let picture = until(name, async || decoded.pictures().into_iter().find(|picture| picture.strip_ms.is_some())).await;
        assert_eq!((picture.width, picture.height), (profile.width as usize, profile.height as usize));
        assert!(decoded.in_order(), "{name}: decoding order is showing order");
        let jpeg = snapshot::jpeg(&program.picture(), &profile).unwrap();
        assert!(jpeg.starts_with(&[0xff, 0xd8]));
        if let Ok(folder) = std::env::var("BLUECAST_TEST_LOOK") {
            std::fs::write(format!("{folder}/{name}.jpg"), &jpeg).unwrap();
        }
        source.stop().await;
    }
}
