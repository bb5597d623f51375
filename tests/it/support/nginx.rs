//! A real RTMP server: nginx with its rtmp module, one process that can be stopped, killed and started again on the same port.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU16, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use super::wait::until_blocking;

/// A TCP port that was free a moment ago, and not one of those that the system gives to whoever asks for any.
pub fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let first = 20_000 + u16::try_from(std::process::id() % 40).unwrap() * 250;
    loop {
        let port = first + NEXT.fetch_add(1, Ordering::Relaxed) % 250;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

/// An RTMP server on loopback, with an application `live`.
pub struct Nginx {
    /// Where it listens.
    pub port: u16,
    folder: TempDir,
    child: Option<Child>,
}

impl Nginx {
    /// Starts one that takes every stream.
    pub fn start() -> Self {
        Self::with("")
    }

    /// Starts one that asks `gate` whether a stream may be published.
    pub fn guarded(gate: &Gate) -> Self {
        Self::with(&format!("on_publish http://127.0.0.1:{}/;", gate.port))
    }

    fn with(directives: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let port = free_port();
        let at = folder.path().display();
        let config = format!(
            "load_module /usr/lib/nginx/modules/ngx_rtmp_module.so;\n\
             daemon off; master_process off; pid {at}/pid; error_log {at}/error.log info;\n\
             events {{ worker_connections 64; }}\n\
             rtmp {{ server {{ listen 127.0.0.1:{port}; chunk_size 4096; access_log off;\n\
             application live {{ live on; {directives} }} }} }}\n"
        );
        std::fs::write(folder.path().join("nginx.conf"), config).unwrap();
        let mut nginx = Self { port, folder, child: None };
        nginx.restart();
        nginx
    }

    /// Starts it again after [`Nginx::kill`].
    pub fn restart(&mut self) {
        self.kill();
        let child = Command::new("/usr/sbin/nginx")
            .args(["-p", path(self.folder.path()), "-c", "nginx.conf", "-e", "error.log"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("nginx-light and libnginx-mod-rtmp are installed");
        self.child = Some(child);
        until_blocking("nginx to listen", || TcpStream::connect(("127.0.0.1", self.port)).ok());
    }

    /// Ends it at once, as a crash would.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    /// SIGSTOP: it keeps its connections and reads nothing.
    pub fn freeze(&self) {
        kill_process(self.pid(), Signal::STOP).unwrap();
    }

    /// SIGCONT.
    pub fn thaw(&self) {
        kill_process(self.pid(), Signal::CONT).unwrap();
    }

    /// An address on it.
    pub fn url(&self, stream: &str) -> String {
        format!("rtmp://127.0.0.1:{}/live/{stream}", self.port)
    }

    fn pid(&self) -> Pid {
        Pid::from_child(self.child.as_ref().expect("nginx runs"))
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        self.kill();
    }
}

fn path(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// The HTTP server that nginx asks on publish: takes one stream name, refuses every other.
pub struct Gate {
    port: u16,
    refused: Arc<AtomicUsize>,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Gate {
    /// Lets only `stream` in.
    pub fn letting_in(stream: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let gate = Self { port: listener.local_addr().unwrap().port(), refused: Arc::default(), asked: Arc::default() };
        let (refused, asked, wanted) = (Arc::clone(&gate.refused), Arc::clone(&gate.asked), format!("name={stream}&"));
        std::thread::spawn(move || {
            for connection in listener.incoming().map_while(Result::ok) {
                let text = read_request(&connection);
                let good = format!("{text}&").contains(&wanted);
                let status = if good { "200 OK" } else { "403 Forbidden" };
                if !good {
                    refused.fetch_add(1, Ordering::Relaxed);
                }
                asked.lock().unwrap().push(text);
                let _ = write!(&connection, "HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
            }
        });
        gate
    }

    /// How many streams were refused.
    pub fn refused(&self) -> usize {
        self.refused.load(Ordering::Relaxed)
    }

    /// What nginx asked, word for word.
    pub fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

/// Reads one HTTP request, body and all.
pub fn read_request(connection: &TcpStream) -> String {
    connection.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    let mut reader = BufReader::new(connection);
    let (mut text, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).unwrap_or(0) == 0 || line == "\r\n" {
            break;
        }
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        text.push_str(&line);
    }
    let mut body = vec![0; length];
    std::io::Read::read_exact(&mut reader, &mut body).unwrap();
    text + &String::from_utf8_lossy(&body)
}
