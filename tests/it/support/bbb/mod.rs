//! A double of a BBB server: its HTTP API and a client page, all of it scriptable by the tests while it runs.
//!
//! ```ignore
//! let bbb = Bbb::start().await;                       // or Bbb::of(Generation::V2_7).await
//! let meeting = bbb.meeting("physics").people(3);     // a running meeting
//! meeting.audio(Audio::LiveKit).guests(Guests::AskModerator);
//! // … a bot joins by an address signed with bbb.secret() at bbb.url() …
//! meeting.wait_session(|bot| bot.waiting).await;
//! meeting.admit();
//! meeting.wait_session(|bot| bot.audio.is_some()).await;
//! meeting.kick();
//! bbb.fail("getMeetings", Failure::Html);
//! ```
//!
//! What it assumes of a real server, and where it is simpler:
//! - API errors are XML with status 200; a failed `join` without `redirect=false` is a redirect to the logout address with `errors=[…]`.
//! - The session token works only with the cookie that came with `join`; other browsers get 401 for the page already (a real server sends
//!   the page and refuses what it asks for). The cookie lacks `Secure`, as the double speaks plain HTTP.
//! - Guest policy: moderators always get in; `ASK_MODERATOR` holds everybody else, `ALWAYS_ACCEPT_AUTH` those with `auth=false`. (The exact
//!   matrix of a real server is not documented.)
//! - A second join with the same `userID` ends the first session as a duplicate.
//! - A user is in the meeting while its page is connected; a lone user does not keep an ended meeting alive.
//! - 3.0 shows the lobby in the client page, 2.7 on a page of its own that polls; 2.7 has no `sendChatMessage` and no `graphql…` addresses.
//! - The client decides about the audio modal as 3.0 does: listen-only by itself with `force_listen_only` for viewers, else two buttons. The
//!   other [`Audio`] kinds are what other releases and settings show. Sound is 1 kHz for 80 ms on every full second, with a white flash in
//!   the lower right quarter, and is heard only while audio is joined.
//! - It cannot crash a page from within: tests do that through the browser. [`Meeting::hang`] blocks the page instead.

#![expect(dead_code, reason = "a double offers more than the tests of one day ask")]

mod answer;
mod api;
mod checksum;
mod client;
mod meeting;
mod session;
mod world;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use bluecast::secret::Secret;
use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

pub use checksum::{ALGORITHMS, Algorithm};
pub use meeting::{Audio, Guests, Meeting, Strip};
pub use session::{End, Session};
use world::World;
pub use world::{ChatMessage, Document, Request};

/// The release whose shapes the double answers in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Generation {
    V2_7,
    V3_0,
}

/// What goes wrong with a call, before its checksum is even looked at.
#[derive(Clone, Debug)]
pub enum Failure {
    /// An HTML page with status 200, as portals and captive networks answer.
    Html,
    /// An HTML page with this status.
    Status(u16),
    /// The right answer, late.
    Slow(Duration),
    /// No answer at all.
    Hang,
    /// The connection ends in the middle of the answer.
    CutOff,
    /// A whole HTTP answer with half a document.
    Truncated,
    /// A redirect to this address.
    Redirect(String),
    /// So many bytes of XML, without a length in advance.
    Huge(usize),
    /// Headers, then a byte every so often, without end.
    Drip(Duration),
    /// This content type and body.
    Answer(&'static str, String),
    /// A refusal with this message key.
    Refuse(&'static str),
}

/// The double. Dropping it ends it.
pub struct Bbb {
    shared: Shared,
    address: SocketAddr,
    server: Option<JoinHandle<()>>,
}

#[derive(Clone)]
pub(crate) struct Shared {
    world: Arc<Mutex<World>>,
    /// Whether the server is there; pages lose their connection when it goes away.
    here: watch::Sender<bool>,
}

impl Shared {
    fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap()
    }
}

impl Bbb {
    /// A 3.0 server on a free loopback port.
    pub async fn start() -> Self {
        Self::of(Generation::V3_0).await
    }

    /// A server of this generation.
    pub async fn of(generation: Generation) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Shared { world: Arc::new(Mutex::new(World::new(generation, address))), here: watch::Sender::new(true) };
        let server = Some(serve(listener, shared.clone()));
        Self { shared, address, server }
    }

    /// The base address as `bbb-conf --secret` prints it.
    pub fn url(&self) -> String {
        format!("http://{}/bigbluebutton/", self.address)
    }

    /// Scheme, host and port alone.
    pub fn origin(&self) -> String {
        format!("http://{}", self.address)
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    pub fn secret(&self) -> Secret {
        Secret::new(self.shared.world().secret.clone())
    }

    /// Gives the server another secret.
    pub fn change_secret(&self, secret: &str) {
        self.shared.world().secret = secret.into();
    }

    /// The checksum algorithms that the server takes (all four to begin with).
    pub fn take_only(&self, algorithms: &[Algorithm]) {
        self.shared.world().algorithms = algorithms.to_vec();
    }

    /// Makes the index tell the full version, as `allowRevealOfBBBVersion` does.
    pub fn reveal_version(&self, version: &str) {
        self.shared.world().version = version.into();
    }

    /// A running meeting with this id, new or the existing one.
    pub fn meeting(&self, id: &str) -> Meeting {
        self.shared.world().add_meeting(id);
        Meeting::new(self.shared.clone(), id)
    }

    /// Lets every further call of this name (`""` is the index) fail.
    pub fn fail(&self, call: &str, failure: Failure) {
        self.shared.world().failures.insert(call.into(), failure);
    }

    /// Ends the failures of a call.
    pub fn heal(&self, call: &str) {
        self.shared.world().failures.remove(call);
    }

    /// All API requests so far, oldest first.
    pub fn requests(&self) -> Vec<Request> {
        self.shared.world().requests.clone()
    }

    /// Those of one call.
    pub fn requests_of(&self, call: &str) -> Vec<Request> {
        self.requests().into_iter().filter(|request| request.call == call).collect()
    }

    /// What was said by `sendChatMessage`.
    pub fn chat(&self) -> Vec<ChatMessage> {
        self.shared.world().chat.clone()
    }

    /// What came in by `insertDocument`.
    pub fn documents(&self) -> Vec<Document> {
        self.shared.world().documents.clone()
    }

    /// Stops listening and cuts every connection, before it returns: the server cannot be reached any more.
    pub async fn go_away(&mut self) {
        self.shared.here.send_replace(false);
        if let Some(server) = self.server.take() {
            server.await.unwrap();
        }
    }

    /// Listens on the same port again.
    pub async fn come_back(&mut self) {
        let listener = super::wait::until("the double's port to be free", async || TcpListener::bind(self.address).await.ok()).await;
        self.shared.here.send_replace(true);
        self.server = Some(serve(listener, self.shared.clone()));
    }
}

impl Drop for Bbb {
    fn drop(&mut self) {
        self.shared.here.send_replace(false);
        if let Some(server) = &self.server {
            server.abort();
        }
    }
}

fn serve(listener: TcpListener, shared: Shared) -> JoinHandle<()> {
    let mut here = shared.here.subscribe();
    let service = TowerToHyperService::new(api::router().merge(client::router()).with_state(shared));
    tokio::spawn(async move {
        let mut connections = JoinSet::new();
        loop {
            let stream = tokio::select! {
                accepted = listener.accept() => accepted.unwrap().0,
                Some(_) = connections.join_next() => continue,
                _ = here.wait_for(|here| !here) => break,
            };
            connections.spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service.clone()).with_upgrades());
        }
        drop(listener);
        connections.shutdown().await;
    })
}
