//! Nodes and leases in the database.

use sqlx::AssertSqlSafe;

use super::lease::Standing;
use crate::account::{Kind, Sight, scope};
use crate::store::{Store, StoreError, Transaction, args};

/// A node as it is kept.
#[derive(Clone, Debug, sqlx::FromRow)]
pub(crate) struct NodeRow {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) process: String,
    pub(crate) place: Option<String>,
    pub(crate) url: Option<String>,
    pub(crate) version: String,
    pub(crate) cores: f64,
    pub(crate) used_cores: f64,
    pub(crate) free_memory_mb: f64,
    pub(crate) broadcasts: i64,
    pub(crate) draining: i64,
    pub(crate) since_ms: i64,
    pub(crate) beat_ms: i64,
    /// The database's time of the reading.
    pub(crate) now_ms: i64,
}

const COLUMNS: &str = "id, name, process, place, url, version, cores, used_cores, free_memory_mb, broadcasts, draining, since_ms, beat_ms";

fn select(store: &Store, rest: &str) -> AssertSqlSafe<String> {
    AssertSqlSafe(format!("SELECT {COLUMNS}, {} AS now_ms FROM nodes {rest}", store.dialect().now()))
}

/// All nodes, by name.
pub(crate) async fn all(store: &Store) -> Result<Vec<NodeRow>, StoreError> {
    store.all(select(store, "ORDER BY name LIMIT 1000"), args![]).await
}

/// Those that somebody sees, by name.
pub(crate) async fn seen(store: &Store, sight: &Sight) -> Result<Vec<NodeRow>, StoreError> {
    let seen = scope::condition(Kind::Node, "nodes.name", 1);
    store.all(select(store, &format!("WHERE {seen} ORDER BY name LIMIT 1000")), sight.args().to_vec()).await
}

pub(super) async fn named(store: &Store, name: &str) -> Result<Option<NodeRow>, StoreError> {
    store.optional(select(store, "WHERE name = $1"), args![name]).await
}

/// What a node says of itself.
#[derive(Clone, Debug)]
pub(super) struct Saying<'a> {
    pub(super) name: &'a str,
    pub(super) process: &'a str,
    pub(super) place: Option<&'a str>,
    pub(super) url: Option<&'a str>,
    pub(super) load: Load,
}

/// What a node has, and what its broadcasts are expected to need of it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Load {
    /// CPU cores that broadcasts may use.
    pub cores: f64,
    /// Those that its broadcasts are expected to need.
    pub used_cores: f64,
    /// Memory that is free, in MB.
    pub free_memory_mb: f64,
    /// How many broadcasts it has.
    pub broadcasts: u32,
}

/// Puts this process in the place of the one that had the name, which was `before`; gives the node's id, or nothing where another was
/// quicker.
pub(super) async fn register(store: &Store, saying: &Saying<'_>, before: Option<&NodeRow>) -> Result<Option<String>, StoreError> {
    let (id, load, now) = (crate::id::new(), saying.load, store.dialect().now());
    let sql = format!(
        "INSERT INTO nodes ({COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 0, {now}, {now}) \
         ON CONFLICT (name) DO UPDATE SET process = $3, place = $4, url = $5, version = $6, cores = $7, used_cores = $8, \
         free_memory_mb = $9, broadcasts = $10, draining = 0, since_ms = {now}, beat_ms = {now} WHERE nodes.process = $11 RETURNING id"
    );
    let args = args![
        id,
        saying.name,
        saying.process,
        saying.place.map(str::to_owned),
        saying.url.map(str::to_owned),
        env!("CARGO_PKG_VERSION"),
        load.cores,
        load.used_cores,
        load.free_memory_mb,
        load.broadcasts,
        before.map_or("", |before| before.process.as_str())
    ];
    let mut tx = store.begin().await?;
    let registered = tx.optional::<(String,)>(AssertSqlSafe(sql), args).await?.map(|(id,)| id);
    tx.commit().await?;
    Ok(registered)
}

/// Says that this process lives; gives whether it is to take nothing more, or nothing where its node is not its own any more.
pub(super) async fn beat(store: &Store, saying: &Saying<'_>) -> Result<Option<bool>, StoreError> {
    let load = saying.load;
    let sql = format!(
        "UPDATE nodes SET beat_ms = {}, cores = $2, used_cores = $3, free_memory_mb = $4, broadcasts = $5 WHERE process = $1 RETURNING draining",
        store.dialect().now()
    );
    let args = args![saying.process, load.cores, load.used_cores, load.free_memory_mb, load.broadcasts];
    let mut tx = store.begin().await?;
    let draining = tx.optional::<(i64,)>(AssertSqlSafe(sql), args).await?;
    tx.commit().await?;
    Ok(draining.map(|(draining,)| draining == 1))
}

pub(super) async fn set_draining(tx: &mut Transaction, id: &str, draining: bool) -> Result<bool, StoreError> {
    Ok(tx.run("UPDATE nodes SET draining = $1 WHERE id = $2", args![draining, id]).await? > 0)
}

