//! Asks origins and edges, gently, what became of the streams that are pushed to them: one task for each origin that is in use, one for each
//! of its servers, one question at a time to each.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

use super::client::Client;
use super::clients::{OriginError, Origins};
use super::pace::Pace;
use super::round::{self, Asks};
use super::seen::{Health, Listing, Seen, ServerSeen, Stream};
use crate::chance;

/// How often it is looked whether an origin was changed.
const LOOK_EVERY: Duration = Duration::from_secs(3);
/// However much changes, a server is not asked again sooner.
const AT_LEAST: Duration = Duration::from_millis(500);
/// Origins that are watched at a time.
const ORIGINS: usize = 256;

/// What is looked for at an origin.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Interest {
    /// The streams.
    pub streams: BTreeSet<Stream>,
    /// Those that should be there by now.
    pub on: BTreeSet<Stream>,
}

/// The watch over all origins in use. Clones are the same.
#[derive(Clone)]
pub struct Watch(Arc<Inner>);

struct Inner {
    origins: Origins,
    watched: Mutex<HashMap<String, Watched>>,
}

/// An origin in use. Dropping it ends its tasks.
struct Watched {
    interest: watch::Sender<Interest>,
    seen: Arc<Mutex<Seen>>,
    task: JoinHandle<()>,
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Watch {
    /// A watch over nothing yet.
    pub fn new(origins: Origins) -> Self {
        Self(Arc::new(Inner { origins, watched: Mutex::default() }))
    }

    fn watched(&self) -> MutexGuard<'_, HashMap<String, Watched>> {
        self.0.watched.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says what is looked for, by the origins' ids, in place of what was before. New streams are asked for at once.
    pub fn want(&self, mut wanted: HashMap<String, Interest>) {
        let mut watched = self.watched();
        watched.retain(|id, _| wanted.contains_key(id));
        for (id, watched) in watched.iter() {
            let interest = wanted.remove(id).unwrap_or_default();
            watched.interest.send_if_modified(|old| {
                let news = *old != interest;
                *old = interest;
                news
            });
        }
        for (id, interest) in wanted {
            if watched.len() >= ORIGINS {
                tracing::warn!("more than {ORIGINS} origins are in use; the others are not watched");
                break;
            }
            let (sender, interest) = watch::channel(interest);
            let seen = Arc::<Mutex<Seen>>::default();
            let follow = follow(self.0.origins.clone(), id.clone(), interest, Arc::clone(&seen));
            watched.insert(id, Watched { interest: sender, seen, task: tokio::spawn(follow) });
        }
    }

    fn seen<T>(&self, origin_id: &str, read: impl FnOnce(&Seen) -> T) -> Option<T> {
        let seen = Arc::clone(&self.watched().get(origin_id)?.seen);
        let seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
        Some(read(&seen))
    }

    /// Whether an origin has a stream, as far as is known, and how the origin answers; `None` where it has no API or is not watched.
    pub fn listing(&self, origin_id: &str, stream: &Stream) -> Option<(Health, Option<Listing>)> {
        self.seen(origin_id, |seen| seen.origin.as_ref().map(|origin| (origin.health.clone(), origin.listings.get(stream).cloned())))?
    }

    /// Who watches a stream at an origin or its edges.
    pub fn viewers(&self, origin_id: &str, stream: &Stream, now: Instant) -> u64 {
        self.seen(origin_id, |seen| seen.viewers(stream, now)).unwrap_or(0)
    }

    /// What people call an origin that is watched.
    pub fn name(&self, origin_id: &str) -> Option<String> {
        self.seen(origin_id, |seen| seen.name.clone()).filter(|name| !name.is_empty())
    }
}

/// Keeps a poller for each server of an origin, for as long as it is watched, and begins anew when somebody changed it.
async fn follow(origins: Origins, id: String, interest: watch::Receiver<Interest>, seen: Arc<Mutex<Seen>>) {
    let mut pollers = JoinSet::new();
    let mut as_of = None;
    loop {
        match origins.find(&id).await {
            Ok(Some(origin)) if as_of == Some(origin.changed_ms) => {}
            Ok(Some(origin)) => match origins.edges(&id).await {
                Ok(edges) => {
                    clear(&mut pollers);
                    as_of = Some(origin.changed_ms);
                    let mut fresh = Seen { name: origin.name.clone(), ..Seen::default() };
                    let asks = if edges.is_empty() { Asks::Both } else { Asks::Listings };
                    let mut start = |server: Server, client: Result<Client, OriginError>, asks| match client {
                        Ok(client) => {
                            let gauge = Up { origin: origin.name.clone(), server: server.clone() };
                            let (vhost, interest, seen) = (origin.vhost.clone(), interest.clone(), Arc::clone(&seen));
                            pollers.spawn(Poller { server, client, asks, vhost, interest, seen, gauge }.run());
                            ServerSeen::default()
                        }
                        Err(error) => ServerSeen { health: Health::Down(error.code(), error.to_string()), ..ServerSeen::default() },
                    };
                    if origin.api_url.is_some() {
                        fresh.origin = Some(start(Server::Origin, origins.client(&origin), asks));
                    }
                    for edge in edges {
                        let found = start(Server::Edge(edge.name.clone()), origins.edge_client(&edge), Asks::Readings);
                        fresh.edges.insert(edge.name, found);
                    }
                    *seen.lock().unwrap_or_else(PoisonError::into_inner) = fresh;
                }
                Err(error) => tracing::warn!(%error, "the edges of an origin cannot be read"),
            },
            Ok(None) => {
                clear(&mut pollers);
                as_of = None;
                *seen.lock().unwrap_or_else(PoisonError::into_inner) = Seen::default();
            }
            Err(error) => tracing::warn!(%error, "an origin cannot be read"),
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

fn clear(pollers: &mut JoinSet<()>) {
    pollers.abort_all();
    pollers.detach_all();
}

/// One of an origin's servers.
#[derive(Clone, Debug)]
enum Server {
    Origin,
    Edge(String),
}

struct Poller {
    server: Server,
    client: Client,
    asks: Asks,
    vhost: String,
    interest: watch::Receiver<Interest>,
    seen: Arc<Mutex<Seen>>,
    gauge: Up,
}

impl Poller {
    async fn run(mut self) {
        let mut pace = Pace::default();
        let mut before = ServerSeen::default();
        loop {
            let interest = self.interest.borrow_and_update().clone();
            let started = Instant::now();
            let result = round::ask(&self.client, self.asks, &self.vhost, &interest.streams, &mut before).await;
            metrics::histogram!("bluecast_origin_poll_seconds", "origin" => self.gauge.origin.clone()).record(started.elapsed());
            let succeeded = result.is_ok();
            let health = match result {
                Ok(()) => Health::Up,
                Err(error) => Health::Down(error.code(), error.to_string()),
            };
            if health != before.health {
                let server = self.client.host();
                if let Health::Down(code, sentence) = &health {
                    tracing::warn!(origin = self.gauge.origin, server, code, "{sentence}");
                } else {
                    tracing::info!(origin = self.gauge.origin, server, "its API answers");
                }
            }
            before.health = health;
            self.gauge.set(if succeeded { 1.0 } else { 0.0 });
            self.keep(before.clone());
            let wait = pace.after(!interest.on.is_empty(), succeeded, chance::draw());
            let sleep = tokio::time::sleep_until((started + wait).max(Instant::now() + AT_LEAST).into());
            tokio::pin!(sleep);
            tokio::select! {
                () = &mut sleep => {}
                changed = self.interest.changed(), if !pace.failing() => {
                    if changed.is_err() {
                        return;
                    }
                    tokio::time::sleep_until((started + AT_LEAST).into()).await;
                }
            }
        }
    }

    fn keep(&self, fresh: ServerSeen) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        match &self.server {
            Server::Origin => seen.origin = Some(fresh),
            Server::Edge(name) => {
                // One that was just taken off leaves nothing behind.
                if let Some(edge) = seen.edges.get_mut(name) {
                    *edge = fresh;
                }
            }
        }
    }
}

/// Whether a server answers, for `/metrics`. What is watched no more is neither up nor down.
struct Up {
    origin: String,
    server: Server,
}

impl Up {
    fn set(&self, value: f64) {
        let origin = self.origin.clone();
        match &self.server {
            Server::Origin => metrics::gauge!("bluecast_origin_up", "origin" => origin).set(value),
            Server::Edge(edge) => metrics::gauge!("bluecast_edge_up", "origin" => origin, "edge" => edge.clone()).set(value),
        }
    }
}

impl Drop for Up {
    fn drop(&mut self) {
        self.set(f64::NAN);
    }
}
