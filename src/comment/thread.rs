//! A thread in memory: what newcomers are shown, what those who come back have missed, and its rules.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json};

use super::bans::{Banned, Bans};
use super::hub::Hub;
use super::pattern::Patterns;
use super::row::{Row, State, missing, sees};
use super::rules::{Mode, Rules};
use super::shard::{Event, Notice};
use super::store;
use super::wire::Viewer;
use crate::moment::{now_ms, rfc3339};
use crate::store::{Store, StoreError};

/// Comments that newcomers are shown.
pub(super) const ITEMS: usize = 50;
/// Shown comments that are remembered.
const LATEST: usize = 120;
/// Comments that wait, were refused, or are nobody's but their author's, that are remembered.
const UNSHOWN: usize = 300;
/// Changes that are remembered: who has missed more begins anew.
const CHANGES: usize = 512;
/// Pinned comments that are shown.
const PINNED: u32 = 20;

/// A thread that somebody is in.
pub(super) struct Thread {
    pub(super) id: String,
    content: Mutex<Content>,
    /// One at a time reads what another process wrote.
    pub(super) reading: tokio::sync::Mutex<()>,
}

/// What is in it.
pub(super) struct Content {
    /// The number of its last change.
    pub(super) seq: i64,
    /// Changes after this one are all remembered.
    known_from: i64,
    changes: BTreeMap<i64, Arc<Row>>,
    last_change: HashMap<String, i64>,
    latest: BTreeMap<String, Arc<Row>>,
    has_older: bool,
    unshown: BTreeMap<String, Arc<Row>>,
    has_older_unshown: bool,
    pinned: BTreeMap<String, Arc<Row>>,
    pub(super) rules: Arc<Rules>,
    pub(super) patterns: Arc<Patterns>,
    pub(super) bans: Arc<Bans>,
    hubs: Vec<Arc<Hub>>,
}

impl Thread {
    /// Reads a thread.
    pub(super) async fn load(store: &Store, id: &str) -> Result<Self, StoreError> {
        let kept = store::thread(store, id).await?;
        let bans = super::ban_store::active(store, id).await?;
        let changes = store::last_changed(store, id, u32::try_from(CHANGES).unwrap_or(u32::MAX)).await?;
        let latest = store::page(store, id, store::For::State(State::Shown), None, 100).await?;
        let mut unshown = Vec::new();
        for state in [State::Held, State::Rejected, State::Quiet] {
            unshown.extend(store::page(store, id, store::For::State(state), None, 100).await?);
        }
        let pinned = store::pinned(store, id, PINNED).await?;
        let known_from = match changes.last() {
            Some(oldest) if changes.len() == CHANGES => oldest.changed_seq - 1,
            _ => kept.floor_seq,
        };
        let rules = kept.rules();
        let by_id = |rows: Vec<Arc<Row>>| rows.into_iter().map(|row| (row.id.clone(), row)).collect::<BTreeMap<_, _>>();
        // What was written while this was read is read again before anybody joins.
        let content = Content {
            seq: kept.seq,
            known_from,
            last_change: changes.iter().map(|row| (row.id.clone(), row.changed_seq)).collect(),
            changes: changes.into_iter().map(|row| (row.changed_seq, row)).collect(),
            has_older: latest.len() == 100,
            latest: by_id(latest),
            has_older_unshown: true,
            unshown: by_id(unshown),
            pinned: by_id(pinned),
            patterns: Arc::new(Patterns::new(&rules.words).unwrap_or_default()),
            rules: Arc::new(rules),
            bans: Arc::new(bans),
            hubs: Vec::new(),
        };
        Ok(Self { id: id.to_owned(), content: Mutex::new(content), reading: tokio::sync::Mutex::default() })
    }

