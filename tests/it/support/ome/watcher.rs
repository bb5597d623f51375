//! A viewer in Rust, to try the double with: it speaks the signalling and counts what comes.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use str0m::change::SdpOffer;
use str0m::crypto::from_feature_flags;
use str0m::net::{Protocol, Receive};
use str0m::{Candidate, Event, Input, Output, Rtc};
use tokio::net::{TcpStream, UdpSocket};
use tokio::task::JoinHandle;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;

/// A connection to the signalling.
pub struct Line {
    socket: WebSocketStream<TcpStream>,
}

impl Line {
    /// Opens one; the status of a refusal otherwise.
    pub async fn open(url: &str) -> Result<Self, u16> {
        let address = url.trim_start_matches("ws://").split('/').next().unwrap();
        let stream = TcpStream::connect(address).await.map_err(|_| 0u16)?;
        match tokio_tungstenite::client_async(url, stream).await {
            Ok((socket, _)) => Ok(Self { socket }),
            Err(tokio_tungstenite::tungstenite::Error::Http(answer)) => Err(answer.status().as_u16()),
            Err(_) => Err(0),
        }
    }

    pub async fn say(&mut self, value: &Value) {
        self.socket.send(Message::text(value.to_string())).await.unwrap();
    }

    /// The next message; `None` once the connection is closed.
    pub async fn hear(&mut self) -> Option<Value> {
        loop {
            match tokio::time::timeout(Duration::from_secs(20), self.socket.next()).await.expect("a message or an end within 20 s") {
                Some(Ok(Message::Text(text))) => return Some(serde_json::from_str(&text).expect("JSON")),
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                _ => return None,
            }
        }
    }

    /// Asks, and gives the answer.
    pub async fn ask(&mut self, value: &Value) -> Option<Value> {
        self.say(value).await;
        self.hear().await
    }
}

/// A viewer that takes what comes. Dropping it is like a browser that is killed.
pub struct Watcher {
    /// Of its signalling.
    pub line: Line,
    packets: Arc<AtomicU64>,
    task: JoinHandle<()>,
}

impl Watcher {
    /// Plays a stream; what was said instead of an offer otherwise.
    pub async fn play(url: &str) -> Result<Self, Value> {
        let mut line = Line::open(url).await.map_err(|status| json!({"status": status}))?;
        let offer = line.ask(&json!({"command": "request_offer"})).await.unwrap_or_default();
        if offer["command"] != "offer" {
            return Err(offer);
        }
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let local = socket.local_addr().unwrap();
        let config = Rtc::builder().set_crypto_provider(Arc::new(from_feature_flags())).set_rtp_mode(true);
        let mut rtc = config.build(Instant::now());
        rtc.add_local_candidate(Candidate::host(local, "udp").unwrap());
        let answer = rtc.sdp_api().accept_offer(SdpOffer::from_sdp_string(offer["sdp"]["sdp"].as_str().unwrap()).unwrap()).unwrap();
        for candidate in offer["candidates"].as_array().unwrap() {
            rtc.add_remote_candidate(Candidate::from_sdp_string(candidate["candidate"].as_str().unwrap()).unwrap());
        }
        let answer = json!({"type": "answer", "sdp": answer.to_sdp_string()});
        line.say(&json!({"id": offer["id"], "peer_id": 0, "command": "answer", "sdp": answer})).await;
        let packets = Arc::default();
        let task = tokio::spawn(run(rtc, socket, local, Arc::clone(&packets)));
        Ok(Self { line, packets, task })
    }

    /// RTP packets so far.
    pub fn packets(&self) -> u64 {
        self.packets.load(Ordering::Relaxed)
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn run(mut rtc: Rtc, socket: UdpSocket, local: SocketAddr, packets: Arc<AtomicU64>) {
    let mut datagram = vec![0; 2000];
    let _ = rtc.handle_input(Input::Timeout(Instant::now()));
    loop {
        let due = loop {
            match rtc.poll_output() {
                Ok(Output::Timeout(due)) => break due,
                Ok(Output::Transmit(transmit)) => drop(socket.try_send_to(&transmit.contents, transmit.destination)),
                Ok(Output::Event(Event::RtpPacket(_))) => drop(packets.fetch_add(1, Ordering::Relaxed)),
                Ok(Output::Event(_)) => {}
                Err(_) => return,
            }
        };
        let input = match tokio::time::timeout_at(due.into(), socket.recv_from(&mut datagram)).await {
            Ok(Ok((length, source))) => match datagram[..length].try_into() {
                Ok(contents) => Input::Receive(Instant::now(), Receive { proto: Protocol::Udp, source, destination: local, contents }),
                Err(_) => continue,
            },
            _ => Input::Timeout(Instant::now()),
        };
        let _ = rtc.handle_input(input);
    }
}
