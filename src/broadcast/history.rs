//! The broadcasts that were and are, by what somebody looks for.

use serde::Deserialize;
use utoipa::IntoParams;

use super::model::{Row, of_word};
use super::state::Phase;
use super::store::COLUMNS;
use crate::account::{Kind, Sight, scope};
use crate::http::{Answer, Page, Problem};
use crate::moment::at_ms;
use crate::store::{Store, args};

/// Which broadcasts are wanted, and which page of them. What is left out does not matter.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Wanted {
    /// A server's id.
    server: Option<String>,
    /// A meeting's id, or a part of its name.
    meeting: Option<String>,
    /// A node's name.
    node: Option<String>,
    /// The id of an origin that it went to.
    origin: Option<String>,
    /// Who started it, by id or name.
    person: Option<String>,
    /// A room's key.
    room: Option<String>,
    /// `waiting`, `joining`, `live`, `interrupted`, `ending` or `ended`.
    phase: Option<String>,
    /// Started then or later, RFC 3339.
    from: Option<String>,
    /// Started before, RFC 3339.
    to: Option<String>,
    /// The `next` of the page before.
    cursor: Option<String>,
    /// How many items, 1 to 500 (100).
    #[param(value_type = Option<u64>, maximum = 4_294_967_295u32)]
    limit: Option<u32>,
}

impl Wanted {
    /// The page that is wanted.
    pub(super) fn page(&self) -> Page {
        Page { cursor: self.cursor.clone(), limit: self.limit }
    }
}

/// Those of a sight that are wanted, newest first, a page and one more.
pub(super) async fn find(store: &Store, sight: &Sight, wanted: &Wanted) -> Answer<Vec<Row>> {
    if let Some(phase) = wanted.phase.as_deref().filter(|phase| of_word::<Phase>(phase).is_none()) {
        let short: String = phase.chars().take(32).collect();
        return Err(Problem::unprocessable("invalid_query", format!("There is no phase “{short}”.")).of_field("phase"));
    }
    let (from_ms, to_ms) = (at_ms("from", wanted.from.as_deref())?, at_ms("to", wanted.to.as_deref())?);
    let sql = format!(
        "SELECT {COLUMNS} FROM broadcasts WHERE ($1 = '' OR id < $1) AND ($3 = '' OR server_id = $3) \
         AND ($4 = '' OR meeting_id = $4 OR lower(meeting_name) LIKE lower($5) ESCAPE '!') AND ($6 = '' OR node = $6) \
         AND ($7 = '' OR EXISTS (SELECT 1 FROM targets t WHERE t.broadcast_id = broadcasts.id AND t.origin_id = $7)) \
         AND ($8 = '' OR started_by_id = $8 OR lower(started_by) = lower($8)) AND ($9 = '' OR room_key = $9) AND ($10 = '' OR phase = $10) \
         AND started_ms >= $11 AND started_ms < $12 AND {} ORDER BY id DESC LIMIT $2",
        scope::condition(Kind::Broadcast, "broadcasts.id", 13)
    );
    let text = |given: &Option<String>| given.clone().unwrap_or_default();
    let args = args![
        text(&wanted.cursor),
        wanted.page().rows(),
        text(&wanted.server),
        text(&wanted.meeting),
        containing(&text(&wanted.meeting)),
        text(&wanted.node),
        text(&wanted.origin),
        text(&wanted.person),
        text(&wanted.room),
        text(&wanted.phase),
        from_ms.unwrap_or(i64::MIN),
        to_ms.unwrap_or(i64::MAX),
    ];
    Ok(store.all(sqlx::AssertSqlSafe(sql), sight.after(args)).await?)
}

/// A pattern of texts that hold this one, whatever is in it.
fn containing(text: &str) -> String {
    format!("%{}%", text.replace('!', "!!").replace('%', "!%").replace('_', "!_"))
}
