//! The activity log over HTTP.

use axum::body::Body;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::{IntoParams, ToSchema};

use super::super::{Allowed, Kind, Sight, activity, perm, scope};
use crate::app::App;
use crate::http::{Answer, Json, List, Page, Problem, Query};
use crate::moment::{at_ms, rfc3339};
use crate::room::csv;
use crate::store::{Store, args};

/// Lines that are read at a time for an export.
const AT_A_TIME: u32 = 500;

/// Something that somebody did.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ActivityView {
    id: String,
    #[schema(format = DateTime)]
    at: String,
    /// Id of the user; null for the command line, and where nobody was logged in.
    user_id: Option<String>,
    /// The user's name at the time.
    user: String,
    address: Option<String>,
    /// What was done, as `thing.verb`.
    action: String,
    /// Id of the thing it was done to.
    subject: String,
    /// What else is known about it; of a change `before` and `after`, without secrets.
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

/// Which lines are wanted, and which page of them. What is left out does not matter.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Wanted {
    /// Who did it, by id or name.
    who: Option<String>,
    /// What was done, as `server.change`, or a whole kind of it, as `server`.
    action: Option<String>,
    /// Id of the thing it was done to.
    subject: Option<String>,
    /// Then or later, RFC 3339.
    from: Option<String>,
    /// Before, RFC 3339.
    to: Option<String>,
    /// The `next` of the page before.
    cursor: Option<String>,
    /// How many items, 1 to 500 (100).
    #[param(value_type = Option<u64>, maximum = 4_294_967_295u32)]
    limit: Option<u32>,
}

/// The times of [`Wanted`], read.
#[derive(Clone, Copy)]
struct Span {
    from_ms: i64,
    to_ms: i64,
}

impl Wanted {
    fn page(&self) -> Page {
        Page { cursor: self.cursor.clone(), limit: self.limit }
    }

    fn span(&self) -> Answer<Span> {
        let (from_ms, to_ms) = (at_ms("from", self.from.as_deref())?, at_ms("to", self.to.as_deref())?);
        Ok(Span { from_ms: from_ms.unwrap_or(i64::MIN), to_ms: to_ms.unwrap_or(i64::MAX) })
    }

    async fn find(&self, store: &Store, sight: &Sight, span: Span, before: &str, rows: u32) -> Answer<Vec<Row>> {
        let sql = format!(
            "SELECT id, at_ms, user_id, user_name, address, action, subject, detail FROM activity WHERE id < $1 \
             AND ($3 = '' OR user_id = $3 OR lower(user_name) = lower($3)) \
             AND ($4 = '' OR action = $4 OR substr(action, 1, length($5)) = $5) AND ($6 = '' OR subject = $6) \
             AND at_ms >= $7 AND at_ms < $8 AND {} ORDER BY id DESC LIMIT $2",
            scope::condition(Kind::Activity, "activity.id", 9)
        );
        let text = |given: &Option<String>| given.clone().unwrap_or_default();
        let kind = format!("{}.", text(&self.action).trim_end_matches('.'));
        let args = args![before, rows, text(&self.who), text(&self.action), kind, text(&self.subject), span.from_ms, span.to_ms];
        Ok(store.all(sqlx::AssertSqlSafe(sql), sight.after(args)).await?)
    }
}

/// Beyond every id: they are hexadecimal.
const NEWEST: &str = "g";

/// What was done, newest first. Nothing in it is ever changed or removed.
#[utoipa::path(
    get, path = "/activity", tag = "account", params(Wanted),
    responses((status = 200, body = List<ActivityView>), (status = 422, body = Problem))
)]
pub(crate) async fn list(
    caller: Allowed<perm::ActivityView>,
    State(app): State<App>,
    Query(wanted): Query<Wanted>,
) -> Answer<Json<List<ActivityView>>> {
    let page = wanted.page();
    let before = page.cursor.as_deref().unwrap_or(NEWEST);
    let rows = wanted.find(&app.store, &Sight::of(&caller), wanted.span()?, before, page.rows()).await?;
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

/// The same as a table for spreadsheets, whole; `cursor` and `limit` do not count. That it was downloaded is written down.
#[utoipa::path(
    get, path = "/activity.csv", tag = "account", params(Wanted),
    responses((status = 200, content_type = "text/csv"), (status = 422, body = Problem))
)]
pub(crate) async fn export(caller: Allowed<perm::ActivityView>, State(app): State<App>, Query(wanted): Query<Wanted>) -> Answer<Response> {
    let (span, sight) = (wanted.span()?, Sight::of(&caller));
    let asked = json!({"who": wanted.who, "action": wanted.action, "subject": wanted.subject, "from": wanted.from, "to": wanted.to});
    activity::alone(&app.store, &caller, "activity.export", "", asked).await?;
    let head = format!("{}{}", csv::BEGIN, csv::line(["at", "user", "address", "action", "subject", "detail"]));
    // A page at a time, as fast as they are taken: however long the log is, little of it is held.
    let rest = stream::unfold(Some(NEWEST.to_owned()), move |before| {
        let (app, wanted, sight) = (app.clone(), wanted.clone(), sight.clone());
        async move {
            let before = before?;
            let rows = match wanted.find(&app.store, &sight, span, &before, AT_A_TIME).await {
                Ok(rows) => rows,
                // The table breaks off, and whoever reads it sees that it does.
                Err(problem) => return Some((Err(std::io::Error::other(problem.detail)), None)),
            };
            let next = rows.last().filter(|_| rows.len() >= AT_A_TIME as usize).map(|row| row.id.clone());
            (!rows.is_empty()).then(|| (Ok(rows.iter().map(line).collect::<String>()), next))
        }
    });
    let all = futures_util::StreamExt::chain(stream::iter([Ok(head)]), rest);
    let headers =
        [(header::CONTENT_TYPE, "text/csv; charset=utf-8"), (header::CONTENT_DISPOSITION, "attachment; filename=\"activity.csv\"")];
    Ok((headers, Body::from_stream(all)).into_response())
}

fn line(row: &Row) -> String {
    let at = rfc3339(row.at_ms);
    csv::line([at.as_str(), &row.user_name, row.address.as_deref().unwrap_or_default(), &row.action, &row.subject, &row.detail])
}
