//! The real program as a process of its own.

use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::app::{Client, PASSWORD};
use super::wait::until;

/// A serving process, its data folder and its folder for temporary files.
pub struct Process {
    child: Child,
    address: SocketAddr,
    pub admin: Client,
}

/// Folders that outlive a process.
pub struct Folders {
    pub data: TempDir,
    /// Browsers live in here.
    pub temporary: TempDir,
}

impl Folders {
    pub fn new() -> Self {
        Self { data: tempfile::tempdir().unwrap(), temporary: tempfile::Builder::new().prefix("bc").rand_bytes(4).tempdir().unwrap() }
    }

    /// What all processes have logged, down to debug.
    pub fn log(&self) -> std::path::PathBuf {
        self.data.path().join("log")
    }

    /// Processes that have the temporary folder on their command line or in their environment.
    pub fn users(&self) -> Vec<String> {
        users_of(self.temporary.path())
    }
}

/// The program, without the settings of whoever runs this.
pub fn program() -> Command {
    let mut program = Command::new(env!("CARGO_BIN_EXE_bluecast"));
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("BLUECAST_")) {
        program.env_remove(name);
    }
    program
}

fn users_of(folder: &Path) -> Vec<String> {
    let needle = folder.to_str().unwrap();
    let mut found = Vec::new();
    for entry in std::fs::read_dir("/proc").unwrap().flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else { continue };
        let read =
            |name: &str| String::from_utf8_lossy(&std::fs::read(format!("/proc/{pid}/{name}")).unwrap_or_default()).replace('\0', " ");
        let command = read("cmdline");
        if command.contains(needle) || read("environ").contains(needle) {
            found.push(format!("{pid} {command}"));
        }
    }
    found
}

impl Process {
    /// Starts `bluecast serve` on a free port and logs in.
    pub async fn start(folders: &Folders) -> Self {
        Self::start_with(folders, &[]).await
    }

    /// The same with more settings.
    pub async fn start_with(folders: &Folders, extra: &[(&str, &str)]) -> Self {
        let log = folders.data.path().join("address");
        let _ = std::fs::remove_file(&log);
        let child = program()
            .arg("serve")
            .env("BLUECAST_LISTEN", "127.0.0.1:0")
            .env("BLUECAST_DATA_DIR", folders.data.path())
            .env("BLUECAST_ADMIN_PASSWORD", PASSWORD)
            .env("BLUECAST_NODE_CAPACITY", "64")
            .env("TMPDIR", folders.temporary.path())
            .env("BLUECAST_LOG", "debug")
            .envs(extra.iter().copied())
            .stdin(Stdio::null())
            .stdout(std::fs::File::create(&log).unwrap())
            .stderr(std::fs::File::options().create(true).append(true).open(folders.log()).unwrap())
            .spawn()
            .unwrap();
        let address: SocketAddr = until("the program says where it listens", async || {
            let text = std::fs::read_to_string(&log).ok()?.replace("localhost", "127.0.0.1");
            let after = text.split_once("http://")?.1;
            after.split(|c: char| c.is_whitespace() || c == '/').next()?.parse().ok()
        })
        .await;
        let admin = Client::new(address);
        admin.log_in("admin", PASSWORD).await;
        Self { child, address, admin }
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The whole address of a path.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// `kill -9`.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: rustix::process::Signal) {
        rustix::process::kill_process(rustix::process::Pid::from_child(&self.child), signal).unwrap();
    }

    /// SIGTERM, and its exit status.
    pub async fn terminate(mut self) -> std::process::ExitStatus {
        let pid = rustix::process::Pid::from_raw(self.pid().cast_signed()).unwrap();
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
        until("the program ends", async || self.child.try_wait().unwrap()).await
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // A test that failed leaves nothing behind; after `kill` and `terminate` there is nothing to do.
        let deadline = Instant::now() + Duration::from_secs(1);
        let _ = self.child.kill();
        while Instant::now() < deadline && self.child.try_wait().is_ok_and(|status| status.is_none()) {
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}
