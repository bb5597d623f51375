//! Threads and descriptors are the process's: counted in one of its own, where no other test runs.

use bluecast::media::output::OutputState;

use super::super::Watched;
use super::super::rig::Rig;
use super::{ome, spec};
use crate::support::ome::Fault;
use crate::support::wait::until_blocking;

#[test]
fn sessions_leave_nothing_behind() {
    const ALONE: &str = "BLUECAST_TEST_ALONE";
    if std::env::var_os(ALONE).is_none() {
        let name = "output::whip::alone::sessions_leave_nothing_behind";
        let mut again = std::process::Command::new(std::env::current_exe().unwrap());
        let output = again.args([name, "--exact", "--nocapture"]).env(ALONE, "1").output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && said.contains("1 passed"), "{said}");
        eprint!("{said}");
        return;
    }
    let (ome, refusing, rig) = (ome(), ome(), Rig::start());
    refusing.whip_fault(Fault::Refuse(503, String::new(), 100_000));
    let cycle = |number: usize| {
        let live = Watched::with(&rig, spec(&ome, &format!("cycle{number}")));
        let refused = Watched::with(&rig, spec(&refusing, "one"));
        live.wait(OutputState::Live);
        refused.wait_code("overloaded");
        live.stop();
        refused.stop();
    };
    let count = || (std::fs::read_dir("/proc/self/task").unwrap().count(), std::fs::read_dir("/proc/self/fd").unwrap().count());
    (0..3).for_each(cycle);
    // Threads of GStreamer's pool and connections of the double take a moment to go.
    let mut before = count();
    until_blocking("threads and descriptors to settle", || {
        std::thread::sleep(std::time::Duration::from_millis(500));
        let now = count();
        (std::mem::replace(&mut before, now) == now).then_some(())
    });
    (3..13).for_each(cycle);
    let mut after = count();
    until_blocking("threads and descriptors to be as before", || {
        after = count();
        eprintln!("before {before:?}, now {after:?}");
        std::thread::sleep(std::time::Duration::from_millis(500));
        (after.0 <= before.0 && after.1 <= before.1).then_some(())
    });
    eprintln!("whip: threads and descriptors before {before:?} and after 10 cycles of two {after:?}");
}
