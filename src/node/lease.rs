//! Who may have a broadcast on the air, so that it is never two. Pure: clocks are passed in.
//!
//! A broadcast is a row that names its owner (a process), its epoch, a counter of renewals and how long the lease lasts.
//!
//! * The owner renews every 2 s, and stops sending 1 s before the lease ends, counted by its own clock from *before* it asked for the
//!   renewal. The row changed after that moment, so whoever reads the change reads it later than the owner began to count.
//! * Another takes over when it has seen the same renewal for the whole length of the lease and 2 s more, counted by its own clock from
//!   *after* it first read it, and the database's time says the same. No two clocks are ever compared, so none needs to be right; the 3 s
//!   between are for clocks that run at different speeds, and for what an owner needs to fall silent.
//! * Taking over is one conditional write: it fails when the owner has renewed meanwhile, or somebody else was quicker.
//!
//! With a lease of 10 s a dead node's broadcast goes on 12 to 15 s after its last renewal: 10 s of lease, 2 s of margin, up to 1 s until the
//! renewal was read and up to 2 s until the next look. A shorter lease would take pictures off the air for every hiccup of the database.
//!
//! A process that is alone (no other was heard of lately) takes leases of 2 minutes: nobody is there to take over sooner, and a database that
//! restarts or fails over takes no picture off the air. The length stands in the row, so a process that comes up meanwhile waits for it;
//! as soon as the owner hears of it, the lease is short again.

use std::collections::HashMap;

/// How often leases are renewed.
pub const RENEW_EVERY_MS: u64 = 2_000;
/// How long a lease is while there are others.
pub const LEASE_MS: u64 = 10_000;
/// How long it is for a process that is alone.
pub const ALONE_MS: u64 = 120_000;
/// So long before its end the owner falls silent.
pub const EARLY_MS: u64 = 1_000;
/// So long after its end another may take over.
pub const MARGIN_MS: u64 = 2_000;
/// How long the node that a new broadcast was given to has before any other may take it.
pub const ASSIGNED_MS: u64 = 5_000;
/// How much later each node tries than the next better one: the one with most room gets it without a race.
pub const RANK_MS: u64 = 700;

/// How long the leases of a process are to be.
pub fn length_ms(alone: bool) -> u64 {
    if alone { ALONE_MS } else { LEASE_MS }
}

/// Until when an owner may send, by its own clock, who asked at `asked_ms` for a lease of this length and was given it.
pub fn silent_at(asked_ms: u64, lease_ms: u64) -> u64 {
    asked_ms + lease_ms.saturating_sub(EARLY_MS)
}

/// A lease as it stands in the database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// The broadcast.
    pub id: String,
    /// The process that has it; `None` where nobody has taken it yet, or it was given back.
    pub owner: Option<String>,
    /// The node that it is meant for, or was last on.
    pub node: String,
    /// Grows with every owner.
    pub epoch: i64,
    /// Grows with every renewal.
    pub beat: i64,
    /// Its length.
    pub lease_ms: u64,
    /// When it ends by the database's time.
    pub until_ms: i64,
}

/// Who looks.
#[derive(Clone, Copy, Debug)]
pub struct Me<'a> {
    /// This process.
    pub process: &'a str,
    /// The name of its node.
    pub node: &'a str,
    /// How many nodes are better placed to take a broadcast over.
    pub rank: u32,
}

struct Seen {
    epoch: i64,
    beat: i64,
    owner: Option<String>,
    since_ms: u64,
}

/// Remembers since when each lease stands as it stands.
#[derive(Default)]
pub struct Watch {
    seen: HashMap<String, Seen>,
}

impl Watch {
    /// What may be taken now. `now_ms` is the own clock, read after the rows had come; `held` says what this process holds, or still has
    /// running although it lost it.
    pub fn look<'a>(
        &mut self,
        me: Me,
        now_ms: u64,
        database_ms: i64,
        rows: &'a [Standing],
        held: impl Fn(&str) -> bool,
    ) -> Vec<&'a Standing> {
        self.seen.retain(|id, _| rows.iter().any(|row| row.id == *id));
        let mut free = Vec::new();
        for row in rows {
            let seen = self.seen.entry(row.id.clone()).or_insert_with(|| Seen::new(row, now_ms));
            if (seen.epoch, seen.beat, &seen.owner) != (row.epoch, row.beat, &row.owner) {
                *seen = Seen::new(row, now_ms);
            }
            if !held(&row.id) && may_take(me, now_ms.saturating_sub(seen.since_ms), database_ms, row) {
                free.push(row);
            }
        }
        free
    }
}

impl Seen {
    fn new(row: &Standing, since_ms: u64) -> Self {
        Self { epoch: row.epoch, beat: row.beat, owner: row.owner.clone(), since_ms }
    }
}

fn may_take(me: Me, unchanged_ms: u64, database_ms: i64, row: &Standing) -> bool {
    let rank_ms = u64::from(me.rank) * RANK_MS;
    match row.owner.as_deref() {
        None if row.node == me.node => true,
        None => unchanged_ms >= ASSIGNED_MS + rank_ms,
        // Ours, and we have nothing of it running: an answer that never came, or a lease that ran out.
        Some(owner) if owner == me.process => true,
        Some(_) => unchanged_ms >= row.lease_ms + MARGIN_MS + rank_ms && over(database_ms, row),
    }
}

/// Whether the lease is over by the database's time. An end further ahead than the lease is long was written before that time was put back.
fn over(database_ms: i64, row: &Standing) -> bool {
    let length_ms = i64::try_from(row.lease_ms).unwrap_or(i64::MAX);
    let left_ms = row.until_ms.saturating_sub(database_ms);
    left_ms.saturating_add(i64::try_from(MARGIN_MS).unwrap_or(0)) <= 0 || left_ms > length_ms
}

#[cfg(test)]
mod tests;
