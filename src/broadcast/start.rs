//! From a Start to a kept broadcast: everything is checked before anything is written.

use sha2::{Digest, Sha256};

use super::etiquette::{self, NAME_CHARACTERS};
use super::launch::{self, LAYOUTS};
use super::model::{BotRole, Row, SourceKind, StartRequest, TargetAddress, TargetRequest, word};
use super::rules::{Terms, Until};
use super::state::Phase;
use super::store::{self, NewTarget};
use super::supervisor::NoPlace;
use crate::account::{Caller, Kind, Permission, Sight, activity, scope};
use crate::app::App;
use crate::http::{Answer, Problem};
use crate::media::output::TargetUrl;
use crate::media::profile::{self, Profile};
use crate::moment::now_ms;
use crate::origin::{self, Origin};
use crate::room;
use crate::store::args;

/// Targets that one broadcast may have.
pub(super) const TARGETS: usize = 16;

/// What a Start comes from, where it is not a person's own.
#[derive(Default)]
pub(crate) struct Cause {
    /// The preset.
    pub(crate) preset_id: Option<String>,
    /// What starts it by itself: of several Starts with the same key one succeeds.
    pub(crate) key: Option<String>,
    /// When it is to end by the clock.
    pub(crate) until: Option<Until>,
    /// The image that stands in for the plain slate.
    pub(crate) slate: Option<Vec<u8>>,
}

/// Checks a Start, keeps it, and puts it on the air.
pub(super) async fn start(app: &App, caller: &Caller, request: StartRequest) -> Answer<Row> {
    start_by(app, caller, request, Cause::default()).await
}

/// The same for what comes from a preset or starts by itself.
pub(crate) async fn start_by(app: &App, caller: &Caller, request: StartRequest, cause: Cause) -> Answer<Row> {
    may_start(app, caller, request.room.as_deref()).await?;
    let profile = shape(&request)?;
    let (server_id, meeting_id, meeting_name) = meeting(app, caller, &request).await?;
    let layout = request.layout.clone().unwrap_or_else(|| LAYOUTS[0].0.to_owned());
    let node = app.supervisor.place(request.node.as_deref(), &profile, request.source, &Sight::of(caller)).await.map_err(no_place)?;
    let id = crate::id::new();
    let mut targets = Vec::new();
    for (index, target) in request.targets.iter().enumerate() {
        targets.push(self::target(app, caller, target).await.map_err(|problem| problem.of_field(format!("targets[{index}]")))?);
    }
    let labels: Vec<String> = targets.iter().map(|target| target.label.clone()).collect();
    let place = etiquette::place(app.settings.public_url.as_ref(), request.room.as_deref(), &labels);
    let (bot_name, bot_role) = bot(&request, place.as_deref())?;
    let overrides = serde_json::to_string(&request.overrides).unwrap_or_default();
    let row = Row {
        id: id.clone(),
        server_id,
        meeting_id,
        meeting_name,
        source: word(&request.source),
        profile: profile.name.clone(),
        overrides,
        room_key: request.room.clone(),
        bot_name,
        bot_role: word(&bot_role),
        layout,
        announce: i64::from(request.announce.unwrap_or(true)),
        voice_filter: i64::from(request.voice_filter),
        phase: word(&if request.source == SourceKind::Test { Phase::Joining } else { Phase::Waiting }),
        step: None,
        paused: 0,
        reason: None,
        node,
        started_by: caller.user_name.clone(),
        started_ms: now_ms(),
        ended_ms: None,
        desired: 1,
        epoch: 0,
        rules: serde_json::to_string(&Terms { rules: request.rules.clone(), until: cause.until }).unwrap_or_default(),
        preset_id: cause.preset_id,
        cause: cause.key,
    };
    let keep = async {
        keep(app, caller, &row, &targets, request.again).await?;
        if let Some(slate) = cause.slate {
            app.supervisor.keep_slate(&id, &slate).await;
        }
        Ok::<_, Problem>(())
    };
    app.supervisor.begin(&row, keep).await?;
    Ok(store::one(&app.store, &id).await?.unwrap_or(row))
}

/// Whether somebody may start a broadcast, in this room where one is named. A room that they do not see is none.
pub(crate) async fn may_start(app: &App, caller: &Caller, room: Option<&str>) -> Answer<()> {
    let Some(key) = room else { return caller.must(Permission::BroadcastOperate) };
    let no_room = || Problem::unprocessable("no_such_room", "There is no room with this key.").of_field("room");
    let room = room::find(&app.store, key).await?.ok_or_else(no_room)?;
    if !scope::sees(&app.store, &Sight::with(caller, &[Permission::BroadcastOperate]), Kind::Room, &room.id).await? {
        return Err(no_room());
    }
    caller.must_in_room(&app.store, &room.id, Permission::BroadcastOperate).await
}

