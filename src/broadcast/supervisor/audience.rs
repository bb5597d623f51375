//! Follows the broadcasts to their origins: whether they are really live there, and who watches.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use serde_json::json;

use super::super::listing::{Act, Loop, Output};
use super::super::session::{Event, TargetView, View};
use super::super::store::{self, Reaches};
use super::{Inner, Supervisor};
use crate::origin::Origins;
use crate::origin::seen::Stream;
use crate::origin::warning::TargetAtOrigin;
use crate::origin::watch::{Interest, Watch};

/// How often it is looked, and how often a count is told at most.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// What is known of the broadcasts at their origins.
pub(super) struct Audience {
    watch: Watch,
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    viewers: HashMap<String, u64>,
    targets: HashMap<String, TargetAtOrigin>,
}

impl Audience {
    pub(super) fn new(origins: Origins) -> Self {
        Self { watch: Watch::new(origins), known: Mutex::default() }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn viewers(&self, broadcast_id: &str) -> u64 {
        self.known().viewers.get(broadcast_id).copied().unwrap_or(0)
    }

    pub(super) fn at_origin(&self, target_id: &str) -> Option<TargetAtOrigin> {
        self.known().targets.get(target_id).cloned()
    }
}

/// A target that is a stream at an origin.
struct Place {
    broadcast_id: String,
    target_id: String,
    origin_id: String,
    stream: Stream,
}

/// What is remembered from look to look.
#[derive(Default)]
struct Memory {
    reaches: Vec<Reaches>,
    loops: HashMap<String, Loop>,
    /// The rooms of the broadcasts whose viewers were told, by broadcast.
    told: HashMap<String, (Option<String>, u64)>,
    /// Origins whose viewers are among the metrics.
    counted: BTreeMap<String, u64>,
}

/// Looks until the process ends.
pub(super) async fn follow(inner: Weak<Inner>) {
    let mut memory = Memory::default();
    let mut every = tokio::time::interval(LOOK_EVERY);
    every.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        every.tick().await;
        let Some(inner) = inner.upgrade() else { return };
        memory.look(&Supervisor(inner)).await;
    }
}

impl Memory {
    async fn look(&mut self, supervisor: &Supervisor) {
        let views: HashMap<String, View> = supervisor.sessions().iter().map(|(id, session)| (id.clone(), session.view())).collect();
        if views.is_empty() {
            self.reaches.clear();
        } else {
            match store::reaches(&supervisor.0.store, supervisor.node()).await {
                Ok(reaches) => self.reaches = reaches,
                // What was there a second ago is there now.
                Err(error) => tracing::warn!(%error, "the origins of broadcasts cannot be read"),
            }
        }
        self.reaches.retain(|reach| views.contains_key(&reach.broadcast_id));
        let places: Vec<Place> = self.reaches.iter().filter_map(place).collect();
        self.listings(supervisor, &views, &places).await;
        self.count(supervisor, &places);
    }

    /// Asks for what is wanted, and closes the loop for each target.
    async fn listings(&mut self, supervisor: &Supervisor, views: &HashMap<String, View>, places: &[Place]) {
        let (audience, now) = (&supervisor.0.audience, Instant::now());
        let mut wanted: HashMap<String, Interest> = HashMap::new();
        self.loops.retain(|id, _| places.iter().any(|place| place.target_id == *id));
        for place in places {
            let target = self.loops.entry(place.target_id.clone()).or_default();
            if let Some(view) = target_of(views, place) {
                target.output(output(view), now);
            }
            let interest = wanted.entry(place.origin_id.clone()).or_default();
            interest.streams.insert(place.stream.clone());
            if target.on() {
                interest.on.insert(place.stream.clone());
            }
        }
        audience.watch.want(wanted);
        let mut shown = HashMap::new();
        for place in places {
            let Some((health, listing)) = audience.watch.listing(&place.origin_id, &place.stream) else { continue };
            let (Some(view), Some(target)) = (target_of(views, place), self.loops.get_mut(&place.target_id)) else { continue };
            let (mut at_origin, acts) = target.look(output(view), &health, listing.as_ref(), now);
            at_origin.viewers = audience.watch.viewers(&place.origin_id, &place.stream, now);
            shown.insert(place.target_id.clone(), at_origin);
            for act in acts {
                supervisor.act(place, view, act).await;
            }
        }
        audience.known().targets = shown;
    }

