//! Keeps rooms: counts, asks who is still there, follows what rooms show, writes down who was there.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::across::Word;
use super::frame::code;
use super::hub::Hub;
use super::wire::{SILENT, now_s};
use super::{Comments, rights, session_store, sweep};
use crate::app::App;
use crate::chance;
use crate::moment::now_ms;
use crate::room;
use crate::store::StoreError;

/// How often rooms are looked after.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Who was not heard for so many seconds is asked whether they are there.
const ASK_S: u32 = 25;
/// Who was not heard for so many seconds is gone.
const GONE_S: u32 = 60;
/// How often rooms are read again, in seconds: what changed without being told.
const READ_S: u32 = 60;
/// The same where other processes change them, too.
const READ_SHARED_S: u32 = 3;
/// How often who was there is written down, and that those who are there still are, in seconds.
const WRITE_S: u32 = 2;
const BEAT_S: u32 = 30;
/// How often the others are told how many are here even when it is the same, in seconds.
const TELL_S: u32 = 8;
/// A line of a room's history, in seconds.
const MINUTE_S: u32 = 60;

/// When a newcomer is asked first: not all of those who came together at once.
pub(super) fn first_ask_s() -> u32 {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a few seconds")]
    let spread = (chance::draw() * f64::from(ASK_S)) as u32;
    now_s() + 5 + spread
}

pub(super) async fn start(app: &App, comments: &Comments) -> Result<(), StoreError> {
    let inner = &comments.0;
    let left = session_store::end_left(&inner.store, inner.across.is_shared(), now_ms()).await?;
    if left > 0 {
        tracing::info!(left, "viewers' sessions that a process before this one left open were closed");
    }
    let keep = |work: std::pin::Pin<Box<dyn Future<Output = ()> + Send>>| {
        let stop = inner.stop.clone();
        tokio::spawn(async move { stop.run_until_cancelled(work).await })
    };
    keep(Box::pin(inner.registry.clone().keep_up(inner.store.clone())));
    keep(Box::pin(inner.across.clone().hear(inner.store.clone(), inner.registry.clone())));
    keep(Box::pin(look(app.clone())));
    keep(Box::pin(follow(app.clone())));
    keep(Box::pin(rights::watch(app.clone())));
    keep(Box::pin(write(comments.clone())));
    keep(Box::pin(sweep::nightly(app.clone())));
    Ok(())
}

/// What the end of the process leaves to be written.
pub(super) async fn end(comments: &Comments) {
    let mut ledger = std::mem::take(&mut *comments.0.ledger.lock().await);
    for hub in comments.0.registry.hubs().into_iter().chain(comments.0.registry.left()) {
        ledger.gather(&hub, true);
        ledger.count(&hub);
    }
    if let Err(error) = ledger.write(comments).await {
        tracing::error!(%error, "who was there at the end could not be written down");
    }
}

fn every(period: Duration) -> tokio::time::Interval {
    let mut every = tokio::time::interval(period);
    every.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    every
}

/// Looks after the people in the rooms.
async fn look(app: App) {
    let comments = &app.comments;
    let mut every = every(LOOK_EVERY);
    loop {
        every.tick().await;
        for hub in comments.0.registry.hubs() {
            tend(&hub);
            tell_others(comments, &hub).await;
        }
        comments.0.registry.retire();
        #[expect(clippy::cast_precision_loss, reason = "a number of connections")]
        metrics::gauge!("bluecast_room_connections").set(comments.0.limits.connections() as f64);
    }
}

fn tend(hub: &Arc<Hub>) {
    let now_s = now_s();
    hub.each(|viewer| {
        if now_s.saturating_sub(viewer.heard_s.load(Ordering::Relaxed)) >= GONE_S {
            viewer.close(SILENT);
        } else if now_s >= viewer.ask_s.load(Ordering::Relaxed) {
            viewer.ask_s.store(now_s + ASK_S, Ordering::Relaxed);
            viewer.ping();
        }
    });
    hub.tell_count();
}

