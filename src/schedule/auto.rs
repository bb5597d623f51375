//! Presets that start whenever their meeting runs: each server is asked once for all of them, gently, by one process.

use std::collections::{BTreeMap, HashMap};

use futures_util::future::join_all;

use super::claim;
use super::clock::failed;
use crate::app::App;
use crate::bbb::Meeting;
use crate::preset::{self, Auto, Begin};
use crate::store::StoreError;

/// How often a server is asked, and how seldom one that does not answer.
const ASK_EVERY_MS: i64 = 15_000;
const ASK_SELDOM_MS: i64 = 300_000;
/// How often a start is tried for one run of a meeting.
const TRIES: i64 = 20;

/// What is remembered from look to look: how often each server did not answer.
#[derive(Default)]
pub(super) struct Autos {
    silent: HashMap<String, u32>,
}

impl Autos {
    pub(super) async fn look(&mut self, app: &App, now_ms: i64) -> Result<(), StoreError> {
        let mut servers: BTreeMap<String, Vec<Auto>> = BTreeMap::new();
        for auto in preset::auto(&app.store).await? {
            servers.entry(auto.server_id.clone()).or_default().push(auto);
        }
        self.silent.retain(|id, _| servers.contains_key(id));
        let mut asked = Vec::new();
        for (id, autos) in servers {
            let silent = self.silent.get(&id).copied().unwrap_or(0);
            if claim::turn(&app.store, &format!("ask:{id}"), pace_ms(silent), now_ms).await? {
                asked.push((id, autos));
            }
        }
        // A server that is slow holds up no other, but the next look.
        let answers = join_all(asked.into_iter().map(async |(id, autos)| {
            let client = app.servers.client(&app.store, &id).await.ok().flatten();
            let meetings = match client {
                Some(client) => client.meetings().await.ok(),
                None => None,
            };
            (id, autos, meetings)
        }));
        for (id, autos, meetings) in answers.await {
            let Some(meetings) = meetings else {
                *self.silent.entry(id).or_default() += 1;
                continue;
            };
            self.silent.remove(&id);
            begin_running(app, &id, &autos, &meetings, now_ms).await?;
        }
        Ok(())
    }
}

fn pace_ms(silent: u32) -> i64 {
    (ASK_EVERY_MS << silent.min(5)).min(ASK_SELDOM_MS)
}

/// Begins what runs and is not on the air. Each run of a meeting is begun once: what a person stopped, or a moderator threw out, stays off.
async fn begin_running(app: &App, server_id: &str, autos: &[Auto], meetings: &[Meeting], now_ms: i64) -> Result<(), StoreError> {
    let on_air = crate::broadcast::of_server(&app.store, server_id).await?;
    for auto in autos {
        let runs = |meeting: &&Meeting| meeting.meeting_id == auto.meeting_id && meeting.running && !meeting.forcibly_ended;
        let Some(meeting) = meetings.iter().find(runs) else { continue };
        let run = if meeting.internal_id.is_empty() { meeting.created_ms.to_string() } else { meeting.internal_id.clone() };
        let cause = format!("meeting:{}:{run}", auto.id);
        let Some(tries) = claim::take(&app.store, &cause, &auto.id, meeting.started_ms.max(0), now_ms).await? else { continue };
        if let Some((_, broadcast)) = on_air.iter().find(|(id, _)| *id == auto.meeting_id) {
            claim::finish(&app.store, &cause, Some(broadcast), "It was on the air already.", now_ms).await?;
            continue;
        }
        if tries > TRIES {
            claim::finish(&app.store, &cause, None, "It could not be started.", now_ms).await?;
            continue;
        }
        let (app, auto) = (app.clone(), auto.clone());
        tokio::spawn(async move {
            if let Err(error) = act(&app, &auto, &cause, tries, now_ms).await {
                tracing::error!(preset = auto.name, %error, "what came of an automatic start could not be kept");
            }
        });
    }
    Ok(())
}

async fn act(app: &App, auto: &Auto, cause: &str, tries: i64, now_ms: i64) -> Result<(), StoreError> {
    let Some(preset) = preset::find(&app.store, &auto.id).await? else { return Ok(()) };
    let caller = preset.starter(format!("preset: {}", auto.name));
    match preset::begin(app, &caller, &preset, Begin { key: Some(cause.to_owned()), until: None }).await {
        Ok(row) => {
            let sentence = format!("The preset “{}” started it, as its meeting runs.", auto.name);
            app.supervisor.note(&row.id, "auto_start", sentence.clone()).await;
            claim::finish(&app.store, cause, Some(&row.id), &sentence, now_ms).await
        }
        Err(problem) => failed(app, &caller, &auto.id, "preset.auto_failed", cause, tries, now_ms, problem).await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_silent_server_is_asked_less_and_less() {
        let paces: Vec<i64> = (0..8).map(pace_ms).collect();
        assert_eq!(paces[..3], [15_000, 30_000, 60_000]);
        assert!(paces.windows(2).all(|pair| pair[0] <= pair[1]) && paces[7] == ASK_SELDOM_MS, "{paces:?}");
    }
}
