//! Which things somebody sees: those of their groups, and those of no group.
//!
//! Users, servers, origins, rooms, nodes, broadcasts and lines of the log are held by groups. A thing that no group holds is for everybody
//! with the permission, so that a small house needs no groups; one that is held is for the members of its groups; `system.admin` sees all.
//! A broadcast is held by the groups of its server, its room and its origins, or else by those of whoever started it, who sees it in any
//! case. A preset is held likewise, and a schedule by whoever holds its preset. Whoever was given something to do in a single room sees that room and its broadcasts.

use std::collections::{BTreeMap, BTreeSet};

use super::Caller;
use super::permission::Permission;
use crate::store::{Arg, Store, StoreError, Transaction, args};

/// What groups hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A user, by id: these are the members.
    User,
    /// A BBB server, by id.
    Server,
    /// An origin, by id.
    Origin,
    /// A room, by id.
    Room,
    /// A node, by name.
    Node,
    /// A broadcast, by id.
    Broadcast,
    /// A preset, by id.
    Preset,
    /// A schedule, by id.
    Schedule,
    /// A line of the activity log, by id.
    Activity,
}

impl Kind {
    /// Its word in the database.
    pub fn word(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Server => "server",
            Self::Origin => "origin",
            Self::Room => "room",
            Self::Node => "node",
            Self::Broadcast => "broadcast",
            Self::Preset => "preset",
            Self::Schedule => "schedule",
            Self::Activity => "activity",
        }
    }
}

/// How far somebody sees.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sight {
    user_id: String,
    reach: &'static str,
    permission: &'static str,
}

const ALL: &str = "all";
const GROUPS: &str = "groups";
const GRANTED: &str = "granted";
/// Things that are asked for in one query.
const TOGETHER: usize = 100;

impl Sight {
    /// Of somebody who holds the permission in question; what they were given in single rooms does not count.
    pub fn of(caller: &Caller) -> Self {
        let reach = if caller.permissions.holds(Permission::SystemAdmin) { ALL } else { GROUPS };
        Self { user_id: caller.user_id.clone(), reach, permission: "" }
    }

    /// For what needs one of these permissions; with what was given in single rooms: of the first of them, or anything where it is to see.
    pub fn with(caller: &Caller, permissions: &[Permission]) -> Self {
        let mut sight = Self::of(caller);
        if !permissions.iter().any(|permission| caller.may(*permission)) {
            sight.reach = GRANTED;
        }
        sight.permission = permissions.first().map_or("", |permission| permission.name());
        sight
    }

    /// Whether everything is in it.
    pub fn is_all(&self) -> bool {
        self.reach == ALL
    }

    /// The three arguments of [`condition`].
    pub fn args(&self) -> [Arg; 3] {
        [Arg::from(&self.user_id), Arg::from(self.reach), Arg::from(self.permission)]
    }

    /// These arguments, and behind them those of [`condition`].
    #[must_use]
    pub fn after(&self, mut args: Vec<Arg>) -> Vec<Arg> {
        args.extend(self.args());
        args
    }
}

/// SQL that holds of what a sight shows: `id` is the column with the thing's id, and [`Sight::args`] stand at `$at` and the two after it.
pub fn condition(kind: Kind, id: &str, at: usize) -> String {
    let (user, reach, permission, word) = (at, at + 1, at + 2, kind.word());
    let held = format!("SELECT 1 FROM group_holds h WHERE h.kind = '{word}' AND h.thing_id = {id}");
    let shared = format!(
        "SELECT 1 FROM group_holds h JOIN group_holds m ON m.group_id = h.group_id AND m.kind = 'user' \
         WHERE h.kind = '{word}' AND h.thing_id = {id} AND m.thing_id = ${user}"
    );
    let own = match kind {
        Kind::User => format!(" OR {id} = ${user}"),
        Kind::Broadcast => format!(" OR EXISTS (SELECT 1 FROM broadcasts s WHERE s.id = {id} AND s.started_by_id = ${user})"),
        _ => String::new(),
    };
    // Whoever may do anything in a room sees it.
    let given = format!("u.user_id = ${user} AND (u.permission = ${permission} OR ${permission} = 'broadcast.view')");
    let given = match kind {
        Kind::Room => format!(" OR EXISTS (SELECT 1 FROM user_rooms u WHERE u.room_id = {id} AND {given})"),
        Kind::Broadcast => format!(
            " OR EXISTS (SELECT 1 FROM user_rooms u JOIN rooms r ON r.id = u.room_id JOIN broadcasts s ON s.room_key = r.key \
             WHERE s.id = {id} AND {given})"
        ),
        // Named, so that the databases know its type.
        _ => format!(" OR (${permission} = '' AND 1 = 0)"),
    };
    format!("(${reach} = 'all' OR (${reach} = 'groups' AND (NOT EXISTS ({held}) OR EXISTS ({shared}){own})){given})")
}

