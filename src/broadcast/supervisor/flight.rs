//! What the flight recorder asks of the supervisor.

use super::super::flight::{Sample, SamplesView, Scrub};
use super::super::model::Row;
use super::super::store;
use super::Supervisor;
use crate::http::Answer;
use crate::moment::now_ms;

impl Supervisor {
    /// Takes a sample of a broadcast.
    pub(super) fn sample(&self, id: &str) {
        let Some(session) = self.session(id) else { return };
        let (view, cpu_cores) = (session.view(), self.0.cpu_cores());
        self.0.recorder.add(id, &view, Sample::of(&view, cpu_cores, self.viewers(id), now_ms()));
    }

    /// The samples of a broadcast since a moment, Unix milliseconds.
    pub(in crate::broadcast) fn samples(&self, id: &str, since_ms: i64) -> SamplesView {
        self.0.recorder.read(id, since_ms)
    }

    /// All secrets that a broadcast has to do with, to be struck out.
    pub(in crate::broadcast) async fn known_secrets(&self, row: &Row) -> Answer<Scrub> {
        let mut scrub = Scrub::default();
        let (launcher, database) = (&self.0.launcher, &self.0.store);
        for target in store::sealed_targets(database, &row.id).await? {
            let (address, resource) = launcher.opened(&target);
            // The name of a stream at an origin is public, and a word that may stand everywhere.
            if target.origin_id.is_none() {
                scrub.add_address(&address.url);
                for secret in [address.stream_key, address.streamid, address.passphrase, address.bearer].into_iter().flatten() {
                    scrub.add(&secret);
                }
            }
            scrub.add_address(resource.reveal());
        }
        if let Some(server) = row.server_id.as_deref() {
            let kept = crate::server::find(database, server).await?;
            if let Some(secret) = kept.and_then(|server| server.secret(&launcher.vault).ok()) {
                scrub.add(secret.reveal());
            }
        }
        Ok(scrub)
    }
}
