//! The machine: programs, shared memory, limits, the port.

use std::path::{Path, PathBuf};

use rustix::fs::statvfs;
use rustix::process::{Resource, getrlimit};
use tokio::net::TcpListener;

use super::Check;
use super::media::install;
use crate::app::{StartError, whep_config};
use crate::config::Settings;
use crate::media::output::whep::Whep;

/// What Chromium needs in `/dev/shm` for one meeting, and what makes several comfortable.
const SHARED_MIB_MIN: u64 = 60;
const SHARED_MIB_GOOD: u64 = 500;
/// Open files that a broadcast or two need, and that many viewers do.
const FILES_MIN: u64 = 512;
const FILES_GOOD: u64 = 4096;

pub(super) fn checks(settings: &Settings) -> Vec<Check> {
    let mut checks =
        vec![chromium(settings.chromium.as_deref()), program("xvfb", "Xvfb", "xvfb"), program("pulseaudio", "pulseaudio", "pulseaudio")];
    if settings.ca_file.is_some() {
        // Chromium reads authorities from a database that certutil writes.
        checks.push(program("certutil", "certutil", "libnss3-tools"));
    }
    checks.push(shared_memory(Path::new("/dev/shm")));
    checks.push(open_files(getrlimit(Resource::Nofile).current));
    checks
}

fn chromium(set: Option<&Path>) -> Check {
    let found = match set {
        Some(path) => is_executable(path).then(|| path.to_owned()),
        None => find("chromium"),
    };
    match (found, set) {
        (Some(path), _) => Check::ok("chromium", path.display().to_string()),
        (None, Some(path)) => {
            let detail = format!("{}, which BLUECAST_CHROMIUM names, is no program that can be run", path.display());
            Check::fail("chromium", detail, "set BLUECAST_CHROMIUM to the path of Chromium, or leave it out")
        }
        (None, None) => Check::fail("chromium", "there is no chromium on the PATH", install(&["chromium"])),
    }
}

fn program(name: &'static str, file: &str, package: &str) -> Check {
    match find(file) {
        Some(path) => Check::ok(name, path.display().to_string()),
        None => Check::fail(name, format!("there is no {file} on the PATH"), install(&[package])),
    }
}

/// A program on the PATH.
fn find(file: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(file)).find(|path| is_executable(path))
}

fn is_executable(path: &Path) -> bool {
    path.is_file() && rustix::fs::access(path, rustix::fs::Access::EXEC_OK).is_ok()
}

fn shared_memory(folder: &Path) -> Check {
    let mend = "give the container more, as in `docker run --shm-size=1g`, or remount /dev/shm";
    let Ok(found) = statvfs(folder) else {
        return Check::fail("shared-memory", format!("{} is not there", folder.display()), mend);
    };
    let mib = found.f_blocks * found.f_frsize / (1024 * 1024);
    let detail = format!("{} has {mib} MiB", folder.display());
    match mib {
        SHARED_MIB_GOOD.. => Check::ok("shared-memory", detail),
        SHARED_MIB_MIN.. => Check::warn("shared-memory", format!("{detail}, enough for one meeting"), mend),
        _ => Check::fail("shared-memory", format!("{detail}, too little for Chromium"), mend),
    }
}

/// `limit` of `None` is unlimited.
fn open_files(limit: Option<u64>) -> Check {
    let mend = "raise it, as with `ulimit -n 65536`, or LimitNOFILE= in the systemd unit";
    match limit {
        None => Check::ok("open-files", "unlimited"),
        Some(limit @ FILES_GOOD..) => Check::ok("open-files", format!("{limit} at a time")),
        Some(limit @ FILES_MIN..) => Check::warn("open-files", format!("{limit} at a time, few for many viewers"), mend),
        Some(limit) => Check::fail("open-files", format!("only {limit} at a time"), mend),
    }
}

/// Whether the address can be listened on, in the words of the start itself.
pub(super) async fn port(settings: &Settings) -> Check {
    match TcpListener::bind(settings.listen).await {
        Ok(_) => Check::ok("port", format!("{} is free", settings.listen)),
        Err(reason) => {
            let error = StartError::Listen { address: settings.listen, reason };
            Check::fail("port", error.to_string(), "stop what uses it, or set BLUECAST_LISTEN to another address")
        }
    }
}

/// Whether viewers can be served by WebRTC: a UDP port is free and there is an address to tell.
pub(super) fn webrtc(settings: &Settings) -> Check {
    match Whep::start(&whep_config(settings)) {
        Ok(_) => Check::ok("webrtc", "a UDP port for viewers is free"),
        Err(error) => Check::fail(
            "webrtc",
            error.to_string(),
            "set BLUECAST_WEBRTC_UDP_PORTS and BLUECAST_WEBRTC_ADDRESSES, or stop what uses the ports",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::State;

    #[test]
    fn limits_fail_warn_or_pass() {
        let states = [None, Some(65_536), Some(1024), Some(64)].map(|limit| open_files(limit).state);
        assert_eq!(states, [State::Ok, State::Ok, State::Warn, State::Fail]);
        assert_eq!(shared_memory(Path::new("/nowhere")).state, State::Fail);
    }

    #[test]
    fn a_missing_program_is_named_with_its_package() {
        let check = program("xvfb", "no-such-program", "xvfb");
        assert_eq!((check.state, check.mend.as_deref()), (State::Fail, Some("apt-get install xvfb")));
        let no_program = tempfile::NamedTempFile::new().unwrap();
        assert_eq!(chromium(Some(no_program.path())).state, State::Fail);
    }
}