    /// Sums who watches, and tells those whose count has changed.
    fn count(&mut self, supervisor: &Supervisor, places: &[Place]) {
        let (audience, now) = (&supervisor.0.audience, Instant::now());
        let mut viewers: HashMap<String, (Option<String>, u64)> = HashMap::new();
        let mut embedded = 0;
        for reach in &self.reaches {
            viewers.entry(reach.broadcast_id.clone()).or_insert_with(|| {
                let here = supervisor.0.whep.get().map_or(0, |whep| whep.audience(&reach.broadcast_id));
                embedded += here;
                (reach.room_key.clone(), here)
            });
        }
        let mut by_origin: BTreeMap<String, u64> = self.counted.keys().map(|name| (name.clone(), 0)).collect();
        for place in places {
            let there = audience.watch.viewers(&place.origin_id, &place.stream, now);
            if let Some((_, sum)) = viewers.get_mut(&place.broadcast_id) {
                *sum = sum.saturating_add(there);
            }
            if let Some(name) = audience.watch.name(&place.origin_id) {
                *by_origin.entry(name).or_default() += there;
            }
        }
        measure(embedded, &by_origin);
        self.counted = by_origin;
        audience.known().viewers = viewers.iter().map(|(id, (_, viewers))| (id.clone(), *viewers)).collect();
        let gone: Vec<(String, Option<String>)> =
            self.told.iter().filter(|(id, _)| !viewers.contains_key(*id)).map(|(id, (room, _))| (id.clone(), room.clone())).collect();
        for (id, (room, viewers)) in &viewers {
            if self.told.get(id).map_or(0, |(_, told)| *told) != *viewers {
                tell(supervisor, id, room.as_deref(), *viewers);
            }
        }
        for (id, room) in gone {
            // A broadcast that follows in the same room has said its own count.
            let taken = viewers.values().any(|(other, _)| other.is_some() && *other == room);
            tell(supervisor, &id, room.as_deref().filter(|_| !taken), 0);
        }
        self.told = viewers;
    }
}

impl Supervisor {
    async fn act(&self, place: &Place, view: &TargetView, act: Act) {
        let session = self.session(&place.broadcast_id);
        match (act, session) {
            (Act::Reconnect(sentence), Some(session)) => session.not_listed(&place.target_id, sentence).await,
            (Act::Listed, Some(session)) => session.listed(&place.target_id).await,
            (Act::Tell(warning), _) => {
                let message = format!("{}: {}", view.label, warning.sentence);
                let event = Event { code: warning.code, message, target_id: Some(place.target_id.clone()) };
                self.event(&place.broadcast_id, &event).await;
            }
            (_, None) => {}
        }
    }
}

fn place(reach: &Reaches) -> Option<Place> {
    Some(Place {
        broadcast_id: reach.broadcast_id.clone(),
        target_id: reach.target_id.clone()?,
        origin_id: reach.origin_id.clone()?,
        stream: Stream { app: reach.app.clone()?, name: reach.stream_name.clone()? },
    })
}

fn target_of<'a>(views: &'a HashMap<String, View>, place: &Place) -> Option<&'a TargetView> {
    views.get(&place.broadcast_id)?.targets.iter().find(|target| target.id == place.target_id)
}

fn output(view: &TargetView) -> Output<'_> {
    Output { label: &view.label, protocol: &view.protocol, live: view.state == "live", reconnects: view.reconnects }
}

fn tell(supervisor: &Supervisor, id: &str, room: Option<&str>, viewers: u64) {
    supervisor.0.news.tell("broadcast", json!({ "id": id, "viewers": viewers }));
    if let Some(key) = room {
        supervisor.0.news.tell("room", json!({ "id": key, "viewers": viewers }));
    }
}

fn measure(embedded: u64, by_origin: &BTreeMap<String, u64>) {
    #[expect(clippy::cast_precision_loss, reason = "numbers of people")]
    let number = |viewers: u64| viewers as f64;
    metrics::gauge!("bluecast_viewers", "at" => "embedded", "origin" => "").set(number(embedded));
    for (name, viewers) in by_origin {
        metrics::gauge!("bluecast_viewers", "at" => "origin", "origin" => name.clone()).set(number(*viewers));
    }
}