/// Whether a Start can be saved, as far as it shows; with so many targets besides its own.
pub(crate) fn check_shape(request: &StartRequest, more_targets: usize) -> Answer<()> {
    shape(request)?;
    bot(request, None)?;
    if request.targets.len() + more_targets > TARGETS {
        return Err(Problem::invalid("targets", format!("A broadcast has {TARGETS} targets at most.")));
    }
    if request.source == SourceKind::Native {
        return Err(
            Problem::unprocessable("source_not_available", "The native source does not exist yet; use “browser”.").of_field("source")
        );
    }
    if request.meeting_id.as_ref().is_some_and(|id| id.is_empty() || id.chars().count() > 256) {
        return Err(Problem::invalid("meeting_id", "Say which meeting, in 1 to 256 characters."));
    }
    Ok(())
}

/// All that can be wrong with a Start by itself.
pub(super) fn shape(request: &StartRequest) -> Answer<Profile> {
    request.rules.check().map_err(|(field, detail)| Problem::invalid(format!("rules.{field}"), detail))?;
    let name = request.profile.as_deref().unwrap_or(profile::DEFAULT);
    let profile = Profile::named(name)
        .and_then(|profile| profile.with(&request.overrides))
        .map_err(|error| Problem::unprocessable("bad_profile", error.to_string()).of_field("profile"))?;
    if request.layout.as_ref().is_some_and(|layout| !LAYOUTS.iter().any(|(known, _)| known == layout)) {
        return Err(Problem::invalid("layout", format!("The layout is one of {}.", LAYOUTS.map(|(name, _)| name).join(", "))));
    }
    if request.targets.len() > TARGETS {
        return Err(Problem::invalid("targets", format!("A broadcast has {TARGETS} targets at most.")));
    }
    Ok(profile)
}

/// Why there is no place for a Start, as an answer.
pub(super) fn no_place(error: NoPlace) -> Problem {
    let detail = error.to_string();
    match error {
        NoPlace::Unknown(_) => Problem::unprocessable("no_such_node", detail).of_field("node"),
        NoPlace::Draining(_) => Problem::unavailable("node_draining", detail),
        NoPlace::Store(error) => error.into(),
        NoPlace::Full(_) | NoPlace::AllFull => Problem::unavailable("no_capacity", detail),
    }
}

async fn keep(app: &App, caller: &Caller, row: &Row, targets: &[NewTarget], again: bool) -> Answer<()> {
    let mut tx = app.store.begin().await?;
    if let Some(room) = &row.room_key {
        let known: Option<(String,)> = tx.optional("SELECT id FROM rooms WHERE key = $1", args![room]).await?;
        known.ok_or_else(|| Problem::unprocessable("no_such_room", "There is no room with this key.").of_field("room"))?;
    }
    if let Some((code, other)) = store::clash(&mut tx, row, again).await? {
        let detail = if code == "room_busy" { "The room has a live broadcast already" } else { "The meeting is on the air already" };
        return Err(Problem::conflict(code, format!("{detail} ({other}).")));
    }
    store::insert(&mut tx, row, again).await?;
    for target in targets {
        refuse_double(&mut tx, target).await?;
        store::insert_target(&mut tx, &row.id, target).await?;
    }
    scope::own_broadcast(&mut tx, caller, &row.id).await?;
    let detail = serde_json::json!({
        "source": row.source, "meeting": row.meeting_name, "room": row.room_key,
        "targets": targets.iter().map(|target| &target.label).collect::<Vec<_>>(),
    });
    activity::record(&mut tx, caller, "broadcast.start", &row.id, detail).await?;
    Ok(tx.commit().await?)
}

async fn refuse_double(tx: &mut crate::store::Transaction, target: &NewTarget) -> Answer<()> {
    match store::target_clash(tx, target).await? {
        Some(other) => Err(Problem::conflict("target_busy", format!("{} is fed already by the broadcast {other}.", target.label))),
        None => Ok(()),
    }
}

