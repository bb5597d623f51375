//! The thread that serves all viewers.

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::ops::RangeInclusive;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use str0m::Input;
use str0m::net::{Protocol, Receive, Transmit};
use tokio::sync::{mpsc, oneshot};

use super::offer::Agreed;
use super::viewer::{Outcome, Viewer, likely_destination};
use super::{Seen, WhepError};
use crate::media::clock::MediaClock;
use crate::media::hub::{Hub, Subscription};
use crate::media::packet::{Packet, Track};

/// Encoded packets that may wait for the thread: over a second of one broadcast.
const WAITING: usize = 256;
/// A datagram of ours, and of theirs, is never longer.
const LONGEST_DATAGRAM: usize = 2000;
/// What a burst (a key frame to all viewers) may fill; the kernel cuts it to its own limit.
const SEND_BUFFER: usize = 4 << 20;
const IDLE: Duration = Duration::from_secs(1);

/// What the thread is asked for.
pub(super) enum Command {
    Add { session: String, stream: String, hub: Hub, clock: MediaClock, agreed: Box<Agreed>, reply: oneshot::Sender<Result<(), WhepError>> },
    Remove { session: String, reply: oneshot::Sender<bool> },
    Close { stream: String },
}

/// One socket for both kinds of addresses where the system has IPv6, on the first free port of the range.
pub(super) fn bind(ports: Option<RangeInclusive<u16>>) -> io::Result<UdpSocket> {
    let any = [IpAddr::V6(Ipv6Addr::UNSPECIFIED), IpAddr::V4(Ipv4Addr::UNSPECIFIED)];
    let mut last = io::ErrorKind::AddrNotAvailable.into();
    for port in ports.unwrap_or(0..=0) {
        for address in any {
            match UdpSocket::bind((address, port)) {
                Ok(socket) => {
                    socket.set_nonblocking(true)?;
                    // What the kernel gives by itself does, too.
                    let _ = rustix::net::sockopt::set_socket_send_buffer_size(&socket, SEND_BUFFER);
                    return Ok(socket);
                }
                Err(error) => {
                    let taken = error.kind() == io::ErrorKind::AddrInUse;
                    last = error;
                    // Taken for one kind of address is taken for both.
                    if taken {
                        break;
                    }
                }
            }
        }
    }
    Err(last)
}

pub(super) fn start(
    socket: UdpSocket,
    addresses: Vec<SocketAddr>,
    commands: mpsc::Receiver<Command>,
    seen: Seen,
    max_viewers: usize,
) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build()?;
    let dual = socket.local_addr()?.is_ipv6();
    let socket = {
        let _inside = runtime.enter();
        tokio::net::UdpSocket::from_std(socket)?
    };
    let (packets, arrivals) = mpsc::channel(WAITING);
    let server = Server {
        socket,
        dual,
        addresses,
        seen,
        max_viewers,
        packets,
        viewers: HashMap::new(),
        streams: BTreeMap::new(),
        reported: Instant::now(),
    };
    std::thread::Builder::new().name("whep".into()).spawn(move || runtime.block_on(server.run(commands, arrivals)))?;
    Ok(())
}

/// A packet of a stream, on its way from the encoder's thread.
struct Arrival {
    stream: Arc<str>,
    packet: Packet,
}

struct Stream {
    hub: Hub,
    /// When the broadcast's running time was zero.
    zero: Instant,
    /// Set where packets were dropped because this thread did not keep up.
    gap: Arc<AtomicBool>,
    _subscription: Subscription,
}

struct Server {
    socket: tokio::net::UdpSocket,
    /// Whether the socket is an IPv6 one that takes IPv4 as well.
    dual: bool,
    addresses: Vec<SocketAddr>,
    seen: Seen,
    max_viewers: usize,
    packets: mpsc::Sender<Arrival>,
    viewers: HashMap<String, Viewer>,
    streams: BTreeMap<String, Stream>,
    reported: Instant,
}

impl Server {
    async fn run(mut self, mut commands: mpsc::Receiver<Command>, mut arrivals: mpsc::Receiver<Arrival>) {
        let mut datagram = vec![0; LONGEST_DATAGRAM];
        loop {
            let due = self.viewers.values().map(|viewer| viewer.due).min().unwrap_or_else(|| Instant::now() + IDLE);
            tokio::select! {
                biased;
                arrival = arrivals.recv() => if let Some(arrival) = arrival { self.distribute(&arrival) },
                command = commands.recv() => match command {
                    Some(command) => self.obey(command),
                    None => return self.leave(),
                },
                received = self.socket.recv_from(&mut datagram) => match received {
                    Ok((length, from)) => self.receive(&datagram[..length], from),
                    // An ICMP answer to something sent earlier; its viewer falls silent and is cleaned up.
                    Err(error) => tracing::trace!(%error, "whep: socket"),
                },
                () = tokio::time::sleep_until(due.into()) => self.tick(),
            }
        }
    }

