//! Lists: a page of items and where the next begins.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

const DEFAULT_LIMIT: u32 = 100;
const LIMIT: u32 = 500;

/// One page of a list.
#[derive(Debug, Serialize, ToSchema)]
pub struct List<T> {
    /// The items.
    pub items: Vec<T>,
    /// Give it as `cursor` to get what follows; null at the end.
    pub next: Option<String>,
}

/// Which page is wanted.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Page {
    /// The `next` of the page before.
    pub cursor: Option<String>,
    /// How many items, 1 to 500 (100); any other number is taken as the nearest of these.
    #[param(value_type = Option<u64>, maximum = 4_294_967_295u32)]
    pub limit: Option<u32>,
}

impl Page {
    /// What the page comes after, where lists go up by id: everything is greater than no cursor.
    pub fn after(&self) -> &str {
        self.cursor.as_deref().unwrap_or_default()
    }

    /// How many rows to fetch: one more than fit, which tells whether there is a next page.
    pub fn rows(&self) -> u32 {
        self.limit() + 1
    }

    fn limit(&self) -> u32 {
        self.limit.unwrap_or(DEFAULT_LIMIT).clamp(1, LIMIT)
    }

    /// Makes the page out of [`rows`](Page::rows) rows; `cursor` tells an item's.
    pub fn list<R, T>(&self, mut rows: Vec<R>, cursor: impl Fn(&R) -> String, item: impl FnMut(R) -> T) -> List<T> {
        let limit = self.limit() as usize;
        let more = rows.len() > limit;
        rows.truncate(limit);
        let next = rows.last().filter(|_| more).map(cursor);
        List { items: rows.into_iter().map(item).collect(), next }
    }
}

impl<T> List<T> {
    /// A list that is always whole.
    pub fn whole(items: Vec<T>) -> Self {
        Self { items, next: None }
    }
}
