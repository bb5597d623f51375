//! Nodes as the API shows them.

use serde::Serialize;

use super::lease::LEASE_MS;
use super::store::NodeRow;
use crate::moment::rfc3339;

/// Not heard of for so long, a node is gone.
const GONE_MS: i64 = LEASE_MS.cast_signed();
/// What has less room than this is busy: a meeting in 720p30 needs it (`broadcast/capacity.rs`).
const ROOM_CORES: f64 = 0.8;
/// This much of a machine is left to everything else, as there.
const KEEP_FREE: f64 = 0.1;

/// How a node is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum NodeState {
    /// It takes broadcasts.
    Up,
    /// It has no room for another of the usual size.
    Busy,
    /// It lets its broadcasts finish and takes no more.
    Draining,
    /// It has not been heard of.
    Gone,
}

/// A process that shares the database.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct NodeView {
    /// Its id; stays when it is started again.
    pub id: String,
    /// Its name.
    pub name: String,
    /// How it is.
    pub state: NodeState,
    /// Whether it answered this very call.
    pub here: bool,
    /// Where the other nodes reach it; without it, previews and pictures of its broadcasts are only to be had from itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Its version of Bluecast.
    pub version: String,
    /// How many broadcasts it has.
    pub broadcasts: i64,
    /// CPU cores that broadcasts may use on it.
    pub cores: f64,
    /// Those that its broadcasts are expected to need.
    pub used_cores: f64,
    /// Memory that is free on its machine, in MB.
    pub free_memory_mb: f64,
    /// Since when this process runs.
    #[schema(format = DateTime)]
    pub since: String,
    /// When it was last heard of; left out after an orderly end.
    #[schema(format = DateTime)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seen_at: Option<String>,
}

pub(super) fn is_gone(row: &NodeRow) -> bool {
    row.now_ms.saturating_sub(row.beat_ms) > GONE_MS
}

/// Whether it may be given more broadcasts.
pub(super) fn takes_more(row: &NodeRow) -> bool {
    !is_gone(row) && row.draining == 0
}

/// CPU cores that are left for more broadcasts.
pub(super) fn free_cores(row: &NodeRow) -> f64 {
    (row.cores * (1.0 - KEEP_FREE) - row.used_cores).max(0.0)
}

fn state(row: &NodeRow, here: bool) -> NodeState {
    // Whoever answers is there, whatever the table says: on SQLite nobody beats.
    if is_gone(row) && !here {
        NodeState::Gone
    } else if row.draining == 1 {
        NodeState::Draining
    } else if row.broadcasts > 0 && free_cores(row) < ROOM_CORES {
        NodeState::Busy
    } else {
        NodeState::Up
    }
}

pub(super) fn of(row: NodeRow, process: &str) -> NodeView {
    let here = row.process == process;
    let seen_ms = if here { row.now_ms } else { row.beat_ms };
    NodeView {
        state: state(&row, here),
        here,
        id: row.id,
        name: row.name,
        url: row.url,
        version: row.version,
        broadcasts: row.broadcasts,
        cores: row.cores,
        used_cores: row.used_cores,
        free_memory_mb: row.free_memory_mb,
        since: rfc3339(row.since_ms),
        seen_at: (seen_ms > 0).then(|| rfc3339(seen_ms)),
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in crate::node) fn row(name: &str) -> NodeRow {
        NodeRow {
            id: name.to_owned(),
            name: name.to_owned(),
            process: format!("process of {name}"),
            place: None,
            url: None,
            version: "1".to_owned(),
            cores: 4.0,
            used_cores: 0.0,
            free_memory_mb: 4000.0,
            broadcasts: 0,
            draining: 0,
            since_ms: 1,
            beat_ms: 1_000_000,
            now_ms: 1_002_000,
        }
    }

    #[test]
    fn a_node_is_up_busy_draining_or_gone() {
        assert_eq!(state(&row("a"), false), NodeState::Up);
        assert_eq!(state(&NodeRow { broadcasts: 4, used_cores: 3.0, ..row("a") }, false), NodeState::Busy);
        assert_eq!(state(&NodeRow { broadcasts: 1, used_cores: 0.8, ..row("a") }, false), NodeState::Up);
        assert_eq!(state(&NodeRow { draining: 1, broadcasts: 9, used_cores: 9.0, ..row("a") }, false), NodeState::Draining);
        let silent = NodeRow { now_ms: 1_010_001, draining: 1, ..row("a") };
        assert_eq!((state(&silent, false), state(&silent, true)), (NodeState::Gone, NodeState::Draining));
        assert!(takes_more(&row("a")) && !takes_more(&silent));
    }

    #[test]
    fn after_an_orderly_end_it_was_seen_never() {
        let view = of(NodeRow { beat_ms: 0, ..row("a") }, "another");
        assert_eq!((view.state, view.here, view.seen_at), (NodeState::Gone, false, None));
        assert!(of(row("a"), "process of a").here);
    }
}
