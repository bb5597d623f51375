//! Who watches: a viewer by the id in their cookie, and whoever is logged in.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue};
use uuid::Uuid;

use crate::account::{Caller, Kind, Permission, Sight, authenticate, scope};
use crate::app::App;
use crate::config::Settings;
use crate::http::{Problem, cookie};
use crate::stamp::Stamp;
use crate::store::vault::Vault;
use crate::store::{Store, StoreError};

const COOKIE: &str = "bluecast-viewer";
/// How long a browser keeps who it is.
const COOKIE_S: i64 = 180 * 24 * 3600;

/// Somebody who opens a room.
#[derive(Clone, Debug)]
pub struct Visitor {
    /// Who they are as a viewer, if they have been here before.
    pub viewer_id: Option<Uuid>,
    /// Who they are as a user, if they are logged in.
    pub caller: Option<Caller>,
}

impl Visitor {
    /// Whether they may watch a room whatever it asks of others: they make or fill it, and see it.
    ///
    /// # Errors
    /// Where the database does not answer.
    pub async fn is_staff(&self, store: &Store, room_id: &str) -> Result<bool, StoreError> {
        match &self.caller {
            Some(caller) => is_staff(store, caller, room_id).await,
            None => Ok(false),
        }
    }
}

impl FromRequestParts<App> for Visitor {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let caller = authenticate(parts, app).await?;
        Ok(Self { viewer_id: read(&parts.headers, app), caller })
    }
}

/// Whether somebody may watch a room whatever it asks of others: they make it, decide what is in it, or keep order there.
///
/// # Errors
/// Where the database does not answer.
pub async fn is_staff(store: &Store, caller: &Caller, room_id: &str) -> Result<bool, StoreError> {
    if STAFF.iter().any(|permission| caller.grants.allow(room_id, *permission)) {
        return Ok(true);
    }
    let may = [Permission::RoomManage, Permission::BroadcastOperate].iter().any(|permission| caller.may(*permission));
    Ok(may && scope::sees(store, &Sight::of(caller), Kind::Room, room_id).await?)
}

/// What lets watch the room that it was given for.
const STAFF: [Permission; 2] = [Permission::BroadcastOperate, Permission::RoomModerate];

/// The viewer whom a request's cookie names.
pub(crate) fn read(headers: &HeaderMap, app: &App) -> Option<Uuid> {
    let text = cookie::read(headers, &app.settings, COOKIE)?;
    stamp(&app.vault).read(text).map(Uuid::from_bytes)
}

/// The header that tells a browser who it is.
pub(crate) fn set(settings: &Settings, vault: &Vault, viewer_id: Uuid) -> HeaderValue {
    cookie::set(settings, COOKIE, &stamp(vault).write(viewer_id.as_bytes()), COOKIE_S)
}

fn stamp(vault: &Vault) -> Stamp {
    Stamp::new(vault, "viewer 1")
}
