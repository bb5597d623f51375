//! STUN and TURN: the addresses that they bring stand in the offer; without them, only our own do.

use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::mpsc;
use std::time::Duration;

use bluecast::secret::Secret;

use super::super::Watched;
use super::super::rig::Rig;
use super::to;
use crate::support::nginx::{free_port, read_request};

const COOKIE: u32 = 0x2112_a442;
/// An address that no host here has (RFC 5737), as a NAT would show it.
const OUTSIDE: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 7);

/// A server that takes no offer but keeps the first.
fn offers() -> (SocketAddr, mpsc::Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (found, offers) = mpsc::channel();
    std::thread::spawn(move || {
        for connection in listener.incoming().map_while(Result::ok) {
            let _ = found.send(read_request(&connection));
            let _ = write!(&connection, "HTTP/1.1 503 Later\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        }
    });
    (address, offers)
}

/// The candidates of the first offer with these servers.
fn candidates(servers: &[String]) -> Vec<String> {
    let (server, offers) = offers();
    let mut spec = to(&format!("http://{server}/app/stream"));
    spec.whip.ice_servers = Arc::new(servers.iter().map(Secret::new).collect());
    // Nothing is offered before there is a picture.
    let rig = Rig::start();
    let output = Watched::with(&rig, spec);
    let offer = offers.recv_timeout(Duration::from_secs(60)).expect("an offer");
    output.stop();
    offer.lines().filter(|line| line.starts_with("a=candidate:")).map(str::to_owned).collect()
}

/// A STUN server (RFC 8489) that sees everybody come from outside.
fn stun() -> SocketAddr {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap();
    std::thread::spawn(move || {
        let mut request = [0; 2000];
        while let Ok((length, from)) = socket.recv_from(&mut request) {
            // A binding request.
            if length < 20 || request[..2] != [0, 1] {
                continue;
            }
            let mut answer = vec![1, 1, 0, 12];
            answer.extend(&request[4..20]);
            answer.extend([0, 0x20, 0, 8, 0, 1]);
            answer.extend((from.port() ^ (COOKIE >> 16) as u16).to_be_bytes());
            answer.extend((u32::from(OUTSIDE) ^ COOKIE).to_be_bytes());
            let _ = socket.send_to(&answer, from);
        }
    });
    address
}

/// A real TURN server, ended with the test.
struct Turn {
    server: Child,
    port: u16,
    _folder: tempfile::TempDir,
}

impl Turn {
    fn start() -> Self {
        let (port, folder) = (free_port(), tempfile::tempdir().unwrap());
        let server = Command::new("turnserver")
            .args(["-n", "--no-tls", "--no-dtls", "--no-cli", "--listening-ip", "127.0.0.1", "--relay-ip", "127.0.0.1"])
            .args(["--lt-cred-mech", "--realm", "test", "--user", "kit:p@ss", "--allow-loopback-peers", "--log-file", "/dev/null"])
            .args(["--listening-port", &port.to_string()])
            .arg("--pidfile")
            .arg(folder.path().join("pid"))
            .arg("--userdb")
            .arg(folder.path().join("db"))
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("turnserver (apt: coturn)");
        crate::support::wait::until_blocking("the TURN server", || std::net::TcpStream::connect(("127.0.0.1", port)).ok());
        Self { server, port, _folder: folder }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

#[test]
fn none_by_default() {
    let own = candidates(&[]);
    assert!(!own.is_empty() && own.iter().all(|line| line.contains(" typ host")), "{own:?}");
    // However many the machine has: of several, OME and libnice may settle on different ones.
    let v4: Vec<&String> = own.iter().filter(|line| !line.split(' ').nth(4).unwrap().contains(':')).collect();
    assert!(v4.len() == 1 && v4[0].contains(" 127.0.0.1 "), "{own:?}");
}

#[test]
fn what_stun_sees_is_offered() {
    let found = candidates(&[format!("stun://{}", stun())]);
    assert!(found.iter().any(|line| line.contains(" typ srflx") && line.contains(&OUTSIDE.to_string())), "{found:?}");
}

#[test]
fn what_turn_relays_is_offered_to_those_who_may() {
    let turn = Turn::start();
    let with = |password: &str| candidates(&[format!("turn://kit:{password}@127.0.0.1:{}", turn.port)]);
    let found = with("p%40ss");
    assert!(found.iter().any(|line| line.contains(" typ relay")), "{found:?}");
    let refused = with("wrong");
    assert!(!refused.is_empty() && !refused.iter().any(|line| line.contains(" typ relay")), "{refused:?}");
}
