//! Whether those in a room still are who they were: moderators who lost the right, or logged out, are viewers like others within seconds, and
//! whoever may no longer be in a closed room is turned out.

use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use super::frame::code;
use super::hub::Hub;
use super::may;
use super::wire::Viewer;
use crate::account::{Caller, Permission};
use crate::app::App;
use crate::room::{self, Admission, Room, Visitor};
use crate::store::StoreError;

/// How often those with an account are asked for their rights, where nothing tells that they changed.
const ASK_EVERY: Duration = Duration::from_secs(5);
/// Rounds of these between two of everybody in closed rooms.
const ROUNDS: u32 = 6;

/// Asks again and again, for ever.
pub(super) async fn watch(app: App) {
    let mut changes = app.accounts.listen();
    let mut every = tokio::time::interval(ASK_EVERY);
    every.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut round = 0_u32;
    loop {
        tokio::select! {
            told = changes.changed() => if told.is_err() { return },
            _ = every.tick() => round = round.wrapping_add(1),
        }
        for hub in app.comments.0.registry.hubs() {
            if let Err(error) = look(&app, &hub, round.is_multiple_of(ROUNDS)).await {
                tracing::warn!(%error, room = hub.key, "the rights of those in a room could not be looked at");
            }
        }
    }
}

async fn look(app: &App, hub: &Arc<Hub>, everybody: bool) -> Result<(), StoreError> {
    let mut viewers = Vec::new();
    hub.each(|viewer| {
        if everybody || viewer.caller().is_some() {
            viewers.push(Arc::clone(viewer));
        }
    });
    if viewers.is_empty() {
        return Ok(());
    }
    let Some(room) = room::find(&app.store, &hub.key).await? else { return Ok(()) };
    for viewer in &viewers {
        still_moderates(app, &room, viewer).await?;
    }
    if !everybody || !room.visibility.is_closed() {
        return Ok(());
    }
    for viewer in viewers {
        let caller = viewer.caller().map(|caller| Caller::clone(&caller));
        let visitor = Visitor { viewer_id: Some(viewer.id), caller };
        if !matches!(room::ask(app, &room, &visitor).await?, Admission::Admitted(_)) {
            viewer.close(code::TURNED_OUT);
        }
    }
    Ok(())
}

async fn still_moderates(app: &App, room: &Room, viewer: &Viewer) -> Result<(), StoreError> {
    let Some(before) = viewer.caller() else { return Ok(()) };
    let caller = before.again(app).await?;
    let is_moderator = match &caller {
        Some(caller) => may(&app.store, caller, room, Permission::RoomModerate).await?,
        None => false,
    };
    *viewer.caller.lock().unwrap_or_else(PoisonError::into_inner) = caller.map(Arc::new);
    if viewer.is_moderator.swap(is_moderator, Ordering::Relaxed) != is_moderator {
        // They forget what they have, and are told what they may know now.
        viewer.skip();
    }
    Ok(())
}
