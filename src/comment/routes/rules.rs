//! The rules of a room's comments.
#![expect(clippy::option_option, reason = "in a change, absent and null differ")]

use axum::extract::State;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use super::super::gate::InRoom;
use super::super::may;
use super::super::rules::{Links, Mode, Rules, RulesChange};
use crate::account::{Permission, activity, perm};
use crate::app::App;
use crate::http::json::present;
use crate::http::{Answer, Json, Problem, whole};
use crate::room;
use crate::store::args;

/// The rules of a room's comments.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RulesView {
    mode: Mode,
    links: Links,
    slow_s: i64,
    max_chars: i64,
    ask_name: bool,
    ask_phone: bool,
    emojis: Vec<String>,
    words: Vec<String>,
    /// The key of the room whose comments are shown here, with its rules; null: its own.
    shares: Option<String>,
}

fn view(rules: Rules, shares: Option<String>) -> RulesView {
    let Rules { mode, links, slow_s, max_chars, ask_name, ask_phone, emojis, words } = rules;
    RulesView { mode, links, slow_s, max_chars, ask_name, ask_phone, emojis, words, shares }
}

/// A room's rules.
#[utoipa::path(
    get, path = "/rooms/{key}/rules", tag = "comment", params(("key" = String, Path)),
    responses((status = 200, body = RulesView), (status = 404, body = Problem))
)]
pub(crate) async fn show(here: InRoom<perm::RoomModerate>, State(app): State<App>) -> Answer<Json<RulesView>> {
    now(&app, &here.room.id).await.map(Json)
}

async fn now(app: &App, room_id: &str) -> Answer<RulesView> {
    let thread_id = app.comments.thread_of(room_id).await?;
    let rules = app.comments.rules(&thread_id).await?;
    let key: Option<(String,)> = app.store.optional("SELECT key FROM rooms WHERE id = $1", args![&thread_id]).await?;
    Ok(view(rules, key.filter(|_| thread_id != room_id).map(|(key,)| key)))
}

/// What changes about the rules; what is left out stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RoomRulesChange {
    mode: Option<Mode>,
    links: Option<Links>,
    /// Seconds between two comments of one viewer, 0 to 3600.
    slow_s: Option<i64>,
    /// Longest comment in characters, 1 to 4000.
    max_chars: Option<i64>,
    ask_name: Option<bool>,
    ask_phone: Option<bool>,
    /// What can be answered with, at most 12.
    emojis: Option<Vec<String>>,
    /// What holds a comment back until moderators let it through: words, or `/expressions/`. At most 100 of 200 characters.
    words: Option<Vec<String>>,
    /// The key of the room whose comments are to be shown here; null for its own. Both rooms must be the caller's to moderate.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>)]
    shares: Option<Option<String>>,
}

/// Changes a room's rules. Where it shows another room's comments, that room's rules are changed.
#[utoipa::path(
    patch, path = "/rooms/{key}/rules", tag = "comment", params(("key" = String, Path)), request_body = RoomRulesChange,
    responses((status = 200, body = RulesView), (status = 404, body = Problem), (status = 422, body = Problem))
)]
pub(crate) async fn change(
    here: InRoom<perm::RoomModerate>,
    State(app): State<App>,
    Json(change): Json<RoomRulesChange>,
) -> Answer<Json<RulesView>> {
    whole(async move {
        let RoomRulesChange { mode, links, slow_s, max_chars, ask_name, ask_phone, emojis, words, shares } = change;
        if let Some(key) = shares {
            share(&app, &here, key).await?;
        }
        let change = RulesChange { mode, links, slow_s, max_chars, ask_name, ask_phone, emojis, words };
        if change != RulesChange::default() {
            let thread_id = app.comments.thread_of(&here.room.id).await?;
            may_change(&app, &here, &thread_id).await?;
            app.comments.change_rules(&thread_id, &here.caller, change).await?;
        }
        now(&app, &here.room.id).await.map(Json)
    })
    .await
}

/// The rules of another room are changed by those who moderate that room.
async fn may_change(app: &App, here: &InRoom<perm::RoomModerate>, thread_id: &str) -> Answer<()> {
    if thread_id == here.room.id {
        return Ok(());
    }
    let (key,): (String,) = app.store.one("SELECT key FROM rooms WHERE id = $1", args![thread_id]).await?;
    other(app, here, &key).await.map(drop)
}

/// Another room that the caller may moderate.
async fn other(app: &App, here: &InRoom<perm::RoomModerate>, key: &str) -> Answer<room::Room> {
    let gone = || Problem::unprocessable("no_such_room", "There is no such room, or it is not yours to moderate.").of_field("shares");
    let room = room::find(&app.store, key).await?.ok_or_else(gone)?;
    if may(&app.store, &here.caller, &room, Permission::RoomModerate).await? { Ok(room) } else { Err(gone()) }
}

async fn share(app: &App, here: &InRoom<perm::RoomModerate>, key: Option<String>) -> Answer<()> {
    let shares = match key {
        Some(key) => Some(other(app, here, &key).await?.id).filter(|id| *id != here.room.id),
        None => None,
    };
    if let Some(shares) = &shares
        && app.comments.thread_of(shares).await? != *shares
    {
        let detail = "That room shows another room's comments itself.";
        return Err(Problem::unprocessable("shares_already", detail).of_field("shares"));
    }
    // Makes the room's own thread where there is none yet.
    app.comments.thread_of(&here.room.id).await?;
    let mut tx = app.store.begin().await?;
    let sql = "UPDATE threads SET shares = $2 WHERE room_id = $1";
    tx.run(sql, args![&here.room.id, shares.clone()]).await?;
    activity::record(&mut tx, &here.caller, "room.shares", &here.room.id, json!({ "thread": shares })).await?;
    app.comments.tell_shares(&mut tx, &here.room.id).await?;
    tx.commit().await?;
    app.comments.begin_anew(&here.room.id);
    Ok(())
}
