//! An edge: takes a stream from its origin at the first viewer, and drops it with its source, or when nobody has watched for a while.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use tokio::sync::broadcast::error::RecvError;

use super::stream::{Source, Stream};
use super::world::World;

/// How long an edge tries to have a stream again when its origin has lost it.
const RETRIES: Duration = Duration::from_millis(200);
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// The stream that a viewer asked for: a local one, or the origin's. Must be called inside a runtime.
pub(super) fn find(world: &Arc<World>, app: &str, name: &str) -> Option<Arc<Stream>> {
    let full = format!("{app}/{name}");
    if let Some(stream) = world.find(&full) {
        return Some(stream);
    }
    let source = world.origin.as_ref()?.find(&full).filter(|stream| stream.is_playable())?;
    let mut local = Stream::new(app, name, Source::Ovt);
    local.hub = source.hub.clone();
    local.note(|ingest| *ingest = source.ingest());
    match world.publish(local) {
        Ok(local) => {
            tokio::spawn(relay(Arc::clone(world), source, Arc::clone(&local)));
            Some(local)
        }
        Err(_) => world.find(&full),
    }
}

async fn relay(world: Arc<World>, mut source: Arc<Stream>, local: Arc<Stream>) {
    loop {
        source.relays.fetch_add(1, Ordering::Relaxed);
        let unwatched = follow(&world, &source, &local).await;
        source.relays.fetch_sub(1, Ordering::Relaxed);
        let again = if unwatched { None } else { retry(&world, &local).await };
        let Some(again) = again else { break };
        source = again;
    }
    world.end_stream(&local);
}

/// Passes everything on, until the source ends, or nobody has watched for too long (`true`).
async fn follow(world: &World, source: &Stream, local: &Stream) -> bool {
    let mut packets = source.passed.subscribe();
    let mut look = tokio::time::interval(LOOK_EVERY);
    let mut watched = Instant::now();
    loop {
        tokio::select! {
            () = local.stop.cancelled() => return true,
            () = source.stop.cancelled() => return false,
            packet = packets.recv() => match packet {
                Ok(packet) => drop(local.passed.send(packet)),
                Err(RecvError::Lagged(_)) => source.want_key_frame(),
                Err(RecvError::Closed) => return false,
            },
            () = local.key_wanted.notified() => source.want_key_frame(),
            _ = look.tick() => {
                local.note(|ingest| *ingest = source.ingest());
                if !local.viewers().is_empty() {
                    watched = Instant::now();
                }
                if watched.elapsed() > world.options.unused_after {
                    return true;
                }
            }
        }
    }
}

async fn retry(world: &World, local: &Stream) -> Option<Arc<Stream>> {
    let until = Instant::now() + RETRIES;
    while Instant::now() < until && !local.stop.is_cancelled() {
        tokio::time::sleep(LOOK_EVERY).await;
        let there = world.origin.as_ref()?.find(&local.name()).filter(|stream| stream.is_playable());
        if there.is_some() {
            return there;
        }
    }
    None
}