    fn obey(&mut self, command: Command) {
        match command {
            Command::Add { reply, .. } if self.viewers.len() >= self.max_viewers => drop(reply.send(Err(WhepError::Full))),
            Command::Add { session, stream, hub, clock, agreed, reply } => {
                if !self.streams.contains_key(&stream) {
                    let joined = self.join(&stream, hub, &clock);
                    self.streams.insert(stream.clone(), joined);
                }
                self.viewers.insert(session, Viewer::new(stream, *agreed, Instant::now()));
                self.report();
                let _ = reply.send(Ok(()));
            }
            Command::Remove { session, reply } => {
                let known = self.viewers.contains_key(&session);
                self.remove(&session);
                let _ = reply.send(known);
            }
            Command::Close { stream } => {
                let sessions: Vec<String> =
                    self.viewers.iter().filter(|(_, viewer)| viewer.stream == stream).map(|(session, _)| session.clone()).collect();
                for session in sessions {
                    self.remove(&session);
                }
            }
        }
    }

    fn join(&self, name: &str, hub: Hub, clock: &MediaClock) -> Stream {
        let zero = Instant::now().checked_sub(clock.now().into()).unwrap_or_else(Instant::now);
        let (gap, stream, packets) = (Arc::new(AtomicBool::new(false)), Arc::from(name), self.packets.clone());
        let missed = Arc::clone(&gap);
        let subscription = hub.subscribe(&[Track::H264, Track::Opus], move |packet| {
            let arrival = Arrival { stream: Arc::clone(&stream), packet: packet.clone() };
            if packets.try_send(arrival).is_err() && packet.track == Track::H264 {
                missed.store(true, Ordering::Relaxed);
            }
        });
        Stream { hub, zero, gap, _subscription: subscription }
    }

    fn distribute(&mut self, arrival: &Arrival) {
        let Some(stream) = self.streams.get(&*arrival.stream) else { return };
        let Ok(data) = arrival.packet.buffer.map_readable() else { return };
        let anew = arrival.packet.track == Track::H264 && stream.gap.swap(false, Ordering::Relaxed);
        let captured = stream.zero + Duration::from(arrival.packet.pts());
        let mut wants_key = anew && !arrival.packet.key;
        let mut gone = Vec::new();
        let mut send = sender(&self.socket, self.dual);
        for (session, viewer) in self.viewers.iter_mut().filter(|(_, viewer)| viewer.stream == *arrival.stream) {
            if anew {
                viewer.begin_anew();
            }
            let outcome = viewer.write(Instant::now(), captured, &arrival.packet, &data, &mut send);
            wants_key |= outcome.wants_key;
            if outcome.gone {
                gone.push(session.clone());
            }
        }
        drop(send);
        if wants_key {
            stream.hub.request_key_frame();
        }
        for session in gone {
            self.remove(&session);
        }
    }

    fn receive(&mut self, datagram: &[u8], from: SocketAddr) {
        let source = SocketAddr::new(from.ip().to_canonical(), from.port());
        let Some(destination) = likely_destination(source, &self.addresses) else { return };
        let Ok(contents) = datagram.try_into() else { return };
        let now = Instant::now();
        let input = Input::Receive(now, Receive { proto: Protocol::Udp, source, destination, contents });
        let Some((session, viewer)) = self.viewers.iter_mut().find(|(_, viewer)| viewer.accepts(&input)) else { return };
        let outcome = viewer.receive(now, input, &mut sender(&self.socket, self.dual));
        let session = session.clone();
        self.settle(&session, outcome);
    }

    fn tick(&mut self) {
        let now = Instant::now();
        let due: Vec<String> = self.viewers.iter().filter(|(_, viewer)| viewer.due <= now).map(|(session, _)| session.clone()).collect();
        for session in due {
            let Some(viewer) = self.viewers.get_mut(&session) else { continue };
            let outcome = viewer.tick(now, &mut sender(&self.socket, self.dual));
            self.settle(&session, outcome);
        }
        if now.saturating_duration_since(self.reported) >= IDLE {
            self.report();
        }
    }

    fn settle(&mut self, session: &str, outcome: Outcome) {
        if outcome.wants_key
            && let Some(stream) = self.viewers.get(session).and_then(|viewer| self.streams.get(&viewer.stream))
        {
            stream.hub.request_key_frame();
        }
        if outcome.gone {
            self.remove(session);
        }
    }

    /// The last viewer of a stream takes its subscription along, so that nothing is encoded for nobody.
    fn remove(&mut self, session: &str) {
        let Some(mut viewer) = self.viewers.remove(session) else { return };
        viewer.close();
        if !self.viewers.values().any(|other| other.stream == viewer.stream) {
            self.streams.remove(&viewer.stream);
        }
        self.report();
    }

    fn report(&mut self) {
        self.reported = Instant::now();
        let viewers = self.viewers.iter().map(|(session, viewer)| (session.clone(), (viewer.stream.clone(), viewer.stats))).collect();
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = viewers;
    }

    fn leave(mut self) {
        self.viewers.clear();
        self.streams.clear();
        self.report();
    }
}

/// Sends what a viewer's connection lets out. A full socket drops it: the viewer asks again for what it misses.
fn sender(socket: &tokio::net::UdpSocket, dual: bool) -> impl FnMut(&Transmit) {
    move |transmit| {
        let to = match transmit.destination.ip() {
            IpAddr::V4(address) if dual => SocketAddr::new(address.to_ipv6_mapped().into(), transmit.destination.port()),
            _ => transmit.destination,
        };
        let _ = socket.try_send_to(&transmit.contents, to);
    }
}
