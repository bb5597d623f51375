//! A sound daemon with one silent sink called `meeting`, open to everybody on this machine's loopback folder.

use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use crate::support::wait::until_blocking;

pub struct Daemon {
    child: Child,
    folder: TempDir,
}

impl Daemon {
    pub fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let at = folder.path().display();
        let script = format!(
            "load-module module-null-sink sink_name=meeting rate=48000 channels=2\n\
             load-module module-native-protocol-unix socket={at}/socket auth-anonymous=1\n"
        );
        std::fs::write(folder.path().join("script.pa"), script).unwrap();
        let child = Command::new("pulseaudio")
            .args(["-n", "--daemonize=no", "--exit-idle-time=-1", "--use-pid-file=no", "--disable-shm=yes", "-F"])
            .arg(folder.path().join("script.pa"))
            .env("HOME", folder.path())
            .env("XDG_RUNTIME_DIR", folder.path())
            .stderr(Stdio::null())
            .spawn()
            .expect("pulseaudio is installed");
        let socket = folder.path().join("socket");
        until_blocking("the sound daemon", || std::os::unix::net::UnixStream::connect(&socket).ok());
        Self { child, folder }
    }

    /// What `PULSE_SERVER` is set to.
    pub fn address(&self) -> String {
        format!("unix:{}/socket", self.folder.path().display())
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
