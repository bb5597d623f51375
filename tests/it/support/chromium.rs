//! A headless Chromium on a page.

use std::process::{Child, Command, Stdio};

/// A browser. Dropping it kills it.
pub struct Browser {
    child: Child,
    _profile: tempfile::TempDir,
}

impl Browser {
    /// Opens a page. `before` are words to put before its command line, such as those that enter a network namespace.
    pub fn open(url: &str, before: &[&str]) -> Self {
        let profile = tempfile::tempdir().unwrap();
        let mut words: Vec<String> = before.iter().map(ToString::to_string).collect();
        words.push("/usr/bin/chromium".into());
        words.push(format!("--user-data-dir={}", profile.path().display()));
        words.extend(
            [
                "--headless=new",
                "--disable-gpu",
                "--no-first-run",
                "--mute-audio",
                "--autoplay-policy=no-user-gesture-required",
                "--allow-loopback-in-peer-connection",
                "--disable-features=WebRtcHideLocalIpsWithMdns",
                "--disable-background-timer-throttling",
            ]
            .map(str::to_owned),
        );
        if rustix::process::geteuid().is_root() {
            words.push("--no-sandbox".into());
        }
        words.push(url.to_owned());
        let child = Command::new(&words[0])
            .args(&words[1..])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("chromium is installed");
        Self { child, _profile: profile }
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
