//! A WHIP pusher in Rust, to try the double with.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bluecast::media::clock::MediaClock;
use bluecast::media::hub::{Hub, Subscription};
use bluecast::media::packet::{Packet, Track};
use str0m::change::SdpAnswer;
use str0m::crypto::from_feature_flags;
use str0m::media::{Direction, Frequency, MediaKind, MediaTime, Mid};
use str0m::net::{Protocol, Receive};
use str0m::{Candidate, Event, Input, Output, Rtc};
use tokio::net::UdpSocket;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

/// What a WHIP server said.
#[derive(Clone, Debug)]
pub struct Said {
    pub status: u16,
    pub location: Option<String>,
    pub headers: reqwest::header::HeaderMap,
    pub body: String,
}

/// How a pusher behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manner {
    Right,
    /// The RTP time of its sender reports runs at twice the rate, as that of a `webrtcbin` does whose LATENCY message nobody handles.
    FalseReports,
}

/// A pusher. Dropping it is like `kill -9`: nothing is said to the server.
pub struct Pusher {
    url: String,
    pub said: Said,
    task: JoinHandle<()>,
    keys_asked: Arc<Mutex<u64>>,
    _subscription: Subscription,
}

struct Link {
    rtc: Rtc,
    socket: UdpSocket,
    local: SocketAddr,
    mids: Vec<(Track, Mid)>,
    /// When the running time was zero.
    zero: Instant,
    manner: Manner,
}

impl Pusher {
    /// Pushes what a hub carries. A server that refuses is an `Err` with what it said.
    pub async fn push(url: &str, hub: &Hub, clock: &MediaClock, tracks: &[Track]) -> Result<Self, Said> {
        Self::push_as(url, hub, clock, tracks, Manner::Right).await
    }

    /// The same in another manner.
    pub async fn push_as(url: &str, hub: &Hub, clock: &MediaClock, tracks: &[Track], manner: Manner) -> Result<Self, Said> {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let local = socket.local_addr().unwrap();
        let config = Rtc::builder().set_crypto_provider(Arc::new(from_feature_flags())).clear_codecs().enable_opus(true, false);
        let mut rtc = config.enable_h264(true).build(Instant::now());
        rtc.add_local_candidate(Candidate::host(local, "udp").unwrap());
        let mut changes = rtc.sdp_api();
        let mut add = |track: &Track| {
            let kind = if *track == Track::H264 { MediaKind::Video } else { MediaKind::Audio };
            (*track, changes.add_media(kind, Direction::SendOnly, Some("bluecast".to_owned()), None, None))
        };
        let mids: Vec<(Track, Mid)> = tracks.iter().map(&mut add).collect();
        let (offer, pending) = changes.apply().unwrap();
        let said = post(url, &offer.to_sdp_string()).await;
        if said.status != 201 {
            return Err(said);
        }
        rtc.sdp_api().accept_answer(pending, SdpAnswer::from_sdp_string(&said.body).unwrap()).unwrap();
        let (packets, inbox) = mpsc::unbounded_channel();
        let hub_too = hub.clone();
        let subscription = hub.subscribe(tracks, move |packet| drop(packets.send(packet.clone())));
        let keys_asked = Arc::default();
        let zero = Instant::now().checked_sub(clock.now().into()).unwrap();
        let link = Link { rtc, socket, local, mids, zero, manner };
        let task = tokio::spawn(run(link, inbox, hub_too, Arc::clone(&keys_asked)));
        Ok(Self { url: url.to_owned(), said, task, keys_asked, _subscription: subscription })
    }

    /// How often the server asked for a key frame.
    pub fn keys_asked(&self) -> u64 {
        *self.keys_asked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says goodbye by `DELETE`; gives the status.
    pub async fn delete(self) -> u16 {
        let at = reqwest::Url::parse(&self.url).unwrap().join(self.said.location.as_deref().unwrap()).unwrap();
        client().delete(at).send().await.unwrap().status().as_u16()
    }
}

impl Drop for Pusher {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Made anew each time, as a client belongs to the runtime of its test.
fn client() -> reqwest::Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let builder = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none());
    builder.tls_certs_only([]).build().unwrap()
}

/// POSTs an offer.
pub async fn post(url: &str, offer: &str) -> Said {
    let request = client().post(url).header("content-type", "application/sdp").body(offer.to_owned());
    let response = request.send().await.unwrap();
    let headers = response.headers().clone();
    let location = headers.get("location").map(|value| value.to_str().unwrap().to_owned());
    Said { status: response.status().as_u16(), location, headers, body: response.text().await.unwrap() }
}

async fn run(mut link: Link, mut inbox: mpsc::UnboundedReceiver<Packet>, hub: Hub, keys_asked: Arc<Mutex<u64>>) {
    let mut datagram = vec![0; 2000];
    let (mut connected, mut begun) = (false, false);
    // The answer may have taken long; nothing begins before the time is known.
    let _ = link.rtc.handle_input(Input::Timeout(Instant::now()));
    loop {
        let due = loop {
            match link.rtc.poll_output() {
                Ok(Output::Timeout(due)) => break due,
                Ok(Output::Transmit(transmit)) => drop(link.socket.try_send_to(&transmit.contents, transmit.destination)),
                Ok(Output::Event(Event::Connected)) => {
                    connected = true;
                    hub.request_key_frame();
                }
                Ok(Output::Event(Event::KeyframeRequest(_))) => {
                    *keys_asked.lock().unwrap_or_else(PoisonError::into_inner) += 1;
                    hub.request_key_frame();
                }
                Ok(Output::Event(_)) => {}
                Err(_) => break Instant::now() + Duration::from_secs(1),
            }
        };
        tokio::select! {
            packet = inbox.recv() => {
                let Some(packet) = packet else { return };
                begun |= packet.track == Track::H264 && packet.key;
                if connected && (begun || packet.track != Track::H264) {
                    write(&mut link, &packet);
                }
            }
            received = link.socket.recv_from(&mut datagram) => {
                let Ok((length, source)) = received else { continue };
                if let Ok(contents) = datagram[..length].try_into() {
                    let receive = Receive { proto: Protocol::Udp, source, destination: link.local, contents };
                    let _ = link.rtc.handle_input(Input::Receive(Instant::now(), receive));
                }
            }
            () = tokio::time::sleep_until(due.into()) => drop(link.rtc.handle_input(Input::Timeout(Instant::now()))),
        }
    }
}

fn write(link: &mut Link, packet: &Packet) {
    let Some((_, mid)) = link.mids.iter().find(|(track, _)| *track == packet.track) else { return };
    let rate = if packet.track == Track::H264 { Frequency::NINETY_KHZ } else { Frequency::FORTY_EIGHT_KHZ };
    let Some(writer) = link.rtc.writer(*mid) else { return };
    let Some(pt) = writer.payload_params().map(|params| params.pt()).next() else { return };
    let ticks = u128::from(packet.pts().nseconds()) * u128::from(rate.get()) / 1_000_000_000;
    let time = MediaTime::new(u64::try_from(ticks).unwrap(), rate);
    let data = packet.buffer.map_readable().unwrap();
    // A report's RTP time is this packet's, and what has passed since it was captured.
    let captured = if link.manner == Manner::FalseReports { link.zero } else { link.zero + Duration::from(packet.pts()) };
    let _ = writer.write(pt, captured, time, data.to_vec());
}
