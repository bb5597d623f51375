//! A room's door: who is let in, and the password that opens it.

use std::net::IpAddr;

use uuid::Uuid;

use super::admission::{Admission, Admitted, Grant, Guest, Visibility, admit};
use super::registration;
use super::store::Room;
use super::viewer::Visitor;
use crate::app::App;
use crate::http::{Answer, Problem};
use crate::moment::now_ms;
use crate::secret::Secret;
use crate::store::{StoreError, args};

/// How long a password that was given is remembered.
const REMEMBERED_MS: i64 = 12 * 3600 * 1000;

/// Whether a visitor may watch a room now.
pub async fn ask(app: &App, room: &Room, visitor: &Visitor) -> Result<Admission, StoreError> {
    let is_staff = room.visibility.is_closed() && visitor.is_staff(&app.store, &room.id).await?;
    let grant = match visitor.viewer_id {
        Some(viewer_id) if room.visibility == Visibility::Password && !is_staff => {
            let sql = "SELECT password_version, until_ms FROM room_grants WHERE room_id = $1 AND viewer_id = $2";
            let found: Option<(i64, i64)> = app.store.optional(sql, args![&room.id, viewer_id.to_string()]).await?;
            found.map(|(password_version, until_ms)| Grant { password_version, until_ms })
        }
        _ => None,
    };
    let is_registered = match visitor.viewer_id {
        Some(viewer_id) if room.visibility == Visibility::Registered && !is_staff => {
            registration::is_registered(&app.store, &room.id, viewer_id).await?
        }
        _ => false,
    };
    Ok(admit(room.rule(), &Guest { is_staff, grant, is_registered }, now_ms()))
}

/// The same, with 403 `password_needed` or `registration_needed` for those who may not.
pub async fn pass(app: &App, room: &Room, visitor: &Visitor) -> Answer<Admitted> {
    match ask(app, room, visitor).await? {
        Admission::Admitted(admitted) => Ok(admitted),
        Admission::NeedsPassword => Err(Problem::forbidden("password_needed", "This room asks for a password.")),
        Admission::NeedsRegistration => {
            Err(Problem::forbidden("registration_needed", "This room is for those who have filled in its form, at /watch/{key}/register."))
        }
    }
}

/// Remembers that a visitor knows the room's password; gives who they are from now on.
///
/// # Errors
/// 403 `wrong_password`; 429 to those who guess.
pub async fn enter(app: &App, room: &Room, visitor: &Visitor, password: Secret, address: IpAddr) -> Answer<Uuid> {
    let viewer_id = visitor.viewer_id.unwrap_or_else(Uuid::now_v7);
    if room.visibility != Visibility::Password {
        return Ok(viewer_id);
    }
    // Which password it is is read with it: one that is changed meanwhile must not count as the new one.
    let sql = "SELECT password_hash, password_version FROM rooms WHERE id = $1";
    let (stored, password_version): (Option<String>, i64) = app.store.one(sql, args![&room.id]).await?;
    let wrong = || Problem::forbidden("wrong_password", "That is not the password of this room.").of_field("password");
    if !app.doorkeeper.knows(&room.id, stored.ok_or_else(wrong)?, password, address).await? {
        return Err(wrong());
    }
    let now_ms = now_ms();
    let mut tx = app.store.begin().await?;
    tx.run("DELETE FROM room_grants WHERE until_ms <= $1", args![now_ms]).await?;
    let sql = "INSERT INTO room_grants (room_id, viewer_id, password_version, until_ms) VALUES ($1, $2, $3, $4) \
               ON CONFLICT (room_id, viewer_id) DO UPDATE SET password_version = excluded.password_version, until_ms = excluded.until_ms";
    tx.run(sql, args![&room.id, viewer_id.to_string(), password_version, now_ms + REMEMBERED_MS]).await?;
    tx.commit().await?;
    Ok(viewer_id)
}
