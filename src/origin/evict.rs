//! Frees a stream's name that a dead session of ours still holds.

use std::sync::Arc;
use std::time::Duration;

use super::clients::{OriginError, Origins};
use crate::media::output::Evict;
use crate::store::args;

/// How long it may take in all.
const WITHIN: Duration = Duration::from_secs(4);

impl Origins {
    /// Has a target's origin end the stream of the target's name, if it came by WebRTC: by another protocol it is somebody else's. Says whether
    /// it did. To be called off the async threads; made inside the runtime.
    pub fn evict(&self, target_id: &str) -> Evict {
        let (origins, target_id, runtime) = (self.clone(), target_id.to_owned(), tokio::runtime::Handle::current());
        Arc::new(move || {
            let evicted = runtime.block_on(async { tokio::time::timeout(WITHIN, evict(&origins, &target_id)).await });
            match evicted {
                Ok(Ok(evicted)) => evicted,
                Ok(Err(error)) => {
                    tracing::info!(code = error.code(), "an origin could not be asked to free a name: {error}");
                    false
                }
                Err(_) => false,
            }
        })
    }
}

async fn evict(origins: &Origins, target_id: &str) -> Result<bool, OriginError> {
    let sql = "SELECT origin_id, app, stream_name FROM targets WHERE id = $1 AND origin_id IS NOT NULL AND app IS NOT NULL \
               AND stream_name IS NOT NULL AND removed_ms IS NULL";
    let place: Option<(String, String, String)> = origins.store().optional(sql, args![target_id]).await?;
    let Some((origin_id, app, name)) = place else { return Ok(false) };
    let Some(origin) = origins.find(&origin_id).await?.filter(|origin| origin.api_url.is_some()) else { return Ok(false) };
    let client = origins.client(&origin)?;
    let there = client.stream(&origin.vhost, &app, &name).await?;
    if !there.input.source_type.eq_ignore_ascii_case("webrtc") {
        return Ok(false);
    }
    client.delete_stream(&origin.vhost, &app, &name).await?;
    tracing::info!(origin = origin.name, app, name, "a stream that held the name was ended");
    Ok(true)
}
