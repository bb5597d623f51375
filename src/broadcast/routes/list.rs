//! Reading broadcasts.

use axum::extract::State;

use super::super::history::{self, Wanted};
use super::super::model::{BroadcastView, EventView, Row};
use super::super::store;
use super::view;
use crate::account::grants::lacks;
use crate::account::perm::InSomeRoom;
use crate::account::{Allowed, Caller, Kind, Permission, Sight, perm, scope};
use crate::app::App;
use crate::http::{Answer, Json, List, Page, Path, Problem, Query};

/// The broadcasts that the caller sees, newest first: those that are on the air, and the past.
#[utoipa::path(get, path = "/broadcasts", tag = "broadcast", params(Wanted), responses((status = 200, body = List<BroadcastView>)))]
pub(crate) async fn list(
    caller: Allowed<InSomeRoom<perm::BroadcastView>>,
    State(app): State<App>,
    Query(wanted): Query<Wanted>,
) -> Answer<Json<List<BroadcastView>>> {
    let rows = history::find(&app.store, &sight(&caller), &wanted).await?;
    let rows: List<Row> = wanted.page().list(rows, |row| row.id.clone(), |row| row);
    let mut items = Vec::with_capacity(rows.items.len());
    for row in rows.items {
        items.push(view::of(&app, row).await?);
    }
    Ok(Json(List { items, next: rows.next }))
}

/// One broadcast.
#[utoipa::path(
    get, path = "/broadcasts/{id}", tag = "broadcast", params(("id" = String, Path)),
    responses((status = 200, body = BroadcastView), (status = 404, body = Problem))
)]
pub(crate) async fn show(
    caller: Allowed<InSomeRoom<perm::BroadcastView>>,
    State(app): State<App>,
    Path(id): Path<String>,
) -> Answer<Json<BroadcastView>> {
    Ok(Json(view::of(&app, find(&app, &caller, &id).await?).await?))
}

/// What has happened, newest last; `cursor` leads to what came before.
#[utoipa::path(
    get, path = "/broadcasts/{id}/events", tag = "broadcast", params(("id" = String, Path), Page),
    responses((status = 200, body = List<EventView>), (status = 404, body = Problem))
)]
pub(crate) async fn events(
    caller: Allowed<InSomeRoom<perm::BroadcastView>>,
    State(app): State<App>,
    Path(id): Path<String>,
    Query(page): Query<Page>,
) -> Answer<Json<List<EventView>>> {
    let row = find(&app, &caller, &id).await?;
    let rows = store::events(&app.store, &row.id, page.cursor.as_deref()).await?;
    let full = i64::try_from(rows.len()).is_ok_and(|count| count >= store::PAGE);
    let next = rows.first().filter(|_| full).map(|first| first.id.clone());
    Ok(Json(List { items: rows.into_iter().map(view::event).collect(), next }))
}

/// A broadcast that the caller sees, or 404.
pub(super) async fn find(app: &App, caller: &Caller, id: &str) -> Answer<Row> {
    let row = store::one(&app.store, id).await?.ok_or_else(|| Problem::not_found("broadcast"))?;
    let sees = scope::sees(&app.store, &sight(caller), Kind::Broadcast, id).await?;
    if sees { Ok(row) } else { Err(Problem::not_found("broadcast")) }
}

/// A broadcast that the caller may operate; 403 where they may only see it, or else 404.
pub(super) async fn find_to_operate(app: &App, caller: &Caller, id: &str) -> Answer<Row> {
    let operate = Sight::with(caller, &[Permission::BroadcastOperate]);
    if !scope::sees(&app.store, &operate, Kind::Broadcast, id).await? {
        find(app, caller, id).await?;
        return Err(lacks(Permission::BroadcastOperate));
    }
    store::one(&app.store, id).await?.ok_or_else(|| Problem::not_found("broadcast"))
}

/// Which broadcasts somebody sees: those of their groups, those that they started, and those of rooms in which they may do something.
pub(super) fn sight(caller: &Caller) -> Sight {
    Sight::with(caller, &[Permission::BroadcastView])
}
