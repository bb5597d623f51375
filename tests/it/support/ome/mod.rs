//! A double of OvenMediaEngine (OME) v0.20.0-16, inside the test process: WHIP ingest, playback signalling, REST, webhooks and signed
//! policies, with real WebRTC media behind them, so that what is pushed by WHIP is what a browser plays.
//!
//! Its words, numbers and refusals are those of a real OME that was watched on the wire, and where that was silent those of its source.
//! What it assumes besides, and what it lacks:
//! - A stream is listed as soon as its WHIP POST is answered, and can be played (`outputs` in its details) once packets passed.
//! - Media is not transcoded and not paced: the RTP payloads of the pusher go to the viewers, with time stamps made from the pusher's RTCP
//!   sender reports as OME makes them. So time stamps jump where the reports do, and a viewer hears it.
//! - Nothing is passed on before the reports of a track have come; with no report of any track for 5 s, or a single track, the RTP time
//!   stamps are taken as they are.
//! - Every session has a UDP socket of its own; OME takes one of a few configured ports.
//! - There is no TURN relay: `?transport=tcp` tells `iceServers` as OME does, and nothing listens there. No LL-HLS: its playlists are 404.
//! - RTMP and SRT ingest are elsewhere (`support::nginx`, `support::srt`); a test says by [`Ome::register`] that a stream came that way.
//! - An edge ([`Ome::edge_of`]) takes its media from its origin inside the process, not by OVT.
//! - Records and pushes are book-keeping; no file is written and nothing is pushed. There are no events and subtitles for LL-HLS.

pub mod access;
mod api;
mod edge;
mod front;
mod h264;
mod ingest;
mod jobs;
mod lip_sync;
mod offer;
mod peer;
pub mod pusher;
mod sdp;
mod signalling;
mod sps;
mod stream;
mod viewer;
pub mod watcher;
mod whip;
mod world;

use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Runtime;

use self::access::{Asked, Way};
pub use self::access::{HookCall, Policy, Webhooks};
pub use self::stream::{Ingest, Source, Stream, Unit, ViewerSeen};
use self::world::World;
pub use self::world::{Fault, Logged, Starve};
use super::hub_decode::Decoded;
use super::wait::until;

/// How a double is set up.
#[derive(Clone, Debug)]
pub struct OmeOptions {
    /// Where it listens, and what its candidates say.
    pub address: IpAddr,
    /// Its applications, all in the virtual host `default`.
    pub apps: Vec<String>,
    /// The `AccessToken` of its API.
    pub credentials: String,
    /// How long a WHIP pusher may be silent before its stream is dropped. OME: 30 s.
    pub whip_timeout: Duration,
    /// How long a viewer may be silent before it is dropped. OME: 30 s.
    pub viewer_timeout: Duration,
    /// Whether lost video is sent again (`Rtx` of the publisher; the set-up that was watched had it on, OME's default is off).
    pub rtx: bool,
    /// Who is asked about publishers and players.
    pub webhooks: Option<Webhooks>,
    /// What their addresses must be signed with.
    pub policy: Option<Policy>,
    /// When an edge drops a stream that nobody watches. OME: 60 s.
    pub unused_after: Duration,
    /// How often a key frame is asked of a pusher by FIR. OME: 3 s.
    pub fir_every: Duration,
}

impl Default for OmeOptions {
    fn default() -> Self {
        Self {
            address: Ipv4Addr::LOCALHOST.into(),
            apps: vec!["app".to_owned()],
            credentials: "rig:token".to_owned(),
            whip_timeout: Duration::from_secs(30),
            viewer_timeout: Duration::from_secs(30),
            unused_after: Duration::from_secs(60),
            rtx: true,
            webhooks: None,
            policy: None,
            fir_every: Duration::from_secs(3),
        }
    }
}

/// A running double. It has threads of its own, so that a busy test does not slow it down; dropping it ends it as a crash would.
pub struct Ome {
    world: Arc<World>,
    /// Signalling (WHIP and playback) and API.
    addresses: [SocketAddr; 2],
    runtime: Option<Runtime>,
}

impl Ome {
    /// Starts one on free ports.
    pub async fn start(options: OmeOptions) -> Self {
        Self::start_with(options, None)
    }

