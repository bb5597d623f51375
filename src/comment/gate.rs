//! Who may act on a room over the API.

use std::marker::PhantomData;

use axum::extract::{FromRequestParts, RawPathParams};
use axum::http::request::Parts;

use super::may;
use crate::account::perm::Needed;
use crate::account::{Caller, authenticate};
use crate::app::App;
use crate::http::Problem;
use crate::room::{self, Room};

/// First argument of handlers below `/rooms/{key}`: lets through who holds one of the permissions for this very room. Whoever holds it for
/// none is told so whether the room exists or not.
pub(super) struct InRoom<P> {
    /// Who calls.
    pub(super) caller: Caller,
    /// The room.
    pub(super) room: Room,
    permission: PhantomData<P>,
}

impl<P: Needed> FromRequestParts<App> for InRoom<P> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let caller = authenticate(parts, app).await?.ok_or_else(Problem::not_authenticated)?;
        let malformed = || Problem::bad_request("malformed_path", "The address cannot be read.");
        let params = RawPathParams::from_request_parts(parts, app).await.map_err(|_| malformed())?;
        let key = params.iter().find(|(name, _)| *name == "key").map(|(_, key)| key.to_owned()).ok_or_else(malformed)?;
        let room = room::find(&app.store, &key).await?;
        let mut allowed = false;
        if let Some(room) = &room {
            for permission in P::ANY {
                allowed = allowed || may(&app.store, &caller, room, *permission).await?;
            }
        }
        if !allowed {
            caller.must_any(P::ANY)?;
        }
        let room = room.filter(|_| allowed).ok_or_else(|| Problem::not_found("room"))?;
        Ok(Self { caller, room, permission: PhantomData })
    }
}
