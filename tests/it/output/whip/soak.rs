//! Many sessions at once from one process, for long: nothing may break off.
//!
//! `BLUECAST_SOAK_SECONDS=3600 cargo test --test it -- --ignored whip::soak --nocapture`; `BLUECAST_SOAK_SESSIONS` (10) says how many,
//! `BLUECAST_SOAK_HEIGHT` (720) how large the picture is, and `BLUECAST_SOAK_WHIP` names the WHIP base of a real OME (`http://127.0.0.1:3333/app`) instead of the double.

use std::time::{Duration, Instant};

use bluecast::media::output::OutputState;

use super::super::Watched;
use super::super::rig::Rig;
use super::{ome, to};

fn setting(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}

#[test]
#[ignore = "takes as long as it is told to"]
fn sessions_side_by_side_stay_up() {
    let (seconds, sessions) = (setting("BLUECAST_SOAK_SECONDS", 120), setting("BLUECAST_SOAK_SESSIONS", 10));
    let real = std::env::var("BLUECAST_SOAK_WHIP").ok();
    let double = real.is_none().then(ome);
    let height = usize::try_from(setting("BLUECAST_SOAK_HEIGHT", 720)).unwrap();
    let rig = Rig::sized(height * 16 / 9 / 2 * 2, height, 60);
    let run = std::process::id();
    let url = |number: u64| match (&real, &double) {
        (Some(base), _) => format!("{}/soak{run}-{number}?direction=whip", base.trim_end_matches('/')),
        (None, Some(ome)) => ome.whip_url("app", &format!("soak{number}")),
        (None, None) => unreachable!(),
    };
    let outputs: Vec<Watched> = (0..sessions).map(|number| Watched::with(&rig, to(&url(number)))).collect();
    for output in &outputs {
        output.wait(OutputState::Live);
    }
    let threads = || std::fs::read_dir("/proc/self/task").unwrap().count();
    let memory_mb = || {
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        let line = status.lines().find(|line| line.starts_with("VmRSS")).unwrap_or_default().to_owned();
        line.split_whitespace().nth(1).and_then(|kb| kb.parse::<u64>().ok()).unwrap_or(0) / 1024
    };
    let begun = Instant::now();
    let (mut told, mut first_mb) = (Duration::ZERO, None);
    while begun.elapsed() < Duration::from_secs(seconds) {
        std::thread::sleep(Duration::from_secs(1));
        for (number, output) in outputs.iter().enumerate() {
            let status = output.status();
            assert!(
                status.state == OutputState::Live && status.reconnects == 0,
                "session {number} after {:?}: {status:?}",
                begun.elapsed()
            );
        }
        if begun.elapsed() >= told {
            told += Duration::from_secs(30);
            let statuses: Vec<_> = outputs.iter().map(Watched::status).collect();
            let kbps: Vec<u32> = statuses.iter().map(|status| status.kbps).collect();
            let worst =
                |read: fn(&bluecast::media::output::OutputStatus) -> Option<f64>| statuses.iter().filter_map(read).fold(0.0, f64::max);
            let (loss, rtt) = (worst(|status| status.loss_percent), worst(|status| status.rtt_ms));
            let mb = memory_mb();
            first_mb.get_or_insert(mb);
            eprintln!(
                "{:>5} s: kbps {kbps:?}, worst loss {loss:.2} %, rtt {rtt:.1} ms, {} threads, {mb} MB",
                begun.elapsed().as_secs(),
                threads()
            );
        }
    }
    if let Some(ome) = &double {
        for number in 0..sessions {
            let ingest = ome.ingest(&format!("app/soak{number}"));
            assert_eq!(ingest.false_reports(), 0, "session {number}: {ingest:?}");
            assert!(ingest.tracks.iter().all(|track| track.lost == 0 && track.backwards == 0), "session {number}: {ingest:?}");
        }
    }
    eprintln!("{sessions} sessions for {seconds} s without a disconnect; memory {first_mb:?} -> {} MB", memory_mb());
    outputs.iter().for_each(Watched::stop);
}