    pub(super) fn content(&self) -> MutexGuard<'_, Content> {
        self.content.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes in what was written: the changes after `from` up to `upto`. `false`: something before them is not known yet.
    pub(super) fn take(&self, from: i64, upto: i64, rows: &[Arc<Row>]) -> bool {
        let mut content = self.content();
        if upto <= content.seq {
            return true;
        }
        if from > content.seq {
            return false;
        }
        let since = content.seq;
        let mut events = Vec::with_capacity(rows.len());
        for row in rows.iter().filter(|row| row.changed_seq > since) {
            content.keep(row);
            events.push(Event::change(Arc::clone(row), since));
        }
        content.seq = upto;
        content.tell(&events);
        true
    }

    /// Rules that hold from now on.
    pub(super) fn set_rules(&self, rules: Rules) {
        let mut content = self.content();
        if *content.rules == rules {
            return;
        }
        content.patterns = Arc::new(Patterns::new(&rules.words).unwrap_or_default());
        let notice = Notice { anyone: rules.message(false).to_string(), moderators: Some(rules.message(true).to_string()) };
        content.rules = Arc::new(rules);
        content.tell(&[Event::Notice(Arc::new(notice))]);
    }

    /// Bans that hold from now on. Whoever is told of theirs is told now, and whose was lifted is told that, too.
    pub(super) fn set_bans(&self, bans: Bans) {
        let (before, after, hubs) = {
            let mut content = self.content();
            if *content.bans == bans {
                return;
            }
            let after = Arc::new(bans);
            (std::mem::replace(&mut content.bans, Arc::clone(&after)), after, content.hubs.clone())
        };
        let now_ms = now_ms();
        for hub in hubs {
            hub.each(|viewer| {
                let told = |bans: &Bans| {
                    let ban = bans.find(viewer.id, viewer.address, now_ms).filter(|ban| !ban.quiet)?;
                    Some((ban.until_ms, ban.reason.clone()))
                };
                let (was, is) = (told(&before), told(&after));
                if was == is || viewer.moderates() {
                    return;
                }
                match is {
                    Some((until_ms, reason)) => viewer.text(
                        &json!({ "t": "banned", "until": until_ms.map(rfc3339), "reason": Some(reason).filter(|reason| !reason.is_empty()) })
                            .to_string(),
                    ),
                    None => viewer.text(&you_message(viewer.you())),
                }
            });
        }
    }

    pub(super) fn attach(&self, hub: Arc<Hub>) {
        self.content().hubs.push(hub);
    }

    /// Takes a room off; tells whether another is left.
    pub(super) fn detach(&self, hub: &Arc<Hub>) -> bool {
        let mut content = self.content();
        content.hubs.retain(|kept| !Arc::ptr_eq(kept, hub));
        !content.hubs.is_empty()
    }

    pub(super) fn hubs(&self) -> Vec<Arc<Hub>> {
        self.content().hubs.clone()
    }
}

/// How a viewer stands, as a message.
pub(super) fn you_message(mut you: Value) -> String {
    you["t"] = json!("you");
    you.to_string()
}

impl Content {
    /// The ban that holds for a viewer now.
    pub(super) fn ban(&self, viewer: &Viewer) -> Option<&Banned> {
        self.bans.find(viewer.id, viewer.address, now_ms())
    }

    /// How a viewer stands here; a ban that they were not told of is not told here either.
    pub(super) fn you(&self, viewer: &Viewer) -> Value {
        let mut you = viewer.you();
        if let Some(ban) = self.ban(viewer).filter(|ban| !ban.quiet && !viewer.moderates()) {
            you["banned"] = json!({ "until": ban.until_ms.map(rfc3339) });
            if !ban.reason.is_empty() {
                you["banned"]["reason"] = json!(ban.reason);
            }
        }
        you
    }

    fn tell(&self, events: &[Event]) {
        self.hubs.iter().for_each(|hub| hub.tell(events));
    }