/// Whether a sight shows a thing. Of what does not exist it says nothing.
pub async fn sees(store: &Store, sight: &Sight, kind: Kind, id: &str) -> Result<bool, StoreError> {
    if sight.is_all() {
        return Ok(true);
    }
    let sql = format!("SELECT CAST(1 AS BIGINT) WHERE {}", condition(kind, "$1", 2));
    Ok(store.optional::<(i64,)>(sqlx::AssertSqlSafe(sql), sight.after(args![id])).await?.is_some())
}

/// Of these things those that a sight shows.
pub async fn seen_of(store: &Store, sight: &Sight, kind: Kind, ids: &[String]) -> Result<BTreeSet<String>, StoreError> {
    if sight.is_all() {
        return Ok(ids.iter().cloned().collect());
    }
    let mut seen = BTreeSet::new();
    for ids in ids.chunks(TOGETHER) {
        let places: Vec<String> = (4..4 + ids.len()).map(|at| format!("(CAST(${at} AS TEXT))")).collect();
        let sql = format!("WITH v(id) AS (VALUES {}) SELECT v.id FROM v WHERE {}", places.join(", "), condition(kind, "v.id", 1));
        let mut args = sight.args().to_vec();
        args.extend(ids.iter().map(Arg::from));
        seen.extend(first_column(store.all(sqlx::AssertSqlSafe(sql), args).await?));
    }
    Ok(seen)
}

/// The groups that hold a thing.
pub async fn groups_of(store: &Store, kind: Kind, id: &str) -> Result<Vec<String>, StoreError> {
    let sql = "SELECT group_id FROM group_holds WHERE kind = $1 AND thing_id = $2 ORDER BY group_id";
    Ok(first_column(store.all(sql, args![kind.word(), id]).await?))
}

/// The same, in a transaction.
pub(super) async fn groups_in(tx: &mut Transaction, kind: Kind, id: &str) -> Result<Vec<String>, StoreError> {
    let sql = "SELECT group_id FROM group_holds WHERE kind = $1 AND thing_id = $2 ORDER BY group_id";
    Ok(first_column(tx.all(sql, args![kind.word(), id]).await?))
}

/// Of the groups that hold a thing, those that a caller sees: their own, or all.
pub async fn shown(store: &Store, caller: &Caller, kind: Kind, id: &str) -> Result<Vec<String>, StoreError> {
    Ok(shown_between(store, caller, kind, id, id).await?.remove(id).unwrap_or_default())
}

/// The same of all things from the one id to the other.
pub async fn shown_between(
    store: &Store,
    caller: &Caller,
    kind: Kind,
    first: &str,
    last: &str,
) -> Result<BTreeMap<String, Vec<String>>, StoreError> {
    let sql = "SELECT h.thing_id, h.group_id FROM group_holds h WHERE h.kind = $1 AND h.thing_id >= $2 AND h.thing_id <= $3 AND ($5 = 'all' \
               OR EXISTS (SELECT 1 FROM group_holds m WHERE m.kind = 'user' AND m.thing_id = $4 AND m.group_id = h.group_id)) \
               ORDER BY h.thing_id, h.group_id";
    let [user, reach, _] = Sight::of(caller).args();
    let rows: Vec<(String, String)> = store.all(sql, vec![Arg::from(kind.word()), Arg::from(first), Arg::from(last), user, reach]).await?;
    let mut shown: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (thing, group) in rows {
        shown.entry(thing).or_default().push(group);
    }
    Ok(shown)
}

/// Lets exactly these groups hold a thing.
pub(super) async fn hold(tx: &mut Transaction, kind: Kind, id: &str, groups: &[String]) -> Result<(), StoreError> {
    tx.run("DELETE FROM group_holds WHERE kind = $1 AND thing_id = $2", args![kind.word(), id]).await?;
    for group in groups {
        tx.run("INSERT INTO group_holds (kind, thing_id, group_id) VALUES ($1, $2, $3)", args![kind.word(), id, group]).await?;
    }
    Ok(())
}

/// Forgets who held a thing that is removed; comes after the line in the log, which is held by the same groups.
pub async fn forget(tx: &mut Transaction, kind: Kind, id: &str) -> Result<(), StoreError> {
    hold(tx, kind, id, &[]).await
}

/// Gives a broadcast to the groups of its server, room and origins, or else of whoever starts it.
pub async fn own_broadcast(tx: &mut Transaction, caller: &Caller, id: &str) -> Result<(), StoreError> {
    let starter = Some(&caller.user_id).filter(|id| !id.is_empty());
    tx.run("UPDATE broadcasts SET started_by_id = $2 WHERE id = $1", args![id, starter]).await?;
    place_broadcast(tx, id).await
}