    /// Starts an edge of another: it takes no pushes, and takes a stream from there when somebody wants to watch it.
    pub async fn edge_of(origin: &Self, options: OmeOptions) -> Self {
        Self::start_with(options, Some(Arc::clone(&origin.world)))
    }

    fn start_with(options: OmeOptions, origin: Option<Arc<World>>) -> Self {
        let listeners = [0, 1].map(|_| TcpListener::bind((options.address, 0)).unwrap());
        let addresses = [0, 1].map(|at: usize| listeners[at].local_addr().unwrap());
        let world = World::new(options, origin);
        world.port.store(addresses[0].port(), std::sync::atomic::Ordering::Relaxed);
        let mut ome = Self { world, addresses, runtime: None };
        ome.serve(listeners);
        ome
    }

    fn serve(&mut self, listeners: [TcpListener; 2]) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).thread_name("ome").enable_all().build().unwrap();
        let [signalling, api] = listeners;
        runtime.spawn(front::serve(Arc::clone(&self.world), signalling, front::Door::Signalling));
        runtime.spawn(front::serve(Arc::clone(&self.world), api, front::Door::Api));
        self.runtime = Some(runtime);
    }

    /// Ends it at once: all sockets close, all streams and viewers are forgotten. The log of requests stays.
    pub fn stop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            self.world.forget();
            runtime.shutdown_background();
        }
    }

    /// Starts it again on the same ports, empty.
    pub async fn restart(&mut self) {
        self.stop();
        let addresses = self.addresses;
        let listeners = until("the ports to be free again", async || {
            let bound: Vec<TcpListener> = addresses.iter().map_while(|address| TcpListener::bind(address).ok()).collect();
            <[TcpListener; 2]>::try_from(bound).ok()
        })
        .await;
        self.serve(listeners);
    }

    /// Where to push a stream by WHIP.
    pub fn whip_url(&self, app: &str, stream: &str) -> String {
        format!("http://{}/{app}/{stream}?direction=whip", self.addresses[0])
    }

    /// Where to play a stream.
    pub fn signalling_url(&self, app: &str, stream: &str) -> String {
        format!("ws://{}/{app}/{stream}", self.addresses[0])
    }

    /// The address of the REST API, without a path.
    pub fn api_url(&self) -> String {
        format!("http://{}", self.addresses[1])
    }

    /// Names (`app/stream`) of the live streams.
    pub fn streams(&self) -> Vec<String> {
        self.world.lock().streams.keys().cloned().collect()
    }

    /// A stream that is live, or the last one of that name that was.
    pub fn stream(&self, name: &str) -> Option<Arc<Stream>> {
        self.world.find_ever(name)
    }

    /// Waits until media of all its tracks passes.
    pub async fn wait_for_stream(&self, name: &str) -> Arc<Stream> {
        let live = tokio::time::timeout(Duration::from_secs(30), async {
            until("the stream to be live on OME", async || self.world.find(name).filter(|stream| stream.is_playable())).await
        });
        live.await.unwrap_or_else(|_| panic!("{name} is not live on OME: {:?}", self.ingest(name)))
    }

    /// Waits until there is no such stream.
    pub async fn wait_for_end(&self, name: &str) {
        until("the stream to be gone from OME", async || self.world.find(name).is_none().then_some(())).await;
    }

    /// What came of a stream's media, the latest minutes of it. Empty for one that never was.
    pub fn received(&self, name: &str) -> Vec<Unit> {
        self.stream(name).map(|stream| stream.received()).unwrap_or_default()
    }

    /// What was seen of a stream's ingest.
    pub fn ingest(&self, name: &str) -> Ingest {
        self.stream(name).map(|stream| stream.ingest()).unwrap_or_default()
    }

    /// Decodes a live stream from its next key frame on: the clock in the picture, the beep in the sound.
    pub fn decode(&self, name: &str) -> Decoded {
        let stream = self.world.find(name).expect("a live stream");
        let decoded = Decoded::attach_hub(&stream.hub, &[bluecast::media::packet::Track::H264, bluecast::media::packet::Track::Opus]);
        stream.want_key_frame();
        decoded
    }

    /// Ends a stream on OME's side, without a word to its pusher.
    pub fn kill_source(&self, name: &str) {
        self.world.end(name);
    }

    /// Lists a stream that came by another protocol, or did once. No media comes of it.
    pub fn register(&self, app: &str, stream: &str, source: Source) -> Arc<Stream> {
        let stream = Stream::new(app, stream, source);
        stream.pretend_media();
        self.world.publish(stream).expect("the name is free")
    }

    /// Whether the pushes that it was told to make fail.
    pub fn fail_pushes(&self, fail: bool) {
        self.world.lock().pushes_fail = fail;
    }

    /// Publishes as an RTMP or SRT pusher would, with all that is asked before; the reason where it is refused. `url` is what the pusher
    /// asked for: `rtmp://host:port/app/stream?…`, `srt://host/app/stream?…`.
    pub async fn publish(&self, source: Source, url: &str) -> Result<Arc<Stream>, String> {
        let protocol = if source == Source::Srt { "SRT" } else { "RTMP" };
        let asked = Asked::plainly(url, protocol);
        let admitted = match access::admit(&self.world, Way::In, &asked).await {
            Ok(admitted) => admitted,
            Err(refused) => {
                if protocol == "RTMP" {
                    access::close(&self.world, Way::In, &asked, None).await;
                }
                return Err(refused);
            }
        };
        let segments = admitted.segments();
        let (app, name) = (segments.first().ok_or("no application")?, segments.get(1).ok_or("no stream")?);
        if !self.world.options.apps.contains(app) {
            return Err(format!("Could not find vhost/app: {app}"));
        }
        let mut stream = Stream::new(app, name, source);
        stream.pretend_media();
        stream.urls = (url.to_owned(), admitted.url);
        let stream = self.world.publish(stream).map_err(|_| "Reject: duplicate name".to_owned())?;
        if let (Some(until), Some(runtime)) = (admitted.until, &self.runtime) {
            let (world, stream) = (Arc::clone(&self.world), Arc::clone(&stream));
            runtime.spawn(async move {
                tokio::time::sleep_until(until.into()).await;
                if !stream.stop.is_cancelled() {
                    world.end_stream(&stream);
                    access::close(&world, Way::In, &Asked::plainly(&stream.urls.0, protocol), Some(&stream.urls.1)).await;
                }
            });
        }
        Ok(stream)
    }

    /// Ends a stream that came by RTMP or SRT as its pusher would.
    pub async fn unpublish(&self, stream: &Arc<Stream>) {
        let protocol = if stream.source == Source::Srt { "SRT" } else { "RTMP" };
        self.world.end_stream(stream);
        access::close(&self.world, Way::In, &Asked::plainly(&stream.urls.0, protocol), Some(&stream.urls.1)).await;
    }

    /// Every call of the webhook so far.
    pub fn hooks(&self) -> Vec<HookCall> {
        self.world.lock().hooks.clone()
    }

    /// A WHIP stream whose pusher is long dead and which no time-out ends: a POST to its name is answered 409 until it is deleted, by the
    /// path returned (its `Location`) or by the API.
    pub fn haunt(&self, app: &str, stream: &str) -> String {
        let ghost = self.register(app, stream, Source::WebRtc { remote: "192.0.2.9:9".parse().unwrap() });
        whip::location(app, stream, &ghost.session)
    }

    /// How WHIP is answered from now on.
    pub fn whip_fault(&self, fault: Fault) {
        self.world.lock().faults.whip = fault;
    }

    /// How the API is answered from now on.
    pub fn api_fault(&self, fault: Fault) {
        self.world.lock().faults.api = fault;
    }

    /// How the playback signalling is answered from now on. What makes sense only once there is a socket comes on the socket.
    pub fn signalling_fault(&self, fault: Fault) {
        self.world.lock().faults.signalling = fault;
    }

    /// Who watches a stream now.
    pub fn viewers(&self, name: &str) -> Vec<ViewerSeen> {
        self.world.find(name).map(|stream| stream.viewers()).unwrap_or_default()
    }

    /// Keeps media from the viewers, present and future, while their connections stay.
    pub fn starve(&self, what: Starve) {
        self.world.lock().starved = what;
    }

    /// Loses so many of a thousand media packets on their way to viewers.
    pub fn lose(&self, permille: u32) {
        self.world.loss.store(permille, std::sync::atomic::Ordering::Relaxed);
    }

    /// Every request so far, on both ports.
    pub fn requests(&self) -> Vec<Logged> {
        self.world.lock().requests.clone()
    }
}

impl Drop for Ome {
    fn drop(&mut self) {
        self.stop();
    }
}
