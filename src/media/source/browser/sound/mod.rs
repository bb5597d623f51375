//! The meeting's sound: a daemon of our own, what it plays, and the way to the program.

pub(super) mod capture;
pub(super) mod daemon;
mod dating;
mod level;
pub(super) mod native;
mod tagstruct;

use std::time::Duration;

use self::daemon::Line;
use self::native::Native;
use super::stats::Counters;
use crate::media::error::MediaError;

/// How long the daemon may be silent.
const PATIENCE: Duration = Duration::from_secs(3);

/// Counts what the daemon plays, twice a second, until it no longer answers.
pub(super) async fn watch(line: &Line, counters: &Counters) -> MediaError {
    let lost = |error: std::io::Error| MediaError::ours("sound_lost", format!("The sound daemon no longer answers: {error}"));
    let mut native = match Native::connect(&line.socket, &line.cookie, PATIENCE).await {
        Ok(native) => native,
        Err(error) => return lost(error),
    };
    loop {
        match native.playing(PATIENCE).await {
            Ok(streams) => counters.playing(streams),
            Err(error) => return lost(error),
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}