/// Adds a target to a kept broadcast.
pub(super) async fn add_target(app: &App, caller: &Caller, row: &Row, request: &TargetRequest) -> Answer<NewTarget> {
    let target = target(app, caller, request).await?;
    let mut tx = app.store.begin().await?;
    if !store::is_open(&mut tx, &row.id).await? {
        return Err(Problem::conflict("ended", "This broadcast is over."));
    }
    let (count,): (i64,) = tx.one("SELECT COUNT(*) FROM targets WHERE broadcast_id = $1 AND removed_ms IS NULL", args![&row.id]).await?;
    if usize::try_from(count).is_ok_and(|count| count >= TARGETS) {
        return Err(Problem::conflict("too_many_targets", format!("A broadcast has {TARGETS} targets at most.")));
    }
    refuse_double(&mut tx, &target).await?;
    store::insert_target(&mut tx, &row.id, &target).await?;
    scope::place_broadcast(&mut tx, &row.id).await?;
    activity::record(&mut tx, caller, "target.add", &row.id, serde_json::json!({ "label": target.label })).await?;
    tx.commit().await?;
    Ok(target)
}

/// Which meeting, and what it is called.
pub(super) async fn meeting(app: &App, caller: &Caller, request: &StartRequest) -> Answer<(Option<String>, String, String)> {
    match request.source {
        SourceKind::Native => {
            Err(Problem::unprocessable("source_not_available", "The native source does not exist yet; use “browser”.").of_field("source"))
        }
        SourceKind::Test => Ok((None, String::new(), "Test broadcast".to_owned())),
        SourceKind::Browser => {
            caller.must(Permission::ServerUse)?;
            let server =
                request.server_id.as_deref().ok_or_else(|| Problem::invalid("server_id", "Say which server the meeting is on."))?;
            let meeting = request.meeting_id.as_deref().filter(|id| !id.is_empty() && id.chars().count() <= 256);
            let meeting = meeting.ok_or_else(|| Problem::invalid("meeting_id", "Say which meeting, in 1 to 256 characters."))?;
            if !scope::sees(&app.store, &Sight::of(caller), Kind::Server, server).await? {
                return Err(Problem::unprocessable("no_such_server", "There is no such server.").of_field("server_id"));
            }
            let name = super::meeting::name(app, server, meeting).await?;
            Ok((Some(server.to_owned()), meeting.to_owned(), name))
        }
    }
}

pub(super) fn bot(request: &StartRequest, place: Option<&str>) -> Answer<(String, BotRole)> {
    let name = request.bot.name.as_deref().map_or_else(|| etiquette::bot_name(place), |name| name.trim().to_owned());
    if name.is_empty() || name.chars().count() > NAME_CHARACTERS || name.chars().any(char::is_control) {
        return Err(Problem::invalid("bot", "The bot's name has 1 to 64 characters."));
    }
    Ok((name, request.bot.role.unwrap_or_default()))
}

/// Checks a target and makes what is kept of it.
async fn target(app: &App, caller: &Caller, request: &TargetRequest) -> Answer<NewTarget> {
    Ok(checked_target(app, caller, request).await?.0)
}

/// The same, with the address that it stands for.
pub(crate) async fn checked_target(app: &App, caller: &Caller, request: &TargetRequest) -> Answer<(NewTarget, TargetUrl)> {
    let (address, origin) = match (&request.origin_id, &request.url) {
        (Some(origin), None) => {
            let (address, origin) = of_origin(app, caller, origin, request).await?;
            (address, Some(origin))
        }
        (None, Some(url)) => {
            caller.must(Permission::BroadcastFreehand)?;
            (freehand(request, url)?, None)
        }
        _ => return Err(Problem::unprocessable("bad_target", "A target is either an origin with a stream name, or an address.")),
    };
    let url = launch::target_url(&address).map_err(|error| Problem::unprocessable(error.code(), error.to_string()))?;
    let id = crate::id::new();
    let target = NewTarget {
        address_sealed: app.supervisor.seal(&id, &address),
        id,
        origin_id: request.origin_id.clone(),
        label: match (&origin, &request.stream_name) {
            (Some(origin), Some(name)) => format!("{} / {name}", origin.name),
            _ => url.to_string(),
        },
        stream_name: origin.as_ref().and(request.stream_name.clone()),
        app: origin.map(|origin| origin.app),
        protocol: url.protocol().to_owned(),
        fingerprint: fingerprint(&url),
    };
    Ok((target, url))
}

fn freehand(request: &TargetRequest, url: &str) -> Answer<TargetAddress> {
    if request.stream_name.is_some() || request.protocol.is_some() {
        return Err(Problem::unprocessable("bad_target", "An address takes no stream name or protocol."));
    }
    let srt = request.srt.clone().unwrap_or_default();
    Ok(TargetAddress {
        url: url.to_owned(),
        stream_key: request.stream_key.as_ref().map(|key| key.reveal().to_owned()),
        streamid: srt.streamid.map(|id| id.reveal().to_owned()),
        passphrase: srt.passphrase.map(|phrase| phrase.reveal().to_owned()),
        latency_ms: srt.latency_ms,
        opus: srt.opus,
        bearer: request.bearer.as_ref().map(|bearer| bearer.reveal().to_owned()),
    })
}