async fn tell_others(comments: &Comments, hub: &Hub) {
    if let Some(viewers) = hub.count_for_others(TELL_S).filter(|_| comments.0.across.is_shared()) {
        let word = Word::Count { room: hub.room_id.clone(), viewers };
        if let Err(error) = comments.0.across.tell(&comments.0.store, word).await {
            tracing::warn!(%error, "other processes could not be told how many are here");
        }
    }
}

/// Follows what rooms show: what is told of them, and what changed without a word.
async fn follow(app: App) {
    let registry = &app.comments.0.registry;
    let mut news = app.supervisor.news().listen(None).2;
    let period = if app.comments.0.across.is_shared() { READ_SHARED_S } else { READ_S };
    let mut every = every(Duration::from_secs(period.into()));
    loop {
        let hubs = tokio::select! {
            told = news.recv() => match told {
                Ok(told) if told.name == "room" => {
                    let hub = told.data["id"].as_str().and_then(|key| registry.of_key(key));
                    if let Some(hub) = hub.as_ref().filter(|_| told.data["door"] == true) {
                        read(&app, hub, true).await;
                        continue;
                    }
                    // How many watch at the origins is another count.
                    hub.filter(|_| told.data.get("viewers").is_none()).into_iter().collect()
                }
                Ok(_) => Vec::new(),
                Err(tokio::sync::broadcast::error::RecvError::Lagged(_)) => registry.hubs(),
                Err(tokio::sync::broadcast::error::RecvError::Closed) => return,
            },
            _ = every.tick() => registry.hubs(),
        };
        for hub in hubs {
            read(&app, &hub, false).await;
        }
    }
}

/// Reads what a room shows, and whether it is there at all; `turns_out` those who are in it.
async fn read(app: &App, hub: &Arc<Hub>, turns_out: bool) {
    match room::find(&app.store, &hub.key).await {
        Ok(Some(room)) if room.id == hub.room_id => match app.supervisor.room_state(&room.key).await {
            Ok(state) => hub.is_now(&room, &state, turns_out),
            Err(error) => {
                if turns_out {
                    hub.close(code::TURNED_OUT);
                }
                tracing::warn!(%error, room = hub.key, "a room's state could not be read");
            }
        },
        Ok(_) => hub.close(code::TURNED_OUT),
        Err(error) => {
            if turns_out {
                hub.close(code::TURNED_OUT);
            }
            tracing::warn!(%error, room = hub.key, "a room could not be read");
        }
    }
}

/// Writes down who was there.
async fn write(comments: Comments) {
    let mut every = every(Duration::from_secs(WRITE_S.into()));
    let (mut beat_s, mut minute_s) = (now_s(), now_s());
    loop {
        every.tick().await;
        let mut ledger = comments.0.ledger.lock().await;
        for hub in comments.0.registry.hubs() {
            ledger.gather(&hub, false);
            if now_s() >= minute_s {
                ledger.count(&hub);
            }
        }
        for hub in comments.0.registry.left() {
            ledger.gather(&hub, true);
            ledger.count(&hub);
        }
        if now_s() >= minute_s {
            minute_s = now_s() + MINUTE_S;
        }
        if let Err(error) = ledger.write(&comments).await {
            tracing::warn!(%error, "who was there could not be written down; it is tried again");
        }
        drop(ledger);
        if now_s() >= beat_s {
            beat_s = now_s() + BEAT_S;
            if let Err(error) = beat(&comments).await {
                tracing::warn!(%error, "who is there could not be written down");
            }
        }
    }
}

async fn beat(comments: &Comments) -> Result<(), StoreError> {
    let inner = &comments.0;
    session_store::beat(&inner.store, &inner.across.run_id, now_ms()).await?;
    if inner.across.is_shared() {
        session_store::end_left(&inner.store, true, now_ms()).await?;
    }
    Ok(())
}
