//! What this process and its children use, from `/proc`.

use std::collections::HashMap;
use std::time::Instant;

use super::capacity::Resources;

/// Memory that the system could give without swapping, in MB.
pub(super) fn free_memory_mb() -> Option<f64> {
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find(|line| line.starts_with("MemAvailable:"))?;
    Some(line.split_whitespace().nth(1)?.parse::<f64>().ok()? / 1024.0)
}

/// CPU time of this process and all its descendants since the last reading.
#[derive(Default)]
pub(super) struct LoadMeter {
    last: Option<(Instant, HashMap<i32, u64>)>,
}

struct Process {
    parent: i32,
    ticks: u64,
    memory_pages: u64,
}

impl LoadMeter {
    /// Cores used since the last reading, and memory in use now; `None` at the first.
    #[expect(clippy::cast_precision_loss, reason = "counts of ticks and pages")]
    pub(super) fn read(&mut self) -> Option<Resources> {
        let own = i32::try_from(std::process::id()).ok()?;
        let processes = processes();
        let family: HashMap<i32, &Process> =
            processes.iter().filter(|(pid, _)| descends(&processes, **pid, own)).map(|(pid, p)| (*pid, p)).collect();
        let memory_mb = family.values().map(|process| process.memory_pages).sum::<u64>() as f64 * rustix::param::page_size() as f64 / 1e6;
        let now = Instant::now();
        let ticks: HashMap<i32, u64> = family.iter().map(|(pid, process)| (*pid, process.ticks)).collect();
        let (then, before) = self.last.replace((now, ticks.clone()))?;
        let spent: u64 = ticks.iter().map(|(pid, ticks)| ticks.saturating_sub(before.get(pid).copied().unwrap_or(*ticks))).sum();
        let seconds = now.duration_since(then).as_secs_f64().max(0.001);
        let cores = spent as f64 / rustix::param::clock_ticks_per_second() as f64 / seconds;
        Some(Resources { cores, memory_mb })
    }
}

fn descends(processes: &HashMap<i32, Process>, mut pid: i32, ancestor: i32) -> bool {
    for _ in 0..32 {
        if pid == ancestor {
            return true;
        }
        match processes.get(&pid) {
            Some(process) => pid = process.parent,
            None => return false,
        }
    }
    false
}

fn processes() -> HashMap<i32, Process> {
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).filter_map(|pid| Some((pid, process(pid)?))).collect()
}

/// Fields of proc(5)'s `stat`, counted after the command, which may hold anything.
fn process(pid: i32) -> Option<Process> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let number = |index: usize| fields.get(index)?.parse::<u64>().ok();
    Some(Process { parent: fields.get(1)?.parse().ok()?, ticks: number(11)? + number(12)?, memory_pages: number(21)? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_of_a_child_is_seen() {
        let mut meter = LoadMeter::default();
        assert!(meter.read().is_none());
        let mut child = std::process::Command::new("sh")
            .args(["-c", "i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done; read x"])
            .stdin(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let deadline = Instant::now() + std::time::Duration::from_secs(20);
        let mut most = 0.0f64;
        while most < 0.02 && Instant::now() < deadline {
            std::thread::sleep(std::time::Duration::from_millis(100));
            most = most.max(meter.read().unwrap().cores);
        }
        drop(child.stdin.take());
        child.wait().unwrap();
        assert!(most >= 0.02, "{most}");
        assert!(free_memory_mb().unwrap() > 1.0);
    }
}
