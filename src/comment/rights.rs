//! Whether those in a room still are who they were: moderators who lost the right, or logged out, are viewers like others within seconds, and
//! whoever may no longer be in a closed room is turned out.

use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};

use axum::extract::ConnectInfo;
use axum::http::request::Parts;
use axum::http::{HeaderMap, Request, header};
use std::net::SocketAddr;

use super::frame::code;
use super::hub::Hub;
use super::keeper::RIGHTS_EVERY;
use super::may;
use super::wire::Viewer;
use crate::account::{Caller, Permission, authenticate};
use crate::app::App;
use crate::http::{Answer, Problem};
use crate::room::{self, Admission, Room, Visibility, Visitor};

/// Rounds of moderators between two of everybody in closed rooms.
const ROUNDS: u32 = 10;

/// What somebody with an account showed when they came; it is shown again.
pub(super) fn credentials(headers: &HeaderMap) -> Box<HeaderMap> {
    let shown = [header::COOKIE, header::AUTHORIZATION].into_iter().flat_map(|name| {
        let values = headers.get_all(&name).into_iter().cloned().collect::<Vec<_>>();
        values.into_iter().map(move |value| (name.clone(), value))
    });
    let mut kept = HeaderMap::new();
    for (name, value) in shown {
        kept.append(name, value);
    }
    Box::new(kept)
}

/// Asks again and again, for ever.
pub(super) async fn watch(app: App) {
    let mut every = tokio::time::interval(RIGHTS_EVERY);
    every.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut round = 0_u32;
    loop {
        every.tick().await;
        round = round.wrapping_add(1);
        for hub in app.comments.0.registry.hubs() {
            if let Err(problem) = look(&app, &hub, round.is_multiple_of(ROUNDS)).await {
                tracing::warn!(?problem, room = hub.key, "the rights of those in a room could not be looked at");
            }
        }
    }
}

async fn look(app: &App, hub: &Arc<Hub>, everybody: bool) -> Answer<()> {
    let mut viewers = Vec::new();
    hub.each(|viewer| {
        if everybody || viewer.credentials.is_some() {
            viewers.push(Arc::clone(viewer));
        }
    });
    if viewers.is_empty() {
        return Ok(());
    }
    let Some(room) = room::find(&app.store, &hub.key).await? else { return Ok(()) };
    for viewer in &viewers {
        if viewer.credentials.is_some() {
            still_moderates(app, &room, viewer).await?;
        }
    }
    let is_open = matches!(room.visibility, Visibility::Public | Visibility::Unlisted);
    if !everybody || is_open {
        return Ok(());
    }
    for viewer in viewers {
        let caller = viewer.caller().map(|caller| Caller::clone(&caller));
        let visitor = Visitor { viewer_id: Some(viewer.viewer_id), caller };
        if !matches!(room::ask(app, &room, &visitor).await?, Admission::Admitted(_)) {
            viewer.close(code::TURNED_OUT);
        }
    }
    Ok(())
}

async fn still_moderates(app: &App, room: &Room, viewer: &Viewer) -> Answer<()> {
    let caller = again(app, viewer).await?;
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

/// Who somebody is by what they showed when they came.
async fn again(app: &App, viewer: &Viewer) -> Answer<Option<Caller>> {
    let Some(credentials) = &viewer.credentials else { return Ok(None) };
    let (mut parts, ()): (Parts, ()) = Request::new(()).into_parts();
    parts.headers = HeaderMap::clone(credentials);
    parts.extensions.insert(ConnectInfo(SocketAddr::new(viewer.address, 0)));
    authenticate(&mut parts, app).await.map_err(|problem: Problem| problem)
}