    fn keep(&mut self, row: &Arc<Row>) {
        if let Some(before) = self.last_change.insert(row.id.clone(), row.changed_seq) {
            self.changes.remove(&before);
        }
        self.changes.insert(row.changed_seq, Arc::clone(row));
        while self.changes.len() > CHANGES {
            let Some((seq, oldest)) = self.changes.pop_first() else { break };
            self.last_change.remove(&oldest.id);
            self.known_from = seq;
        }
        let is_unshown = matches!(row.state, State::Held | State::Rejected | State::Quiet);
        remember(&mut self.latest, &mut self.has_older, row, row.state == State::Shown, LATEST);
        remember(&mut self.unshown, &mut self.has_older_unshown, row, is_unshown, UNSHOWN);
        if row.pinned && row.state == State::Shown {
            self.pinned.insert(row.id.clone(), Arc::clone(row));
        } else {
            self.pinned.remove(&row.id);
        }
        if row.state != State::Shown {
            self.drop_quotes(&row.id);
        }
    }

    /// What is not shown any more is not quoted any more.
    fn drop_quotes(&mut self, id: &str) {
        let maps = [&mut self.latest, &mut self.unshown, &mut self.pinned];
        let rows = maps.into_iter().flat_map(BTreeMap::values_mut).chain(self.changes.values_mut());
        for row in rows.filter(|row| row.quote.as_ref().is_some_and(|quote| quote.id == id)) {
            let mut without = Row::clone(row);
            without.quote = None;
            *row = Arc::new(without);
        }
    }

    /// What newcomers are shown, the oldest first, and what to ask for older ones before.
    pub(super) fn items(&self, viewer: &Viewer) -> (Vec<Arc<Row>>, Option<String>) {
        if self.rules.mode == Mode::Off {
            return (Vec::new(), None);
        }
        let seen = |row: &&Arc<Row>| sees(row.state, row.who(viewer.id, viewer.moderates()));
        let mut items: Vec<Arc<Row>> = self.latest.values().rev().take(ITEMS).cloned().collect();
        items.extend(self.unshown.values().rev().filter(seen).take(ITEMS).cloned());
        items.sort_by(|a, b| b.id.cmp(&a.id));
        let has_more = self.has_older || items.len() > ITEMS;
        items.truncate(ITEMS);
        items.reverse();
        let before = items.first().filter(|_| has_more).map(|row| row.id.clone());
        (items, before)
    }

    pub(super) fn pinned(&self) -> impl Iterator<Item = &Arc<Row>> {
        self.pinned.values().filter(|_| self.rules.mode != Mode::Off)
    }

    /// The messages that somebody has missed since a number, in order; `None` where that is not known any more.
    pub(super) fn missed(&self, viewer: &Viewer, since: i64) -> Option<Vec<String>> {
        if since < self.known_from || since > self.seq || self.rules.mode == Mode::Off {
            return None;
        }
        let told = |row: &Arc<Row>| {
            let who = row.who(viewer.id, viewer.moderates());
            let tell = missing(row, who, since)?;
            Some((tell.seq(), row.tell(tell, who, row.viewer_id == viewer.id)))
        };
        let mut missed: Vec<(i64, String)> = self.changes.range(since + 1..).filter_map(|(_, row)| told(row)).collect();
        missed.sort_by_key(|(seq, _)| *seq);
        Some(missed.into_iter().map(|(_, message)| message).collect())
    }

    /// How many wait for a moderator, as far as is remembered.
    pub(super) fn waiting(&self) -> usize {
        self.unshown.values().filter(|row| row.state == State::Held).count()
    }
}

/// Keeps a row among the newest of its kind, or takes it out.
fn remember(rows: &mut BTreeMap<String, Arc<Row>>, has_older: &mut bool, row: &Arc<Row>, is_kind: bool, most: usize) {
    if !is_kind {
        rows.remove(&row.id);
        return;
    }
    // Between what is remembered and what is older there must be no hole.
    if *has_older && rows.first_key_value().is_none_or(|(oldest, _)| row.id < *oldest) && !rows.is_empty() {
        return;
    }
    rows.insert(row.id.clone(), Arc::clone(row));
    if rows.len() > most {
        rows.pop_first();
        *has_older = true;
    }
}
