use std::time::{Duration, Instant};

use bluecast::media::output::{OutputState, TargetUrl};
use bluecast::secret::Secret;

use super::rig::Rig;
use super::{Watched, secret};
use crate::support::decode::{Decoder, ages, sound_behind_picture_ms};
use crate::support::nginx::{Gate, Nginx, free_port};
use crate::support::wait::until_blocking;

#[test]
fn picture_and_sound_arrive_soon_and_together() {
    let (rig, nginx) = (Rig::sized(1360, 768, 60), Nginx::start());
    let output = Watched::rtmp(&rig, &nginx.url("one"));
    let begun = Instant::now();
    let status = output.wait(5, OutputState::Live);
    let live_after = begun.elapsed();
    assert_eq!((status.reconnects, status.detail.is_none()), (0, true));
    let decoder = Decoder::rtmp(&nginx.url("one"));
    until_blocking(20, "eight seconds of pictures", || (decoder.count() > 260).then_some(()));
    let pictures = &decoder.pictures()[40..];
    if std::env::var_os("SHOW").is_some() {
        let s = decoder.sounds();
        eprintln!(
            "{:?} {:?} {:?} {}",
            &pictures.iter().filter(|p| p.flash).map(|p| p.pts_ms).collect::<Vec<_>>(),
            s.iter().filter(|s| s.onset_ms.is_some()).map(|s| (s.pts_ms, s.onset_ms)).collect::<Vec<_>>(),
            decoder.error(),
            s.len()
        );
    }
    let (p50, p95) = ages(pictures);
    let offset = sound_behind_picture_ms(pictures, &decoder.sounds()).expect("flashes and beeps");
    let status = output.status();
    eprintln!("rtmp 1360x768: p50 {p50} ms, p95 {p95} ms, sound {offset} ms behind, live after {live_after:?}, {} kbps", status.kbps);
    assert!(p50 <= 80, "pictures are {p50} ms old");
    assert!(offset.abs() <= 45, "the sound is {offset} ms behind");
    assert!(pictures.iter().all(|picture| picture.strip.is_some()), "every picture is whole");
    assert!(status.kbps > 100 && status.bytes > 100_000, "{status:?}");
    output.stop();
}
