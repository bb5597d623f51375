//! Fan-out of the encoded program: one encoder, any number of outputs, none of which can hold up another.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, RwLock};

use super::packet::{Packet, Track};
use super::permit::Permit;

type Sink = dyn Fn(&Packet) + Send + Sync;

struct Subscriber {
    tracks: Vec<Track>,
    sink: Arc<Sink>,
}

#[derive(Default)]
struct Shared {
    subscribers: RwLock<BTreeMap<u64, Subscriber>>,
    next: AtomicU64,
    key_frame_wanted: AtomicBool,
    viewers_expected: AtomicBool,
    on_change: Mutex<Option<Box<dyn Fn() + Send>>>,
    permit: OnceLock<Permit>,
}

/// Where encoded packets come in and are handed to every subscriber. Clones are handles to the same hub.
#[derive(Clone, Default)]
pub struct Hub {
    shared: Arc<Shared>,
}

impl Hub {
    /// A hub without subscribers.
    pub fn new() -> Self {
        Self::default()
    }

    /// Calls `sink` with every packet of `tracks` until the subscription is dropped, and asks for a key frame so that it can begin.
    /// `sink` runs on an encoder's thread and must neither block nor panic: an output that cannot keep up drops, up to the next key frame.
    #[must_use = "dropping the subscription ends it"]
    pub fn subscribe(&self, tracks: &[Track], sink: impl Fn(&Packet) + Send + Sync + 'static) -> Subscription {
        let id = self.shared.next.fetch_add(1, Ordering::Relaxed);
        let subscriber = Subscriber { tracks: tracks.to_vec(), sink: Arc::new(sink) };
        self.shared.subscribers.write().unwrap_or_else(PoisonError::into_inner).insert(id, subscriber);
        self.request_key_frame();
        self.changed();
        Subscription { hub: self.clone(), id }
    }

    /// Lets nothing pass, here and in outputs that are started later, once this permit has run out. Only the first one counts.
    pub fn limit(&self, permit: Permit) {
        // A second one would let out what the first one forbids.
        let _ = self.shared.permit.set(permit);
    }

    /// Until when something may go out.
    pub fn permit(&self) -> Permit {
        self.shared.permit.get().cloned().unwrap_or_default()
    }

    /// Hands a packet to everyone who wants its track.
    pub fn publish(&self, packet: &Packet) {
        if self.shared.permit.get().is_some_and(|permit| !permit.holds()) {
            return;
        }
        let subscribers = self.shared.subscribers.read().unwrap_or_else(PoisonError::into_inner);
        for subscriber in subscribers.values().filter(|subscriber| subscriber.tracks.contains(&packet.track)) {
            (subscriber.sink)(packet);
        }
    }

    /// Asks the program for a key frame. Requests are merged and rate-limited there.
    pub fn request_key_frame(&self) {
        self.shared.key_frame_wanted.store(true, Ordering::Release);
    }

    /// Whether a key frame was asked for since the last call.
    pub fn take_key_frame_request(&self) -> bool {
        self.shared.key_frame_wanted.swap(false, Ordering::AcqRel)
    }

    /// Tells the program that a server has the stream anew, and that its viewers come now: for some seconds key frames come closer
    /// together, for every receiver. How often that may happen is limited there.
    pub fn expect_viewers(&self) {
        self.shared.viewers_expected.store(true, Ordering::Release);
    }

    /// Whether viewers were expected since the last call.
    pub fn take_expected_viewers(&self) -> bool {
        self.shared.viewers_expected.swap(false, Ordering::AcqRel)
    }

    /// Whether anyone wants this track now.
    pub fn wants(&self, track: Track) -> bool {
        let subscribers = self.shared.subscribers.read().unwrap_or_else(PoisonError::into_inner);
        subscribers.values().any(|subscriber| subscriber.tracks.contains(&track))
    }

    /// Sets what is called, on the caller's thread, whenever the set of subscribers changes.
    pub fn on_change(&self, call: impl Fn() + Send + 'static) {
        *self.change_slot() = Some(Box::new(call));
    }

    fn changed(&self) {
        if let Some(call) = &*self.change_slot() {
            call();
        }
    }

    fn change_slot(&self) -> MutexGuard<'_, Option<Box<dyn Fn() + Send>>> {
        self.shared.on_change.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Keeps a subscriber on its hub; dropping it takes the subscriber off. After the drop its sink is not called again.
pub struct Subscription {
    hub: Hub,
    id: u64,
}

impl Drop for Subscription {
    fn drop(&mut self) {
        self.hub.shared.subscribers.write().unwrap_or_else(PoisonError::into_inner).remove(&self.id);
        self.hub.changed();
    }
}
