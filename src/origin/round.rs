//! One round of questions to one server.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::OmeError;
use super::client::Client;
use super::seen::{Listing, Reading, ServerSeen, Stream};

/// Streams that one round asks for; of the others nothing is known.
const STREAMS: usize = 64;
/// How long a round may take in all.
const WITHIN: Duration = Duration::from_secs(10);
/// What a stream is like is asked again after so long: B-frames are seen only after a while.
const DETAIL_FOR: Duration = Duration::from_secs(10);

/// What a server is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asks {
    /// An origin with edges: whether the streams are there.
    Listings,
    /// An edge: who watches.
    Readings,
    /// An origin without edges.
    Both,
}

/// Asks, one question after the other, and writes the answers into `seen`; what is no longer looked for goes. Where a question fails, what
/// was answered before it stays.
pub(super) async fn ask(
    client: &Client,
    asks: Asks,
    vhost: &str,
    streams: &BTreeSet<Stream>,
    seen: &mut ServerSeen,
) -> Result<(), OmeError> {
    seen.listings.retain(|stream, _| streams.contains(stream));
    seen.readings.retain(|stream, _| streams.contains(stream));
    let late = |_| OmeError::TimedOut { host: client.host() };
    tokio::time::timeout(WITHIN, all(client, asks, vhost, streams, seen)).await.map_err(late)?
}

async fn all(client: &Client, asks: Asks, vhost: &str, streams: &BTreeSet<Stream>, seen: &mut ServerSeen) -> Result<(), OmeError> {
    if streams.is_empty() {
        return client.version().await.map(drop);
    }
    let mut listed: BTreeMap<&str, (Instant, Vec<String>)> = BTreeMap::new();
    for stream in streams.iter().take(STREAMS) {
        if asks != Asks::Readings {
            if !listed.contains_key(stream.app.as_str()) {
                let asked = Instant::now();
                listed.insert(&stream.app, (asked, client.streams(vhost, &stream.app).await?));
            }
            let there = listed.get(stream.app.as_str()).filter(|(_, names)| names.contains(&stream.name));
            let asked = listed.get(stream.app.as_str()).map_or_else(Instant::now, |(asked, _)| *asked);
            let before = seen.listings.get(stream).cloned().filter(|before| before.listed);
            let detail = match there {
                Some(_) => detail(client, vhost, stream, before).await?,
                None => None,
            };
            let (listed, detail) = match detail {
                Some((at, detail)) => (true, Some((at, detail))),
                None => (false, None),
            };
            seen.listings.insert(stream.clone(), Listing { listed, asked, detail });
        }
        if asks != Asks::Listings {
            let asked = Instant::now();
            let viewers = match client.stream_stats(vhost, &stream.app, &stream.name).await {
                Ok(stats) => stats.viewers(),
                // An edge has a stream only while somebody watches it.
                Err(OmeError::NotFound { .. }) => 0,
                Err(error) => return Err(error),
            };
            seen.readings.insert(stream.clone(), Reading { viewers, asked });
        }
    }
    Ok(())
}

/// What a listed stream is like, from before or anew; `None` where it is gone again.
async fn detail(client: &Client, vhost: &str, stream: &Stream, before: Option<Listing>) -> Result<Option<super::seen::Detail>, OmeError> {
    let fresh = before.and_then(|before| before.detail).filter(|(at, _)| at.elapsed() < DETAIL_FOR);
    if fresh.is_some() {
        return Ok(fresh);
    }
    match client.stream(vhost, &stream.app, &stream.name).await {
        Ok(detail) => Ok(Some((Instant::now(), Arc::new(detail)))),
        Err(OmeError::NotFound { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}
