//! Which news a listener sees, without asking the database about every one.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use tokio::sync::watch;

use super::super::news::{News, RESYNC};
use super::list::sight;
use crate::account::{Caller, Kind, Sight, scope};
use crate::app::App;
use crate::store::{StoreError, args};

/// What was found is believed this long: other nodes change rights too.
const BELIEVED: Duration = Duration::from_secs(5);
/// Things that are remembered.
const REMEMBERED: usize = 1000;

/// The eyes of one listener.
pub(super) struct Eyes {
    app: App,
    caller: Caller,
    sight: Sight,
    seen: HashMap<(&'static str, String), bool>,
    since: Instant,
    changes: watch::Receiver<u64>,
}

impl Eyes {
    pub(super) fn new(app: &App, caller: &Caller) -> Self {
        Self {
            sight: sight(caller),
            caller: caller.clone(),
            seen: HashMap::new(),
            since: Instant::now(),
            changes: app.accounts.listen(),
            app: app.clone(),
        }
    }

    /// Whether the listener sees what a piece of news is about.
    pub(super) async fn see(&mut self, news: &News) -> bool {
        if self.since.elapsed() >= BELIEVED || self.changes.has_changed().unwrap_or(false) {
            self.look_again().await;
        }
        if self.sight.is_all() || news.name == RESYNC {
            return true;
        }
        // A target's news names its broadcast, and groups hold nodes by name.
        let (kind, about) = match news.name {
            "target" => ("broadcast", "broadcast_id"),
            "node" => ("node", "name"),
            name => (name, "id"),
        };
        let id = news.data.get(about).and_then(|id| id.as_str());
        let Some(id) = id else { return false };
        let about = (kind, id.to_owned());
        if let Some(seen) = self.seen.get(&about) {
            return *seen;
        }
        let seen = self.ask(kind, id).await.unwrap_or_else(|error| {
            tracing::debug!(%error, "whether somebody sees a piece of news could not be asked");
            false
        });
        if self.seen.len() >= REMEMBERED {
            self.seen.clear();
        }
        self.seen.insert(about, seen);
        seen
    }

    async fn ask(&self, name: &str, id: &str) -> Result<bool, StoreError> {
        match name {
            "broadcast" => scope::sees(&self.app.store, &self.sight, Kind::Broadcast, id).await,
            "node" => scope::sees(&self.app.store, &self.sight, Kind::Node, id).await,
            "room" => match self.app.store.optional::<(String,)>("SELECT id FROM rooms WHERE key = $1", args![id]).await? {
                Some((room_id,)) => scope::sees(&self.app.store, &self.sight, Kind::Room, &room_id).await,
                None => Ok(false),
            },
            // What is not known here is nobody's but an admin's.
            _ => Ok(false),
        }
    }

    async fn look_again(&mut self) {
        self.changes.mark_unchanged();
        let known: Vec<String> = self.seen.drain().filter(|((name, _), _)| *name == "broadcast").map(|((_, id), _)| id).collect();
        self.since = Instant::now();
        // Who is gone is turned out elsewhere.
        if let Ok(Some(caller)) = self.caller.again(&self.app).await {
            self.sight = sight(&caller);
            self.caller = caller;
        }
        // All at once what would be asked one by one.
        if let Ok(seen) = scope::seen_of(&self.app.store, &self.sight, Kind::Broadcast, &known).await {
            self.seen.extend(known.into_iter().map(|id| (("broadcast", id.clone()), seen.contains(&id))));
        }
    }
}
