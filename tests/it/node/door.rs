//! The way into an RTMP server, which counts what comes through.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

/// Passes connections on to a server on loopback, and counts the bytes that come in by each. A new connection ends the older ones towards the
/// server, as a server does that takes the newest; whoever sends on an older one is still counted.
pub(super) struct Door {
    pub(super) port: u16,
    come_in: Arc<Mutex<Vec<Arc<AtomicUsize>>>>,
}

impl Door {
    pub(super) fn to(server: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let come_in: Arc<Mutex<Vec<Arc<AtomicUsize>>>> = Arc::default();
        let counts = Arc::clone(&come_in);
        std::thread::spawn(move || {
            let mut older: Vec<TcpStream> = Vec::new();
            for client in listener.incoming() {
                let Ok(client) = client else { return };
                for server in older.drain(..) {
                    let _ = server.shutdown(Shutdown::Both);
                }
                let Ok(server) = TcpStream::connect(("127.0.0.1", server)) else { continue };
                older.push(server.try_clone().unwrap());
                let count = Arc::new(AtomicUsize::new(0));
                counts.lock().unwrap().push(Arc::clone(&count));
                let (mut back, mut to_client) = (server.try_clone().unwrap(), client.try_clone().unwrap());
                std::thread::spawn(move || std::io::copy(&mut back, &mut to_client));
                std::thread::spawn(move || pass(client, server, &count));
            }
        });
        Self { port, come_in }
    }

    /// The bytes that came in by each connection, in the order in which they were made.
    pub(super) fn counts(&self) -> Vec<usize> {
        self.come_in.lock().unwrap().iter().map(|count| count.load(Ordering::Relaxed)).collect()
    }
}

fn pass(mut client: TcpStream, mut server: TcpStream, count: &AtomicUsize) {
    let mut buffer = [0; 16 * 1024];
    while let Ok(length @ 1..) = client.read(&mut buffer) {
        count.fetch_add(length, Ordering::Relaxed);
        let _ = server.write_all(&buffer[..length]);
    }
    let _ = server.shutdown(Shutdown::Write);
}
