//! What a process takes of the machine, from `/proc`.

use std::collections::BTreeSet;
use std::fs;

/// User and system seconds of a process so far, its threads included, its children not.
pub fn cpu_seconds(pid: u32) -> f64 {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_ascii_whitespace().collect();
    let ticks = |index: usize| fields.get(index).and_then(|field| field.parse::<f64>().ok()).unwrap_or(0.0);
    #[expect(clippy::cast_precision_loss, reason = "a hundred")]
    let per_second = rustix::param::clock_ticks_per_second() as f64;
    (ticks(11) + ticks(12)) / per_second
}

/// Resident memory in MB (a million bytes), pages shared with others included.
pub fn resident_mb(pid: u32) -> f64 {
    status(pid, "VmRSS:") * 1024.0 / 1e6
}

/// Threads of a process.
pub fn threads(pid: u32) -> f64 {
    status(pid, "Threads:")
}

/// Open descriptors of a process.
pub fn descriptors(pid: u32) -> usize {
    fs::read_dir(format!("/proc/{pid}/fd")).map_or(0, Iterator::count)
}

/// All living descendants of a process.
pub fn descendants(pid: u32) -> usize {
    let mut parents = Vec::new();
    for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let Some(child) = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else { continue };
        let Ok(stat) = fs::read_to_string(format!("/proc/{child}/stat")) else { continue };
        let mut fields = stat.rsplit(')').next().unwrap_or_default().split_ascii_whitespace().skip(1);
        if let Some(parent) = fields.next().and_then(|field| field.parse::<u32>().ok()) {
            parents.push((child, parent));
        }
    }
    let mut found = BTreeSet::from([pid]);
    loop {
        let before = found.len();
        found.extend(parents.iter().filter(|(_, parent)| found.contains(parent)).map(|(child, _)| *child).collect::<Vec<_>>());
        if found.len() == before {
            return before - 1;
        }
    }
}

fn status(pid: u32, name: &str) -> f64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    line.and_then(|rest| rest.split_ascii_whitespace().next()).and_then(|value| value.parse().ok()).unwrap_or(0.0)
}
