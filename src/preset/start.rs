//! From a preset to a broadcast.

use super::model::{Once, Preset, PresetTarget, to_secret};
use super::slate;
use super::store;
use crate::account::{Caller, Kind, Permission, Sight, scope};
use crate::app::App;
use crate::broadcast::{Cause, Row, StartRequest, TargetRequest, Until, checked_target, may_start, start_by};
use crate::http::{Answer, Problem};
use crate::secret::Secret;

/// Where targets' secrets are sealed for.
const REQUEST: &str = "preset_targets.request";

/// What starts a preset by itself.
#[derive(Default)]
pub(crate) struct Begin {
    /// Of several starts with the same key one succeeds.
    pub(crate) key: Option<String>,
    /// When it is to end by the clock.
    pub(crate) until: Option<Until>,
}

/// Puts a preset on the air.
pub(crate) async fn begin(app: &App, caller: &Caller, preset: &Preset, begin: Begin) -> Answer<Row> {
    self::start(app, caller, preset, Once::default(), begin).await
}

/// The same with what is other than saved.
pub(super) async fn start(app: &App, caller: &Caller, preset: &Preset, once: Once, begin: Begin) -> Answer<Row> {
    let request = merged(app, caller, preset, once).await?;
    let slate = slate::read(app, &preset.id).await?;
    let cause = Cause { preset_id: Some(preset.id.clone()), key: begin.key, until: begin.until, slate };
    Box::pin(start_by(app, &trusted(caller), request, cause)).await
}

/// Plain addresses in a preset were let in when it was saved: whoever may operate may start it with them.
pub(super) fn trusted(caller: &Caller) -> Caller {
    let permissions = caller.permissions.iter().chain([Permission::BroadcastFreehand]).collect();
    Caller { permissions, ..caller.clone() }
}

/// The Start that a preset stands for, this once.
pub(super) async fn merged(app: &App, caller: &Caller, preset: &Preset, once: Once) -> Answer<StartRequest> {
    let saved = store::targets(&app.store, &preset.id).await?;
    let (mut request, kept) = match once.start {
        Some(start) => {
            for (index, target) in start.targets.iter().enumerate() {
                checked_target(app, caller, target).await.map_err(|problem| problem.within(&format!("start.targets[{index}]")))?;
            }
            (start, kept(saved, once.keep_targets.as_deref().unwrap_or_default())?)
        }
        None => (preset.start(), saved),
    };
    let new = std::mem::take(&mut request.targets);
    request.targets = kept.iter().map(|target| open(app, target)).chain(new.into_iter().map(Ok)).collect::<Result<_, _>>()?;
    Ok(request)
}

/// Whether somebody may start a preset as it is, so that nobody gets by the clock what they may not have by hand. `gone` are targets that it
/// is about to lose.
pub(crate) async fn may_begin(app: &App, caller: &Caller, preset: &Preset, start: &StartRequest, gone: &[PresetTarget]) -> Answer<()> {
    may_start(app, caller, start.room.as_deref()).await?;
    if let Some(server) = &start.server_id {
        caller.must(Permission::ServerUse)?;
        if !scope::sees(&app.store, &Sight::of(caller), Kind::Server, server).await? {
            return Err(Problem::unprocessable("no_such_server", "The preset’s server is not yours to use."));
        }
    }
    let trusted = trusted(caller);
    for target in store::targets(&app.store, &preset.id).await?.iter().filter(|target| !gone.iter().any(|gone| gone.id == target.id)) {
        checked_target(app, &trusted, &open(app, target)?).await?;
    }
    Ok(())
}

/// Those targets that are to stay.
pub(super) fn kept(saved: Vec<PresetTarget>, ids: &[String]) -> Answer<Vec<PresetTarget>> {
    if ids.iter().any(|id| !saved.iter().any(|target| target.id == *id)) {
        return Err(Problem::invalid("keep_targets", "One of these is no target of the preset."));
    }
    Ok(saved.into_iter().filter(|target| ids.contains(&target.id)).collect())
}

fn open(app: &App, target: &PresetTarget) -> Answer<TargetRequest> {
    let text = app.vault.open(REQUEST, &target.id, &target.request_sealed)?;
    serde_json::from_str(text.reveal()).map_err(|_| Problem::internal("a preset's target cannot be read"))
}

/// Checks a new target of a preset and makes what is kept of it.
pub(super) async fn seal(app: &App, caller: &Caller, preset_id: &str, request: &TargetRequest) -> Answer<PresetTarget> {
    let (target, _) = checked_target(app, caller, request).await?;
    let sealed: Secret = to_secret(request);
    Ok(PresetTarget {
        request_sealed: app.vault.seal(REQUEST, &target.id, &sealed),
        id: target.id,
        preset_id: preset_id.to_owned(),
        origin_id: target.origin_id,
        stream_name: target.stream_name,
        label: target.label,
        protocol: target.protocol,
    })
}
