//! An X server of our own, without a screen: Xvfb on a free display that only the holder of a cookie can use.

use std::fs;
use std::io::Write;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::net::{SocketAddr, UnixStream};
use std::path::PathBuf;
use std::time::Duration;

use tokio::io::AsyncReadExt;
use tokio::net::unix::pipe;
use tokio::time::timeout;

use super::folder::Folder;
use super::spawn::{self, Child, Order};
use super::{BrowserSpec, failure};
use crate::media::error::MediaError;

const SCHEME: &str = "MIT-MAGIC-COOKIE-1";

/// A running display.
pub(super) struct Display {
    pub(super) child: Child,
    pub(super) address: Address,
}

/// How to reach a display.
#[derive(Clone)]
pub(super) struct Address {
    /// The number after the colon.
    pub(super) number: u32,
    /// The file that lets programs in.
    pub(super) authority: PathBuf,
    /// What is in it.
    pub(super) cookie: [u8; 16],
}

impl Address {
    /// What `DISPLAY` is set to.
    pub(super) fn name(&self) -> String {
        format!(":{}", self.number)
    }

    /// Name and data of the authorization, for a connection of our own.
    pub(super) fn authorization(&self) -> (Vec<u8>, Vec<u8>) {
        (SCHEME.into(), self.cookie.into())
    }

    /// Connects to the server: by the name that cannot be left over in a folder first.
    pub(super) fn connect(&self) -> std::io::Result<UnixStream> {
        let path = socket(self.number);
        let name = SocketAddr::from_abstract_name(path.as_os_str().as_bytes())?;
        UnixStream::connect_addr(&name).or_else(|_| UnixStream::connect(path))
    }
}

/// Starts one and waits until it says its number.
pub(super) async fn start(folder: &Folder, spec: &BrowserSpec) -> Result<Display, MediaError> {
    let mut cookie = [0; 16];
    getrandom::fill(&mut cookie).map_err(|error| failure("display_failed", "The display's key cannot be made", &error))?;
    let authority = folder.path().join("Xauthority");
    write_authority(&authority, cookie).map_err(|error| failure("runtime_folder", "The runtime folder cannot be written", &error))?;
    let (number_from, number_to) = spawn::pipe_pair().map_err(|error| failure("display_failed", "No pipe for the display", &error))?;
    let args = [
        "-displayfd",
        "3",
        "-screen",
        "0",
        &format!("{}x{}x24", spec.width, spec.height),
        "-nolisten",
        "tcp",
        "-nocursor",
        "-noreset",
        "-auth",
    ];
    let mut args: Vec<_> = args.iter().map(Into::into).collect();
    args.push(authority.clone().into_os_string());
    let order = Order {
        kind: "display",
        program: "Xvfb".into(),
        args,
        env: spawn::environment(folder),
        dir: folder.path().to_owned(),
        fds: vec![(number_to, 3)],
        confined: None,
    };
    let child = spawn::start(order).await.map_err(|error| failure("display_failed", "Xvfb cannot be started", &error).fatal())?;
    folder.note_child(child.process()).map_err(|error| failure("runtime_folder", "The runtime folder cannot be written", &error))?;
    let number = timeout(Duration::from_secs(10), read_number(number_from)).await.ok().flatten().ok_or_else(|| {
        MediaError::ours("display_failed", format!("Xvfb did not come up. Its last words: {}", child.tail().lines().join(" / ")))
    })?;
    folder.note_display(number).map_err(|error| failure("runtime_folder", "The runtime folder cannot be written", &error))?;
    Ok(Display { child, address: Address { number, authority, cookie } })
}

/// Removes the socket that a killed X server leaves, unless somebody listens there again.
pub(super) fn remove_socket(number: u32) {
    let path = socket(number);
    if UnixStream::connect(&path).is_err_and(|error| error.kind() == std::io::ErrorKind::ConnectionRefused) {
        let _ = fs::remove_file(path);
    }
}

fn socket(number: u32) -> PathBuf {
    format!("/tmp/.X11-unix/X{number}").into()
}

async fn read_number(from: std::os::fd::OwnedFd) -> Option<u32> {
    let mut pipe = pipe::Receiver::from_owned_fd(from).ok()?;
    let mut text = Vec::new();
    while !text.ends_with(b"\n") && text.len() < 16 {
        if pipe.read_buf(&mut text).await.ok()? == 0 {
            return None;
        }
    }
    std::str::from_utf8(&text).ok()?.trim().parse().ok()
}

/// One entry that fits every address and display: family, address, number, name, data, each with its length before it.
fn write_authority(path: &std::path::Path, cookie: [u8; 16]) -> std::io::Result<()> {
    const FAMILY_WILD: u16 = 0xffff;
    let mut entry = FAMILY_WILD.to_be_bytes().to_vec();
    for part in [&b""[..], b"", SCHEME.as_bytes(), &cookie] {
        entry.extend(u16::try_from(part.len()).unwrap_or(0).to_be_bytes());
        entry.extend(part);
    }
    fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?.write_all(&entry)
}
