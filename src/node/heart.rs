//! The thread that renews: a runtime and a connection of its own, so that nothing else that goes on here makes it late.

use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::store::{self, Saying};
use super::{Node, lease, view};
use crate::media::permit::boot_ms;
use crate::store::{Store, StoreError};

/// How long a renewal may take before it is sent again, by another connection: four of them fit into a lease.
const ANSWER_WITHIN: Duration = Duration::from_secs(2);

/// The running thread; dropping it ends it.
pub struct Heart {
    stop: CancellationToken,
}

impl Drop for Heart {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl Node {
    /// Begins to renew what this process has, and to say that it lives. Does nothing on `SQLite`, where nobody listens.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start_heart(&self) -> std::io::Result<Heart> {
        let stop = CancellationToken::new();
        if self.is_shared() {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            let (node, stopped) = (self.clone(), stop.clone());
            std::thread::Builder::new().name("node-heart".into()).spawn(move || {
                runtime.block_on(stopped.run_until_cancelled_owned(node.beat_on()));
                runtime.shutdown_timeout(Duration::from_secs(1));
            })?;
        }
        Ok(Heart { stop })
    }

    async fn beat_on(self) {
        let mut store = self.0.store.apart();
        let mut every = tokio::time::interval(Duration::from_millis(lease::RENEW_EVERY_MS));
        every.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut away = false;
        loop {
            every.tick().await;
            let left = self.0.left.lock().await;
            if *left {
                return;
            }
            let beat = tokio::time::timeout(ANSWER_WITHIN, self.beat(&store)).await;
            drop(left);
            let error = match beat {
                Ok(Ok(())) => {
                    if std::mem::take(&mut away) {
                        tracing::info!("the database is back; leases are renewed");
                    }
                    continue;
                }
                Ok(Err(error)) => error,
                Err(_) => StoreError::Away(sqlx::Error::PoolTimedOut),
            };
            if !std::mem::replace(&mut away, true) {
                tracing::warn!(%error, "leases cannot be renewed; what is on the air stays there until they end");
            }
            metrics::counter!("bluecast_lease_renewals_failed_total").increment(1);
            // A statement that hangs keeps its connection.
            store = self.0.store.apart();
            every.reset_after(Duration::from_millis(500));
        }
    }

    async fn beat(&self, store: &Store) -> Result<(), StoreError> {
        self.renew(store).await?;
        let load = self.load();
        let draining = store::beat(store, &self.saying(load)).await?;
        self.hear_of(store::all(store).await?);
        match draining {
            Some(draining) => self.0.draining.store(draining, Ordering::Release),
            // Forgotten, or another process has the name. What it has it keeps as long as it can renew it.
            None => self.come_back(store, load).await?,
        }
        Ok(())
    }

    async fn renew(&self, store: &Store) -> Result<(), StoreError> {
        let lease_ms = lease::length_ms(self.0.alone.load(Ordering::Acquire));
        let held = self.held_map().clone();
        let wanted = self.wanted(lease_ms);
        let asked_ms = boot_ms();
        let end_ms = lease::silent_at(asked_ms, lease_ms);
        for held in held.values() {
            // A lease that becomes shorter does so before anybody else can read it: the answer may never come.
            held.permit.shorten(end_ms, asked_ms);
        }
        let kept = store::renew(store, wanted).await?;
        let now_ms = boot_ms();
        self.0.renewed_ms.store(now_ms, Ordering::Release);
        for (id, held) in &held {
            if kept.iter().any(|(kept, epoch)| kept == id && *epoch == held.epoch) {
                held.permit.set_end(end_ms, now_ms);
            } else {
                held.permit.end();
            }
        }
        Ok(())
    }

    async fn come_back(&self, store: &Store, load: super::Load) -> Result<(), StoreError> {
        let before = store::named(store, &self.0.name).await?;
        if before.as_ref().is_some_and(|before| !view::is_gone(before)) {
            tracing::error!(name = self.0.name, "another process has this node's name; give every process a BLUECAST_NODE_NAME of its own");
            self.0.draining.store(true, Ordering::Release);
            return Ok(());
        }
        store::register(store, &self.saying(load), before.as_ref()).await.map(drop)
    }

    pub(super) fn saying(&self, load: super::Load) -> Saying<'_> {
        Saying {
            name: &self.0.name,
            process: &self.0.process,
            place: self.0.place.get().and_then(|place| place.as_ref()).map(|place| place.name.as_str()),
            url: self.0.url.as_deref(),
            load,
        }
    }
}
