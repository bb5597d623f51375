//! The runtime folder of one source, and what is found of sources whose process died.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};

use super::display;
use super::spawn::process::{Process, Stat};

const PREFIX: &str = "browser-";
const RECORD: &str = "record.json";
/// A Unix socket's path may hold 107 bytes, the longest one in here adds 24.
const LONGEST_PATH: usize = 80;
/// Programs that our children start in their own session.
const KNOWN: [&str; 6] = ["chromium", "chrome", "chrome_crashpad_handler", "chrome-sandbox", "Xvfb", "pulseaudio"];

/// Who runs what in a runtime folder: enough to find and end it after a crash, and nobody else.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Record {
    boot_id: String,
    owner: Process,
    children: Vec<Process>,
    display: Option<u32>,
}

/// Where browsers live unless told otherwise: short, since sockets in it have short names; never in the data folder, which a browser must
/// not see; and one a user of the machine, for two of them may run Bluecast.
pub fn runtime_dir() -> PathBuf {
    std::env::temp_dir().join(format!("bluecast-{}", rustix::process::geteuid().as_raw()))
}

/// Whether a folder is a real one of ours that nobody else can change: whoever could would put others in place of what is in it.
fn is_ours(folder: &Path) -> bool {
    fs::symlink_metadata(folder)
        .is_ok_and(|found| found.is_dir() && found.uid() == rustix::process::geteuid().as_raw() && found.permissions().mode() & 0o022 == 0)
}

/// A folder only we can enter; everything a source writes is in it, and goes with it.
pub(super) struct Folder {
    path: PathBuf,
    record: Mutex<Record>,
}

impl Folder {
    /// Makes one under `parent`.
    pub(super) fn create(parent: &Path) -> io::Result<Self> {
        let name = uuid::Uuid::now_v7().simple().to_string();
        let path = parent.join(format!("{PREFIX}{}", &name[20..]));
        if path.as_os_str().len() > LONGEST_PATH {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "the runtime folder's path is too long for the sockets in it"));
        }
        DirBuilder::new().recursive(true).mode(0o700).create(parent)?;
        if !is_ours(parent) {
            return Err(io::Error::new(
                io::ErrorKind::PermissionDenied,
                format!("{} belongs to somebody else, or others can change it", parent.display()),
            ));
        }
        DirBuilder::new().mode(0o700).create(&path)?;
        let record = Record { boot_id: boot_id(), owner: Process::own(), children: Vec::new(), display: None };
        let folder = Self { path, record: Mutex::new(record) };
        folder.change(|_| ())?;
        Ok(folder)
    }

    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Makes a folder in it.
    pub(super) fn make(&self, name: &str) -> io::Result<PathBuf> {
        let path = self.path.join(name);
        DirBuilder::new().mode(0o700).create(&path)?;
        Ok(path)
    }

    /// Notes a child down before anything depends on it.
    pub(super) fn note_child(&self, child: Process) -> io::Result<()> {
        self.change(|record| record.children.push(child))
    }

    /// Notes the display, whose socket lies outside of the folder.
    pub(super) fn note_display(&self, number: u32) -> io::Result<()> {
        self.change(|record| record.display = Some(number))
    }

    /// Removes it, within a second. A browser that was just killed may still write for a moment.
    fn remove(&self) {
        let display = self.record.lock().unwrap_or_else(PoisonError::into_inner).display;
        if let Some(display) = display {
            display::remove_socket(display);
        }
        if let Err(error) = remove_all(&self.path) {
            tracing::warn!(folder = %self.path.display(), %error, "cannot remove the runtime folder");
        }
    }

    fn change(&self, change: impl FnOnce(&mut Record)) -> io::Result<()> {
        let mut record = self.record.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut record);
        let fresh = self.path.join("record.new");
        fs::write(&fresh, serde_json::to_vec(&*record)?)?;
        fs::rename(fresh, self.path.join(RECORD))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        self.remove();
    }
}

/// Ends and removes what processes of ours that died without cleaning up have left under `parent`. Returns how many folders there were.
/// Folders whose owner still runs are left alone. Blocks.
pub fn reap_leftovers(parent: &Path) -> usize {
    if !is_ours(parent) {
        return 0;
    }
    let Ok(entries) = fs::read_dir(parent) else { return 0 };
    let mut reaped = 0;
    for entry in entries.flatten() {
        let path = entry.path();
        let ours =
            entry.file_name().to_str().is_some_and(|name| name.starts_with(PREFIX)) && entry.file_type().is_ok_and(|kind| kind.is_dir());
        let Some(record) = ours.then(|| read(&path)).flatten() else { continue };
        let same_boot = record.boot_id == boot_id();
        if same_boot && record.owner.runs() {
            continue;
        }
        if same_boot {
            let killed = record.children.iter().map(|child| end_session(*child)).sum::<usize>();
            tracing::info!(folder = %path.display(), killed, "cleaned up after a process that died");
        }
        if let Some(display) = record.display {
            display::remove_socket(display);
        }
        if let Err(error) = remove_all(&path) {
            tracing::warn!(folder = %path.display(), %error, "cannot remove a left-over runtime folder");
        }
        reaped += 1;
    }
    reaped
}

