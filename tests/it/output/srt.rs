use std::time::Instant;

use bluecast::media::output::{OutputState, SrtSettings};

use super::Watched;
use super::rig::Rig;
use crate::support::decode::{Decoder, ages, sound_behind_picture_ms};
use crate::support::srt::free_udp_port;
use crate::support::wait::until_blocking;

#[test]
fn picture_and_sound_arrive_soon_and_together() {
    let rig = Rig::sized(1360, 768, 60);
    for (latency_ms, opus) in [(20, false), (120, false), (20, true)] {
        let port = free_udp_port();
        let decoder = Decoder::srt(port, 20, None, opus);
        let begun = Instant::now();
        let output = Watched::srt(&rig, port, &SrtSettings { latency_ms: Some(latency_ms), opus, ..SrtSettings::default() });
        let status = output.wait(5, OutputState::Live);
        let live_after = begun.elapsed();
        until_blocking(20, "six seconds of pictures", || (decoder.count() > 200).then_some(()));
        let pictures = &decoder.pictures()[40..];
        let (p50, p95) = ages(pictures);
        let offset = sound_behind_picture_ms(pictures, &decoder.sounds()).expect("flashes and beeps");
        eprintln!(
            "srt {latency_ms} ms opus {opus}: p50 {p50} ms, p95 {p95} ms, sound {offset} ms behind, live after {live_after:?}, {:?} {}",
            output.status(),
            status.bytes
        );
        assert!(p50 <= u64::from(latency_ms) + 80, "pictures are {p50} ms old");
        assert!(offset.abs() <= 45, "the sound is {offset} ms behind");
        assert!(pictures.iter().all(|picture| picture.strip.is_some()), "every picture is whole");
        output.stop();
    }
}