/// The same, after what it uses has changed.
pub async fn place_broadcast(tx: &mut Transaction, id: &str) -> Result<(), StoreError> {
    tx.run("DELETE FROM group_holds WHERE kind = 'broadcast' AND thing_id = $1", args![id]).await?;
    let sql = "INSERT INTO group_holds (kind, thing_id, group_id) SELECT DISTINCT 'broadcast', b.id, h.group_id FROM broadcasts b \
               JOIN group_holds h ON (h.kind = 'server' AND h.thing_id = b.server_id) \
               OR (h.kind = 'room' AND h.thing_id = (SELECT r.id FROM rooms r WHERE r.key = b.room_key)) \
               OR (h.kind = 'origin' AND h.thing_id IN (SELECT t.origin_id FROM targets t WHERE t.broadcast_id = b.id)) WHERE b.id = $1";
    if tx.run(sql, args![id]).await? > 0 {
        return Ok(());
    }
    let sql = "INSERT INTO group_holds (kind, thing_id, group_id) SELECT 'broadcast', b.id, h.group_id FROM broadcasts b \
               JOIN group_holds h ON h.kind = 'user' AND h.thing_id = b.started_by_id WHERE b.id = $1";
    tx.run(sql, args![id]).await.map(drop)
}

/// Gives a preset to the groups of its server, room and origins, or else of whoever made it; and its schedules to the same.
pub async fn place_preset(tx: &mut Transaction, id: &str) -> Result<(), StoreError> {
    tx.run("DELETE FROM group_holds WHERE kind = 'preset' AND thing_id = $1", args![id]).await?;
    let sql = "INSERT INTO group_holds (kind, thing_id, group_id) SELECT DISTINCT 'preset', p.id, h.group_id FROM presets p \
               JOIN group_holds h ON (h.kind = 'server' AND h.thing_id = p.server_id) \
               OR (h.kind = 'room' AND h.thing_id = (SELECT r.id FROM rooms r WHERE r.key = p.room_key)) \
               OR (h.kind = 'origin' AND h.thing_id IN (SELECT t.origin_id FROM preset_targets t WHERE t.preset_id = p.id)) WHERE p.id = $1";
    if tx.run(sql, args![id]).await? == 0 {
        let sql = "INSERT INTO group_holds (kind, thing_id, group_id) SELECT 'preset', p.id, h.group_id FROM presets p \
                   JOIN group_holds h ON h.kind = 'user' AND h.thing_id = p.created_by_id WHERE p.id = $1";
        tx.run(sql, args![id]).await?;
    }
    let sql = "DELETE FROM group_holds WHERE kind = 'schedule' AND thing_id IN (SELECT s.id FROM schedules s WHERE s.preset_id = $1)";
    tx.run(sql, args![id]).await?;
    let sql = "INSERT INTO group_holds (kind, thing_id, group_id) SELECT 'schedule', s.id, h.group_id FROM schedules s \
               JOIN group_holds h ON h.kind = 'preset' AND h.thing_id = s.preset_id WHERE s.preset_id = $1";
    tx.run(sql, args![id]).await.map(drop)
}

/// Places all open broadcasts and all presets anew that use a thing whose groups have changed.
pub(super) async fn follow(tx: &mut Transaction, kind: Kind, id: &str) -> Result<(), StoreError> {
    let presets = match kind {
        Kind::Server => "SELECT id FROM presets WHERE server_id = $1",
        Kind::Room => "SELECT id FROM presets WHERE room_key = (SELECT key FROM rooms WHERE id = $1)",
        Kind::Origin => "SELECT id FROM presets WHERE id IN (SELECT preset_id FROM preset_targets WHERE origin_id = $1)",
        _ => return Ok(()),
    };
    for id in first_column(tx.all(presets, args![id]).await?) {
        place_preset(tx, &id).await?;
    }
    let sql = match kind {
        Kind::Server => "SELECT id FROM broadcasts WHERE ended_ms IS NULL AND server_id = $1",
        Kind::Room => "SELECT id FROM broadcasts WHERE ended_ms IS NULL AND room_key = (SELECT key FROM rooms WHERE id = $1)",
        Kind::Origin => {
            "SELECT id FROM broadcasts WHERE ended_ms IS NULL AND id IN (SELECT broadcast_id FROM targets WHERE origin_id = $1)"
        }
        _ => return Ok(()),
    };
    for id in first_column(tx.all(sql, args![id]).await?) {
        place_broadcast(tx, &id).await?;
    }
    Ok(())
}

fn first_column(rows: Vec<(String,)>) -> Vec<String> {
    rows.into_iter().map(|(text,)| text).collect()
}