pub(super) async fn remove(tx: &mut Transaction, id: &str) -> Result<bool, StoreError> {
    Ok(tx.run("DELETE FROM nodes WHERE id = $1", args![id]).await? > 0)
}

/// Says that a process has ended in order: it is gone at once.
pub(super) async fn leave(store: &Store, process: &str) -> Result<(), StoreError> {
    store.run("UPDATE nodes SET beat_ms = 0, broadcasts = 0, used_cores = 0 WHERE process = $1", args![process]).await.map(drop)
}

/// Gives back what a process has, so that it may be taken at once. Only for one that sends nothing any more.
pub(super) async fn release(store: &Store, process: &str) -> Result<u64, StoreError> {
    store.run("UPDATE broadcasts SET owner = NULL WHERE owner = $1 AND ended_ms IS NULL", args![process]).await
}

/// A file has one process: every other is dead, and all that it had is this one's.
pub(super) async fn have_all(store: &Store, process: &str, name: &str) -> Result<(), StoreError> {
    store.run("DELETE FROM nodes WHERE process <> $1", args![process]).await?;
    store.run("UPDATE broadcasts SET owner = NULL, node = $1 WHERE ended_ms IS NULL", args![name]).await.map(drop)
}

/// An open broadcast as whoever watches the leases reads it.
#[derive(Clone, Debug, sqlx::FromRow)]
pub(crate) struct Open {
    pub(crate) id: String,
    pub(crate) owner: Option<String>,
    pub(crate) node: String,
    pub(crate) epoch: i64,
    pub(crate) lease_beat: i64,
    pub(crate) lease_ms: i64,
    pub(crate) lease_until_ms: i64,
    pub(crate) desired: i64,
    pub(crate) paused: i64,
    pub(crate) now_ms: i64,
}

impl Open {
    pub(crate) fn standing(&self) -> Standing {
        Standing {
            id: self.id.clone(),
            owner: self.owner.clone(),
            node: self.node.clone(),
            epoch: self.epoch,
            beat: self.lease_beat,
            lease_ms: u64::try_from(self.lease_ms).unwrap_or(0),
            until_ms: self.lease_until_ms,
        }
    }
}

fn select_open(store: &Store, rest: &str) -> AssertSqlSafe<String> {
    AssertSqlSafe(format!(
        "SELECT id, owner, node, epoch, lease_beat, lease_ms, lease_until_ms, desired, paused, {} AS now_ms FROM broadcasts \
         WHERE ended_ms IS NULL {rest}",
        store.dialect().now()
    ))
}

/// All broadcasts that have not ended.
pub(crate) async fn open(store: &Store) -> Result<Vec<Open>, StoreError> {
    store.all(select_open(store, "ORDER BY id"), args![]).await
}

/// A broadcast, if it has not ended.
pub(crate) async fn one_open(store: &Store, id: &str) -> Result<Option<Open>, StoreError> {
    store.optional(select_open(store, "AND id = $1"), args![id]).await
}

/// Who wants a lease, and how long it is to be. `beat` is greater than every one that this process has used.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wanted<'a> {
    pub(super) process: &'a str,
    pub(super) node: &'a str,
    pub(super) beat: i64,
    pub(super) lease_ms: i64,
}

/// Takes a broadcast over if its lease still stands as it was seen; gives the new epoch.
pub(super) async fn claim(store: &Store, seen: &Standing, wanted: Wanted<'_>) -> Result<Option<i64>, StoreError> {
    let sql = format!(
        "UPDATE broadcasts SET owner = $1, node = $2, epoch = epoch + 1, lease_beat = $3, lease_ms = $4, lease_until_ms = {} + $4 \
         WHERE id = $5 AND epoch = $6 AND lease_beat = $7 AND COALESCE(owner, '') = $8 AND ended_ms IS NULL RETURNING epoch",
        store.dialect().now()
    );
    let args = args![
        wanted.process,
        wanted.node,
        wanted.beat,
        wanted.lease_ms,
        &seen.id,
        seen.epoch,
        seen.beat,
        seen.owner.as_deref().unwrap_or_default()
    ];
    let mut tx = store.begin().await?;
    let epoch = tx.optional::<(i64,)>(AssertSqlSafe(sql), args).await?.map(|(epoch,)| epoch);
    tx.commit().await?;
    Ok(epoch)
}

/// Renews everything that a process has; gives what it still has, with the epochs. A renewal that arrives after a later one does nothing.
pub(super) async fn renew(store: &Store, wanted: Wanted<'_>) -> Result<Vec<(String, i64)>, StoreError> {
    let sql = format!(
        "UPDATE broadcasts SET lease_beat = $2, lease_ms = $3, lease_until_ms = {} + $3 \
         WHERE owner = $1 AND lease_beat < $2 AND ended_ms IS NULL RETURNING id, epoch",
        store.dialect().now()
    );
    let mut tx = store.begin().await?;
    let kept = tx.all(AssertSqlSafe(sql), args![wanted.process, wanted.beat, wanted.lease_ms]).await?;
    tx.commit().await?;
    Ok(kept)
}
