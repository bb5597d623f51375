//! A PulseAudio daemon of our own: what the browser plays goes nowhere but to us, and its microphone is silence.

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::super::failure;
use super::super::folder::Folder;
use super::super::spawn::{self, Child, Order};
use super::native::{Cookie, Native};
use crate::media::error::MediaError;

/// The sink the browser plays to.
pub(in super::super) const SINK: &str = "meeting";
/// The microphone of the browser: silence. Chromium's own fake one beeps, and the meeting would hear it.
pub(in super::super) const MICROPHONE: &str = "silence";

/// A running daemon.
pub(in super::super) struct Daemon {
    pub(in super::super) child: Child,
    pub(in super::super) line: Line,
}

/// How to reach a daemon.
#[derive(Clone)]
pub(in super::super) struct Line {
    pub(super) socket: PathBuf,
    pub(super) cookie: Cookie,
    /// The file that lets programs in.
    pub(in super::super) cookie_file: PathBuf,
}

impl Line {
    /// What `PULSE_SERVER` is set to.
    pub(in super::super) fn address(&self) -> String {
        format!("unix:{}", self.socket.display())
    }
}

/// Starts one and waits until it answers.
pub(in super::super) async fn start(folder: &Folder) -> Result<Daemon, MediaError> {
    let unwritable = |error| failure("runtime_folder", "The runtime folder cannot be written", &error);
    let place = folder.make("sound").map_err(unwritable)?;
    let socket = place.join("socket");
    let script = place.join("script.pa");
    let Some(path) = socket.to_str().filter(|path| !path.contains(['"', '\'', '\\', ' ', '\n'])) else {
        return Err(MediaError::ours("runtime_folder", "The runtime folder's path holds characters that PulseAudio cannot take.").fatal());
    };
    let (mut cookie, cookie_file) = ([0; 256], place.join("cookie"));
    getrandom::fill(&mut cookie).map_err(|error| failure("sound_failed", "The sound daemon's key cannot be made", &error))?;
    fs::write(&cookie_file, cookie).map_err(unwritable)?;
    let text = format!(
        "load-module module-null-sink sink_name={SINK} rate=48000 channels=2\n\
         load-module module-null-source source_name={MICROPHONE} rate=48000 channels=1\n\
         load-module module-native-protocol-unix socket={path} auth-cookie={}\n\
         set-default-sink {SINK}\n\
         set-default-source {MICROPHONE}\n",
        cookie_file.display()
    );
    fs::write(&script, text).map_err(unwritable)?;
    let flags = [
        "-n",
        "--daemonize=no",
        "--exit-idle-time=-1",
        "--use-pid-file=no",
        "--disable-shm=yes",
        "--high-priority=no",
        "--realtime=no",
        "-F",
    ];
    let mut args: Vec<_> = flags.iter().map(Into::into).collect();
    args.push(script.into_os_string());
    let order = Order {
        kind: "sound",
        program: "pulseaudio".into(),
        args,
        env: spawn::environment(folder),
        dir: place,
        fds: Vec::new(),
        confined: None,
    };
    let child = spawn::start(order).await.map_err(|error| failure("sound_failed", "PulseAudio cannot be started", &error).fatal())?;
    folder.note_child(child.process()).map_err(unwritable)?;
    let deadline = Instant::now() + Duration::from_secs(10);
    let line = Line { socket, cookie, cookie_file };
    while Native::connect(&line.socket, &line.cookie, Duration::from_secs(2)).await.is_err() {
        if child.has_ended() || Instant::now() > deadline {
            let words = child.tail().lines().join(" / ");
            return Err(MediaError::ours("sound_failed", format!("PulseAudio did not come up. Its last words: {words}")));
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Ok(Daemon { child, line })
}
