//! Bans: listed, made, lifted.

use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::super::ban_store::{self, KeptBan};
use super::super::gate::InRoom;
use super::super::may;
use super::super::message::Ban;
use crate::account::{Permission, perm};
use crate::app::App;
use crate::http::{Answer, Json, List, Page, Path, Problem, Query, whole};
use crate::moment::rfc3339;

/// A ban.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct BanView {
    id: String,
    /// What the viewer is known by; null where it is for addresses.
    viewer: Option<String>,
    /// The viewer's name when they were banned.
    name: String,
    /// It is for addresses.
    of_address: bool,
    /// Which, for those who may see addresses, and those who named it themselves.
    #[serde(skip_serializing_if = "Option::is_none")]
    range: Option<String>,
    /// They were not told.
    quiet: bool,
    /// Null: for good.
    #[schema(format = DateTime)]
    until: Option<String>,
    reason: String,
    /// The moderator.
    by: String,
    #[schema(format = DateTime)]
    at: String,
}

fn view(ban: KeptBan, shows_address: bool) -> BanView {
    BanView {
        id: ban.id,
        of_address: ban.address_range.is_some(),
        viewer: ban.handle,
        name: ban.name,
        range: ban.address_range.filter(|_| shows_address),
        quiet: ban.quiet == 1,
        until: ban.until_ms.map(rfc3339),
        reason: ban.reason,
        by: ban.by_user,
        at: rfc3339(ban.created_ms),
    }
}

/// The bans that hold, the newest first.
#[utoipa::path(
    get, path = "/rooms/{key}/bans", tag = "comment", params(("key" = String, Path), Page),
    responses((status = 200, body = List<BanView>), (status = 404, body = Problem))
)]
pub(crate) async fn list(
    here: InRoom<perm::RoomModerate>,
    State(app): State<App>,
    Query(page): Query<Page>,
) -> Answer<Json<List<BanView>>> {
    let shows_address = may(&app.store, &here.caller, &here.room, Permission::RoomAddress).await?;
    let thread_id = app.comments.thread_of(&here.room.id).await?;
    let bans = ban_store::list(&app.store, &thread_id, page.cursor.as_deref(), page.rows().into()).await?;
    Ok(Json(page.list(bans, |ban| ban.id.clone(), |ban| view(ban, shows_address))))
}

/// Whom to ban, and how. One of `comment`, `viewer` and `range`.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewBan {
    /// The writer of this comment.
    comment: Option<String>,
    /// The viewer known by this.
    viewer: Option<String>,
    /// Everybody at this address or in this range: CIDR, of IPv4 /16 and of IPv6 /32 at the widest.
    range: Option<String>,
    /// With `comment` or `viewer`: everybody at the address that they had, without telling it.
    #[serde(default)]
    address: bool,
    /// For how long; left out: for good.
    minutes: Option<i64>,
    /// Without telling them: they go on writing, and nobody reads it.
    #[serde(default)]
    quiet: bool,
    /// What they are told.
    reason: Option<String>,
}

/// Keeps somebody from writing.
#[utoipa::path(
    post, path = "/rooms/{key}/bans", tag = "comment", params(("key" = String, Path)), request_body = NewBan,
    responses((status = 201, body = BanView), (status = 404, body = Problem), (status = 422, body = Problem))
)]
pub(crate) async fn add(
    here: InRoom<perm::RoomModerate>,
    State(app): State<App>,
    Json(new): Json<NewBan>,
) -> Answer<(StatusCode, Json<BanView>)> {
    whole(async move {
        let thread_id = app.comments.thread_of(&here.room.id).await?;
        let shows_address = new.range.is_some() || may(&app.store, &here.caller, &here.room, Permission::RoomAddress).await?;
        let NewBan { comment: id, viewer, range, address, minutes, quiet, reason } = new;
        let ban = app.comments.ban(&thread_id, &here.caller, Ban { id, viewer, range, address, minutes, quiet, reason }).await?;
        Ok((StatusCode::CREATED, Json(view(ban, shows_address))))
    })
    .await
}

/// Lifts a ban.
#[utoipa::path(
    delete, path = "/rooms/{key}/bans/{id}", tag = "comment", params(("key" = String, Path), ("id" = String, Path)),
    responses((status = 204), (status = 404, body = Problem))
)]
pub(crate) async fn lift(
    here: InRoom<perm::RoomModerate>,
    State(app): State<App>,
    Path((_, id)): Path<(String, String)>,
) -> Answer<StatusCode> {
    whole(async move {
        let thread_id = app.comments.thread_of(&here.room.id).await?;
        let lifted = app.comments.lift(&thread_id, &here.caller, &id).await?;
        if lifted { Ok(StatusCode::NO_CONTENT) } else { Err(Problem::not_found("ban")) }
    })
    .await
}
