//! Who watches: a viewer by the id in their cookie, and whoever is logged in.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue};
use uuid::Uuid;

use crate::account::{Caller, Permission, Permissions, authenticate};
use crate::app::App;
use crate::config::Settings;
use crate::http::{Problem, cookie};
use crate::stamp::Stamp;
use crate::store::vault::Vault;

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
    /// Whether they may watch every room.
    pub fn is_staff(&self) -> bool {
        self.caller.as_ref().is_some_and(|caller| is_staff(caller.permissions))
    }
}

impl FromRequestParts<App> for Visitor {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let caller = authenticate(parts, app).await?;
        Ok(Self { viewer_id: read(&parts.headers, app), caller })
    }
}

/// Whether somebody with these permissions may watch every room: they make them, or decide what is in them.
pub fn is_staff(permissions: Permissions) -> bool {
    permissions.allow(Permission::RoomManage) || permissions.allow(Permission::BroadcastOperate)
}

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn those_who_make_rooms_or_broadcasts_watch_them_all() {
        let with = |permission: Permission| is_staff([permission].into_iter().collect());
        for permission in Permission::ALL {
            let expected = [Permission::RoomManage, Permission::BroadcastOperate, Permission::SystemAdmin].contains(permission);
            assert_eq!(with(*permission), expected, "{permission}");
        }
        assert!(!is_staff(Permissions::default()));
    }
}
