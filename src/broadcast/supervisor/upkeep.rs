//! What goes on beside the broadcasts: learning what they cost, counting, clearing away.

use std::sync::atomic::Ordering;
use std::sync::{PoisonError, Weak};
use std::time::{Duration, Instant};

use super::super::capacity::{Class, Resources};
use super::super::evidence;
use super::super::load::LoadMeter;
use super::super::model::word;
use super::super::session::{Session, View};
use super::super::state::Phase;
use super::super::store;
use super::{Inner, Supervisor, class_of};
use crate::room::registration;

/// How often what is too old is cleared away.
const SWEEP_EVERY: Duration = Duration::from_hours(1);
/// How often the cost of what runs is measured.
const LEARN_EVERY: Duration = Duration::from_secs(5);

/// Learns what broadcasts cost, while all that run are of one kind: then the process's use, shared out, is the cost of each.
pub(super) async fn learn(inner: Weak<Inner>) {
    let mut meter = LoadMeter::default();
    let mut swept = None;
    while let Some(inner) = inner.upgrade() {
        let sessions: Vec<Session> = inner.sessions.lock().unwrap_or_else(PoisonError::into_inner).values().cloned().collect();
        let running: Vec<Class> = sessions.iter().map(class_of).collect();
        // What waits or shows the slate costs less than what will be on the air.
        let on_air = |session: &Session| {
            let standing = session.view().standing;
            standing.phase == Phase::Live && !standing.paused
        };
        let all_on_air = sessions.iter().all(on_air);
        drop(sessions);
        let used = meter.read();
        inner.cpu.store(used.map_or(0.0, |used| used.cores).to_bits(), Ordering::Relaxed);
        if let (Some(used), Some(first)) = (used, running.first())
            && all_on_air
            && running.iter().all(|class| class == first)
        {
            #[expect(clippy::cast_precision_loss, reason = "a number of broadcasts")]
            let share = running.len() as f64;
            let each = Resources { cores: used.cores / share, memory_mb: used.memory_mb / share };
            inner.costs.lock().unwrap_or_else(PoisonError::into_inner).learn(first, each);
        }
        count(&inner);
        Supervisor(std::sync::Arc::clone(&inner)).say_load();
        if swept.is_none_or(|swept: Instant| swept.elapsed() >= SWEEP_EVERY) {
            swept = Some(Instant::now());
            sweep(&inner).await;
        }
        drop(inner);
        tokio::time::sleep(LEARN_EVERY).await;
    }
}

/// Clears away what is older than it may be kept.
async fn sweep(inner: &Inner) {
    if let Err(error) = store::forget_old_events(&inner.store).await {
        tracing::warn!(%error, "old events could not be cleared away");
    }
    if let Some(days) = inner.registration_days
        && let Err(error) = registration::forget_old(&inner.store, days).await
    {
        tracing::warn!(%error, "old registrations could not be deleted");
    }
    evidence::forget_old(&inner.data_dir).await;
}

/// What `/metrics` says of broadcasts: counts by phase and by state of targets, and what goes out in all.
fn count(inner: &Inner) {
    let views: Vec<View> = inner.sessions.lock().unwrap_or_else(PoisonError::into_inner).values().map(Session::view).collect();
    #[expect(clippy::cast_precision_loss, reason = "counts of broadcasts and targets")]
    let number = |count: usize| count as f64;
    for phase in [Phase::Waiting, Phase::Joining, Phase::Live, Phase::Interrupted, Phase::Ending] {
        let here = views.iter().filter(|view| view.standing.phase == phase).count();
        metrics::gauge!("bluecast_broadcasts", "phase" => word(&phase)).set(number(here));
    }
    for state in ["connecting", "live", "backing_off", "failed"] {
        let here = views.iter().flat_map(|view| &view.targets).filter(|target| target.state == state).count();
        metrics::gauge!("bluecast_targets", "state" => state).set(number(here));
    }
    metrics::gauge!("bluecast_video_kbps").set(views.iter().map(|view| view.program.video_kbps).sum::<f64>());
    metrics::gauge!("bluecast_pictures_per_second").set(views.iter().map(|view| view.program.fps).sum::<f64>());
}