async fn of_origin(app: &App, caller: &Caller, id: &str, request: &TargetRequest) -> Answer<(TargetAddress, Origin)> {
    caller.must(Permission::OriginUse)?;
    let no_origin = || Problem::unprocessable("no_such_origin", "There is no such origin.");
    let origin = origin::find(&app.store, id).await?.ok_or_else(no_origin)?;
    if !scope::sees(&app.store, &Sight::of(caller), Kind::Origin, id).await? {
        return Err(no_origin());
    }
    let name = request.stream_name.as_deref().unwrap_or_default();
    if name.is_empty() || name.len() > 100 || !name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.')) {
        return Err(Problem::unprocessable("bad_stream_name", "A stream name has 1 to 100 letters, digits, “-”, “_” or “.”."));
    }
    let not_taken = || Problem::unprocessable("protocol_not_available", format!("{} has no address for this protocol.", origin.name));
    if request.stream_key.is_some() || request.srt.is_some() || request.bearer.is_some() {
        return Err(Problem::unprocessable("bad_target", "A target on an origin takes no stream key, SRT settings or bearer."));
    }
    let mut address = TargetAddress::default();
    let protocol = match request.protocol.as_deref() {
        Some(protocol) => protocol,
        // Only WHIP carries sound that the origin need not transcode, and RTMP is sooner there than SRT.
        None if origin.whip_url.is_some() => "whip",
        None if origin.rtmp_url.is_some() => "rtmp",
        None => "srt",
    };
    match protocol {
        "whip" => {
            let base = origin.whip_url.as_deref().ok_or_else(not_taken)?;
            address.url = whip_address(base, &origin.app, name).ok_or_else(not_taken)?;
        }
        "rtmp" => {
            let base = origin.rtmp_url.as_deref().ok_or_else(not_taken)?;
            address.url = format!("{}/{}", base.trim_end_matches('/'), origin.app);
            address.stream_key = Some(name.to_owned());
        }
        "srt" => {
            address.url = origin.srt_url.clone().ok_or_else(not_taken)?;
            // OvenMediaEngine wants {virtual host}/{app}/{stream}.
            address.streamid = Some(format!("{}/{}/{name}", origin.vhost, origin.app));
        }
        _ => return Err(not_taken()),
    }
    Ok((address, origin))
}

/// `OvenMediaEngine`'s form. What the origin's own address has in its query stays.
fn whip_address(base: &str, app: &str, name: &str) -> Option<String> {
    let mut url = url::Url::parse(base).ok()?;
    url.path_segments_mut().ok()?.pop_if_empty().extend([app, name]);
    if !url.query_pairs().any(|(key, _)| key == "direction") {
        url.query_pairs_mut().append_pair("direction", "whip");
    }
    Some(url.into())
}

/// The same for every spelling of the same place.
fn fingerprint(url: &TargetUrl) -> String {
    let (host, port) = url.host_and_port();
    let mut hash = Sha256::new();
    let mut add = |part: &str| {
        hash.update(part.len().to_le_bytes());
        hash.update(part);
    };
    add(&host.to_ascii_lowercase());
    add(&port.to_string());
    match url {
        TargetUrl::Rtmp(target) => {
            add("rtmp");
            add(target.application.reveal());
            add(target.stream.reveal());
        }
        TargetUrl::Srt(target) => {
            add("srt");
            add(target.streamid.reveal());
        }
        TargetUrl::Whip(target) => {
            add("whip");
            add(target.path.reveal());
        }
    }
    hex::encode(hash.finalize())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_s_whip_address_has_its_form() {
        let of = |base: &str| whip_address(base, "app", "a-b.c").unwrap();
        assert_eq!(of("https://ome.example:3334"), "https://ome.example:3334/app/a-b.c?direction=whip");
        assert_eq!(of("http://ome.example/below/"), "http://ome.example/below/app/a-b.c?direction=whip");
        assert_eq!(of("http://ome.example/?transport=tcp"), "http://ome.example/app/a-b.c?transport=tcp&direction=whip");
    }

    #[test]
    fn one_place_has_one_fingerprint() {
        let of = |text: &str| fingerprint(&TargetUrl::parse(text, None, None).unwrap());
        assert_eq!(of("rtmp://Host.example/live/key"), of("rtmp://host.example:1935/live/key"));
        assert_ne!(of("rtmp://host.example/live/key"), of("rtmp://host.example/live/other"));
        assert_ne!(of("srt://host.example:1935"), of("rtmp://host.example/live/key"));
    }
}
