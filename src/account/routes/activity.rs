//! The activity log over HTTP.

use axum::extract::State;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::super::{Allowed, Kind, Sight, perm, scope};
use crate::app::App;
use crate::http::{Answer, Json, List, Page, Query};
use crate::moment::rfc3339;
use crate::store::args;

/// Something that somebody did.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ActivityView {
    id: String,
    #[schema(format = DateTime)]
    at: String,
    /// Id of the user; null for the command line.
    user_id: Option<String>,
    /// The user's name at the time.
    user: String,
    address: Option<String>,
    /// What was done, as `thing.verb`.
    action: String,
    /// Id of the thing it was done to.
    subject: String,
    /// What else is known about it.
    #[schema(value_type = Object)]
    detail: Value,
}

#[derive(sqlx::FromRow)]
struct Row {
    id: String,
    at_ms: i64,
    user_id: Option<String>,
    user_name: String,
    address: Option<String>,
    action: String,
    subject: String,
    detail: String,
}

/// What was done, newest first.
#[utoipa::path(get, path = "/activity", tag = "account", params(Page), responses((status = 200, body = List<ActivityView>)))]
pub(crate) async fn list(
    caller: Allowed<perm::ActivityView>,
    State(app): State<App>,
    Query(page): Query<Page>,
) -> Answer<Json<List<ActivityView>>> {
    let sql = format!(
        "SELECT id, at_ms, user_id, user_name, address, action, subject, detail FROM activity WHERE id < $1 AND {} ORDER BY id DESC LIMIT $2",
        scope::condition(Kind::Activity, "activity.id", 3)
    );
    // Beyond every id: they are hexadecimal.
    let before = page.cursor.as_deref().unwrap_or("g");
    let args = Sight::of(&caller).after(args![before, page.rows()]);
    let rows: Vec<Row> = app.store.all(sqlx::AssertSqlSafe(sql), args).await?;
    Ok(Json(page.list(
        rows,
        |row| row.id.clone(),
        |row| ActivityView {
            id: row.id,
            at: rfc3339(row.at_ms),
            user_id: row.user_id,
            user: row.user_name,
            address: row.address,
            action: row.action,
            subject: row.subject,
            detail: serde_json::from_str(&row.detail).unwrap_or_default(),
        },
    )))
}