fn read(folder: &Path) -> Option<Record> {
    let path = folder.join(RECORD);
    if fs::metadata(&path).ok()?.len() > 64 * 1024 {
        return None;
    }
    serde_json::from_slice(&fs::read(path).ok()?).ok()
}

/// Kills the recorded child, if it is still the same process, and the programs it started that are still in its session.
fn end_session(leader: Process) -> usize {
    let mut killed = usize::from(leader.kill());
    // While a session has members its number is given to nobody; a number that somebody else has now says that ours is long gone.
    if Stat::of(leader.pid).is_some_and(|stat| stat.started != leader.started) {
        return killed;
    }
    let Ok(processes) = fs::read_dir("/proc") else { return killed };
    for pid in processes.flatten().filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok()) {
        let Some(stat) = Stat::of(pid) else { continue };
        if stat.session == leader.pid && stat.started >= leader.started && is_known(pid) {
            killed += usize::from(Process { pid, started: stat.started }.kill());
        }
    }
    killed
}

fn is_known(pid: i32) -> bool {
    let Ok(program) = fs::read_link(format!("/proc/{pid}/exe")) else { return false };
    program.file_name().and_then(|name| name.to_str()).is_some_and(|name| KNOWN.contains(&name.trim_end_matches(" (deleted)")))
}

fn boot_id() -> String {
    fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default().trim().to_owned()
}

fn remove_all(path: &Path) -> io::Result<()> {
    let mut outcome = Ok(());
    for _ in 0..20 {
        outcome = fs::remove_dir_all(path);
        match &outcome {
            Err(error) if error.kind() != io::ErrorKind::NotFound => std::thread::sleep(std::time::Duration::from_millis(50)),
            _ => return Ok(()),
        }
    }
    outcome
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::{Command, Stdio};

    fn sleeper() -> (std::process::Child, Process) {
        let child = Command::new("sleep").arg("60").stdin(Stdio::null()).spawn().unwrap();
        let pid = i32::try_from(child.id()).unwrap();
        (child, Process { pid, started: Stat::of(pid).unwrap().started })
    }

    fn leftover(parent: &Path, owner: Process, child: Process) -> PathBuf {
        let path = parent.join("browser-left");
        fs::create_dir(&path).unwrap();
        let record = Record { boot_id: boot_id(), owner, children: vec![child], display: None };
        fs::write(path.join(RECORD), serde_json::to_vec(&record).unwrap()).unwrap();
        path
    }

    #[test]
    fn what_a_dead_process_left_is_ended_and_removed() {
        let parent = tempfile::tempdir().unwrap();
        let (mut child, process) = sleeper();
        let dead = Process { started: 1, ..Process::own() };
        let path = leftover(parent.path(), dead, process);
        assert_eq!(reap_leftovers(parent.path()), 1);
        assert!(!child.wait().unwrap().success());
        assert!(!path.exists());
    }

    #[test]
    fn a_stranger_with_the_number_is_left_alone() {
        let parent = tempfile::tempdir().unwrap();
        let (mut child, process) = sleeper();
        let dead = Process { started: 1, ..Process::own() };
        let before = Process { started: process.started - 1, ..process };
        leftover(parent.path(), dead, before);
        assert_eq!(reap_leftovers(parent.path()), 1);
        assert!(process.runs());
        child.kill().unwrap();
        child.wait().unwrap();
    }

    #[test]
    fn the_folder_of_a_running_process_and_what_is_no_folder_of_ours_stay() {
        let parent = tempfile::tempdir().unwrap();
        let folder = Folder::create(parent.path()).unwrap();
        fs::create_dir(parent.path().join("other")).unwrap();
        fs::create_dir(parent.path().join("browser-without-record")).unwrap();
        assert_eq!(reap_leftovers(parent.path()), 0);
        assert!(folder.path().exists());
        let path = folder.path().to_owned();
        drop(folder);
        assert!(!path.exists());
        assert!(parent.path().join("other").exists() && parent.path().join("browser-without-record").exists());
    }
}
