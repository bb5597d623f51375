//! What other nodes say of the broadcasts that they run.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde::Deserialize;
use serde_json::Value;

use super::super::session::TargetView;
use crate::media::program::ProgramStats;
use crate::node::Node;

/// Numbers come once a second; what is older is of a node that is gone.
const GOOD_FOR: Duration = Duration::from_secs(8);
/// Broadcasts that are remembered.
const BROADCASTS: usize = 1000;
/// Targets of one that are.
const TARGETS: usize = 64;

#[derive(Default)]
pub(super) struct Remote {
    told: Mutex<HashMap<String, Told>>,
}

struct Told {
    process: String,
    at: Instant,
    program: ProgramStats,
    targets: Vec<TargetView>,
    viewers: u64,
}

impl Remote {
    fn told(&self) -> MutexGuard<'_, HashMap<String, Told>> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes in a piece of news of another process.
    pub(super) fn hear(&self, process: &str, name: &str, data: &Value) {
        let id = if name == "target" { &data["broadcast_id"] } else { &data["id"] };
        let (Some(id), "broadcast" | "target") = (id.as_str(), name) else { return };
        let mut told = self.told();
        if data["phase"] == "ended" {
            told.remove(id);
            return;
        }
        told.retain(|_, told| told.at.elapsed() < GOOD_FOR);
        let is_program = data.get("program").is_some();
        if !told.contains_key(id) && (!is_program || told.len() >= BROADCASTS) {
            return;
        }
        let new = || Told { process: String::new(), at: Instant::now(), program: ProgramStats::default(), targets: Vec::new(), viewers: 0 };
        let known = told.entry(id.to_owned()).or_insert_with(new);
        if let Ok(program) = ProgramStats::deserialize(&data["program"]) {
            (known.program, known.at) = (program, Instant::now());
            process.clone_into(&mut known.process);
        }
        if let Some(viewers) = data["viewers"].as_u64() {
            known.viewers = viewers;
        }
        if name == "target" {
            known.targets.retain(|target| data["id"] != target.id.as_str());
            if let (Ok(target), true) = (TargetView::deserialize(data), known.targets.len() < TARGETS) {
                known.targets.push(target);
                known.targets.sort_by(|a, b| a.id.cmp(&b.id));
            }
        }
    }

    fn of<T>(&self, id: &str, read: impl FnOnce(&Told) -> T) -> Option<T> {
        self.told().get(id).filter(|told| told.at.elapsed() < GOOD_FOR).map(read)
    }

    pub(super) fn view(&self, id: &str) -> Option<(ProgramStats, Vec<TargetView>)> {
        self.of(id, |told| (told.program.clone(), told.targets.clone()))
    }

    pub(super) fn viewers(&self, id: &str) -> u64 {
        self.of(id, |told| told.viewers).unwrap_or(0)
    }

    /// Whether the node that runs a broadcast says where it is reached.
    pub(super) fn is_reached(&self, id: &str, node: &Node) -> bool {
        self.of(id, |told| told.process.clone()).is_some_and(|process| node.url_of(&process).is_some())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn numbers_of_another_node_are_shown_until_it_falls_silent_or_ends() {
        let remote = Remote::default();
        let program = json!({ "fps": 30.0, "distinct_fps": 7.0, "video_kbps": 900.0, "audio_level_db": -20.0, "av_skew_ms": 1.0 });
        let target = |id: &str, state: &str| json!({ "id": id, "broadcast_id": "b", "label": "here", "protocol": "rtmp", "state": state, "bytes": 1, "kbps": 2, "reconnects": 0 });
        remote.hear("p", "target", &target("early", "live"));
        assert!(remote.view("b").is_none());
        remote.hear("p", "broadcast", &json!({ "id": "b", "program": program }));
        for (id, state) in [("t2", "live"), ("t1", "connecting"), ("t1", "live")] {
            remote.hear("p", "target", &target(id, state));
        }
        remote.hear("p", "broadcast", &json!({ "id": "b", "viewers": 7 }));
        remote.hear("p", "room", &json!({ "id": "b", "viewers": 9 }));
        let (program, targets) = remote.view("b").unwrap();
        assert!((program.distinct_fps - 7.0).abs() < 0.1);
        assert_eq!(targets.iter().map(|target| (&*target.id, &*target.state)).collect::<Vec<_>>(), [("t1", "live"), ("t2", "live")]);
        assert_eq!(remote.viewers("b"), 7);
        remote.hear("p", "target", &json!({ "id": "t1", "broadcast_id": "b", "removed": true }));
        assert_eq!(remote.view("b").unwrap().1.len(), 1);
        remote.hear("p", "broadcast", &json!({ "id": "b", "phase": "ended" }));
        assert!(remote.view("b").is_none());
        for rubbish in [json!(null), json!([]), json!({ "id": 7 }), json!({ "id": "c", "program": "x" })] {
            remote.hear("p", "broadcast", &rubbish);
        }
    }
}
