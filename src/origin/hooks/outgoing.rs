//! Who may play: a viewer whom the room admits, what the room plays.

use uuid::Uuid;

use super::Refusal;
use super::address::Asked;
use crate::account::Caller;
use crate::app::App;
use crate::moment::now_ms;
use crate::origin::playback::{Holder, PlaybackToken, PlaybackTokens};
use crate::room::{self, Admission, Grant, Guest, Rule, Visibility, admit};
use crate::store::args;
use crate::store::vault::random;

#[derive(Debug, sqlx::FromRow)]
struct Seat {
    app: Option<String>,
    stream_name: Option<String>,
    removed_ms: Option<i64>,
    ended_ms: Option<i64>,
    #[sqlx(try_from = "String")]
    visibility: Visibility,
    password_version: i64,
    grant_version: Option<i64>,
    grant_until_ms: Option<i64>,
    registration_id: Option<String>,
}

/// Lets somebody play for so many milliseconds, or says why not.
pub(super) async fn decide(app: &App, asked: &Asked) -> Result<i64, Refusal> {
    let text = asked.token.as_deref().ok_or(Refusal::NoToken)?;
    let token = PlaybackTokens::new(&app.vault).read(text).ok_or(Refusal::BadToken)?;
    let now_ms = now_ms();
    if !token.is_current(now_ms) {
        return Err(Refusal::Expired);
    }
    let sql = "SELECT targets.app, targets.stream_name, targets.removed_ms, broadcasts.ended_ms, rooms.visibility, rooms.password_version, \
               room_grants.password_version AS grant_version, room_grants.until_ms AS grant_until_ms, \
               registrations.id AS registration_id FROM targets \
               JOIN broadcasts ON broadcasts.id = targets.broadcast_id JOIN rooms ON rooms.key = broadcasts.room_key \
               LEFT JOIN room_grants ON room_grants.room_id = rooms.id AND room_grants.viewer_id = $3 \
               LEFT JOIN registrations ON registrations.room_id = rooms.id AND registrations.viewer_id = $3 \
               WHERE targets.id = $1 AND rooms.id = $2";
    let PlaybackToken { room_id, holder, target_id, .. } = token;
    let (viewer, user) = match holder {
        Holder::Viewer(id) => (id, None),
        Holder::User(id) => (Uuid::nil(), Some(id)),
    };
    let seat: Option<Seat> = app.store.optional(sql, args![target_id.to_string(), room_id.to_string(), viewer.to_string()]).await?;
    let seat = seat.ok_or(Refusal::NotOnAir)?;
    let is_staff = match user {
        Some(id) if seat.visibility.is_closed() => match Caller::of_user(&app.store, &id.to_string()).await? {
            Some(caller) => room::is_staff(&app.store, &caller, &room_id.to_string()).await?,
            None => false,
        },
        _ => false,
    };
    let mut spread = [0];
    random(&mut spread);
    check(&seat, asked, is_staff, now_ms, spread[0])
}

fn check(seat: &Seat, asked: &Asked, is_staff: bool, now_ms: i64, spread: u8) -> Result<i64, Refusal> {
    if seat.removed_ms.is_some() || seat.ended_ms.is_some() {
        return Err(Refusal::NotOnAir);
    }
    if seat.app.as_deref() != Some(&asked.app) || seat.stream_name.as_deref() != Some(&asked.stream) {
        return Err(Refusal::OtherStream);
    }
    let grant = seat.grant_version.zip(seat.grant_until_ms);
    let grant = grant.map(|(password_version, until_ms)| Grant { password_version, until_ms });
    let rule = Rule { visibility: seat.visibility, password_version: seat.password_version };
    let is_registered = seat.registration_id.is_some();
    match admit(rule, &Guest { is_staff, grant, is_registered }, now_ms) {
        Admission::Admitted(admitted) => Ok(admitted.lifetime_ms(now_ms, spread)),
        Admission::NeedsPassword => Err(Refusal::NeedsPassword),
        Admission::NeedsRegistration => Err(Refusal::NeedsRegistration),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seat_is_for_one_stream_while_the_room_admits() {
        let asked = |address: &str| Asked::parse(address).unwrap();
        let seat = || Seat {
            app: Some("app".into()),
            stream_name: Some("hall".into()),
            removed_ms: None,
            ended_ms: None,
            visibility: Visibility::Password,
            password_version: 2,
            grant_version: Some(2),
            grant_until_ms: Some(61_000),
            registration_id: None,
        };
        let here = asked("ws://edge/app/hall/webrtc_default");
        assert_eq!(check(&seat(), &here, false, 1000, 0), Ok(60_000));
        assert_eq!(check(&seat(), &here, false, 61_000, 0), Err(Refusal::NeedsPassword));
        let lesser = Seat { grant_version: Some(1), ..seat() };
        assert_eq!(check(&lesser, &here, false, 1000, 0), Err(Refusal::NeedsPassword));
        assert_eq!(check(&lesser, &here, true, 1000, 0), Ok(15 * 60 * 1000));
        let for_registered = || Seat { visibility: Visibility::Registered, ..seat() };
        assert_eq!(check(&for_registered(), &here, false, 1000, 0), Err(Refusal::NeedsRegistration));
        let registered = Seat { registration_id: Some("r".into()), ..for_registered() };
        assert_eq!(check(&registered, &here, false, 1000, 0), Ok(15 * 60 * 1000));
        assert_eq!(check(&Seat { ended_ms: Some(1), ..seat() }, &here, true, 1000, 0), Err(Refusal::NotOnAir));
        assert_eq!(check(&Seat { removed_ms: Some(1), ..seat() }, &here, true, 1000, 0), Err(Refusal::NotOnAir));
        assert_eq!(check(&seat(), &asked("ws://edge/app/other"), true, 1000, 0), Err(Refusal::OtherStream));
        assert_eq!(check(&Seat { app: None, ..seat() }, &here, true, 1000, 0), Err(Refusal::OtherStream));
    }
}
