//! Who saw which broadcasts a moment ago. Pages ask for pictures again and again: fifty open walls of twenty broadcasts would ask the database
//! hundreds of times a second who they are and what they see.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::extract::FromRequestParts;
use axum::http::request::Parts;

use super::list::{find, sight};
use crate::account::perm::InSomeRoom;
use crate::account::{AccountChanges, Allowed, Kind, fingerprint, perm, scope};
use crate::app::App;
use crate::http::{Path, Problem};

/// What was found is believed this long: other nodes change rights too, and the event stream sees it by then.
const BELIEVED: Duration = Duration::from_secs(5);
/// Sessions and tokens that are remembered.
const REMEMBERED: usize = 1000;

/// What was found a moment ago, by what a request shows of itself. Clones are the same.
#[derive(Clone, Debug, Default)]
pub(crate) struct Glances(Arc<Mutex<Found>>);

#[derive(Debug, Default)]
struct Found {
    /// When it was asked, and the broadcasts that were seen of those that ran.
    seen: HashMap<String, (Instant, BTreeSet<String>)>,
    /// How often rights had changed by then.
    changes: u64,
}

impl Glances {
    fn knows(&self, shown: &str, id: &str, changes: &AccountChanges, now: Instant) -> bool {
        let mut found = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if found.changes != changes.count() {
            found.seen.clear();
            return false;
        }
        found.seen.get(shown).is_some_and(|(at, seen)| now.saturating_duration_since(*at) < BELIEVED && seen.contains(id))
    }

    /// Remembers what was asked at this time, when rights had changed so often.
    fn keep(&self, shown: String, seen: BTreeSet<String>, changes: u64, now: Instant) {
        let mut found = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if found.changes != changes || found.seen.len() >= REMEMBERED {
            found.seen.clear();
        }
        found.changes = changes;
        found.seen.insert(shown, (now, seen));
    }
}

/// The id of a broadcast that the caller sees, or saw a moment ago: for its picture, and nothing that changes anything.
pub(crate) struct Glance(pub(super) String);

impl FromRequestParts<App> for Glance {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let Path(id) = Path::<String>::from_request_parts(parts, app).await?;
        let shown = fingerprint(&parts.headers, &app.settings);
        // Before it is asked: what changes meanwhile makes it old.
        let (changes, now) = (app.accounts.count(), Instant::now());
        if shown.as_ref().is_some_and(|shown| app.glances.knows(shown, &id, &app.accounts, now)) {
            return Ok(Self(id));
        }
        let caller = Allowed::<InSomeRoom<perm::BroadcastView>>::from_request_parts(parts, app).await?;
        find(app, &caller, &id).await?;
        if let Some(shown) = shown {
            // The next picture is that of another one.
            let seen = scope::seen_of(&app.store, &sight(&caller), Kind::Broadcast, &app.supervisor.here()).await?;
            app.glances.keep(shown, seen, changes, now);
        }
        Ok(Self(id))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keep(glances: &Glances, who: &str, changes: u64, now: Instant) {
        glances.keep(who.to_owned(), ["b1".to_owned()].into(), changes, now);
    }

    #[test]
    fn what_was_seen_is_believed_for_a_moment_by_whoever_saw_it() {
        let (glances, changes, now) = (Glances::default(), AccountChanges::default(), Instant::now());
        assert!(!glances.knows("ada", "b1", &changes, now));
        keep(&glances, "ada", changes.count(), now);
        assert!(glances.knows("ada", "b1", &changes, now + Duration::from_secs(4)));
        assert!(!glances.knows("ada", "b1", &changes, now + BELIEVED));
        assert!(!glances.knows("bob", "b1", &changes, now));
        assert!(!glances.knows("ada", "b2", &changes, now));
    }

    #[test]
    fn a_change_of_rights_ends_all_belief_and_what_was_found_before_it_is_not_believed_after() {
        let (glances, changes, now) = (Glances::default(), AccountChanges::default(), Instant::now());
        let before = changes.count();
        keep(&glances, "ada", before, now);
        changes.tell();
        assert!(!glances.knows("ada", "b1", &changes, now));
        keep(&glances, "ada", before, now);
        assert!(!glances.knows("ada", "b1", &changes, now), "it was asked before the change");
        keep(&glances, "ada", changes.count(), now);
        assert!(glances.knows("ada", "b1", &changes, now));
    }

    #[test]
    fn it_does_not_grow_without_end() {
        let (glances, changes, now) = (Glances::default(), AccountChanges::default(), Instant::now());
        for number in 0..REMEMBERED + 5 {
            keep(&glances, &number.to_string(), changes.count(), now);
        }
        assert!(glances.0.lock().unwrap().seen.len() <= REMEMBERED);
        assert!(glances.knows(&(REMEMBERED + 4).to_string(), "b1", &changes, now));
    }
}
