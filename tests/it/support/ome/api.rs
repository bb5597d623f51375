//! The REST API as it was seen.

use std::sync::Arc;

use axum::body::Body;
use axum::http::{Method, Response, header};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bluecast::media::packet::Track;
use serde_json::{Value, json};

use super::front::{Answer, Call};
use super::stream::{Stream, TrackSeen};
use super::world::World;

/// What a call gives: its answer, or a status and a sentence.
pub(super) type Outcome = Result<Value, (u16, String)>;

pub(super) fn answer(world: &Arc<World>, call: &Call) -> Answer {
    let outcome = admit(world, call).and_then(|()| route(world, call));
    let (status, body) = match outcome {
        Ok(Value::Null) => (200, json!({"statusCode": 200, "message": "OK"})),
        Ok(response) => (200, json!({"statusCode": 200, "message": "OK", "response": response})),
        Err((status, why)) => (status, json!({"message": format!("[HTTP] {why} ({status})"), "statusCode": status})),
    };
    Response::builder()
        .status(status)
        .header(header::CONTENT_TYPE, "application/json;charset=UTF-8")
        .body(Body::from(body.to_string()))
        .unwrap()
}

fn admit(world: &World, call: &Call) -> Result<(), (u16, String)> {
    let given = call.header("authorization").ok_or((401, "Authorization header is required to call API".to_owned()))?;
    let wanted = STANDARD.encode(&world.options.credentials);
    let good = given.strip_prefix("Basic ").is_some_and(|given| given == wanted);
    good.then_some(()).ok_or((401, "Invalid credential".to_owned()))
}

fn route(world: &Arc<World>, call: &Call) -> Outcome {
    let path = percent_encoding::percent_decode_str(call.path.trim_matches('/')).decode_utf8_lossy().into_owned();
    let segments: Vec<&str> = path.split('/').collect();
    let (get, rest) = (call.method == Method::GET, segments.get(1..).unwrap_or_default());
    match rest {
        _ if segments[0] != "v1" => Err((404, format!("Controller not found: {} {}", call.method, call.path))),
        ["version"] if get => Ok(json!({"version": "v0.20.0", "gitVersion": "v0.20.0-16-g0229fcd4"})),
        ["vhosts"] if get => Ok(json!(["default"])),
        ["stats", "current", place @ ..] if get => statistics(world, place),
        ["vhosts", vhost, ..] if *vhost != "default" => Err((404, format!("Could not find the virtual host: [{vhost}]"))),
        ["vhosts", vhost] if get => Ok(json!({"name": vhost, "distribution": "ovenmediaengine.com", "host": {"names": ["*"]}})),
        ["vhosts", _, "apps"] if get => Ok(json!(world.options.apps)),
        ["vhosts", _, "apps", app] if get => known(world, app).map(|()| json!({"name": app, "type": "live", "dynamic": false})),
        ["vhosts", _, "apps", app, "streams"] if get => {
            known(world, app)?;
            let state = world.lock();
            Ok(state.streams.values().filter(|stream| stream.app == *app).map(|stream| json!(stream.stream)).collect())
        }
        ["vhosts", _, "apps", app, "streams", name] if get => find(world, app, name).map(|stream| detail(&stream)),
        ["vhosts", _, "apps", app, "streams", name] if call.method == Method::DELETE => {
            let stream = find(world, app, name)?;
            world.end_stream(&stream);
            Ok(Value::Null)
        }
        _ => Err((404, format!("Controller not found: {} {}", call.method, call.path))),
    }
}

fn known(world: &World, app: &str) -> Result<(), (u16, String)> {
    let known = world.options.apps.iter().any(|known| known == app);
    known.then_some(()).ok_or_else(|| (404, format!("Could not find the application: [default/#default#{app}]")))
}

fn find(world: &World, app: &str, name: &str) -> Result<Arc<Stream>, (u16, String)> {
    known(world, app)?;
    let missing = || (404, format!("Could not find the stream: [default/#default#{app}/{name}]"));
    world.find(&format!("{app}/{name}")).ok_or_else(missing)
}

/// A moment as OME writes it.
pub(super) fn iso(at_ms: u64) -> String {
    let at = time::OffsetDateTime::from_unix_timestamp_nanos(i128::from(at_ms) * 1_000_000).unwrap();
    let format = time::macros::format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]+00:00");
    at.format(&format).unwrap()
}

fn detail(stream: &Stream) -> Value {
    let url = match &stream.source {
        super::Source::WebRtc { remote } => format!("TCP://{remote}"),
        _ => "TCP://127.0.0.1:42958".to_owned(),
    };
    let input = json!({
        "createdTime": iso(stream.created_ms),
        "sourceType": stream.source.kind(),
        "sourceUrl": url,
        "tracks": tracks(stream, false),
    });
    let renditions = json!([{"name": "default", "videoVariantName": "bypass_video", "audioVariantName": "opus"}]);
    let options = json!({"webrtcAutoAbr": false, "hlsChunklistPathDepth": -1, "enableTsPackaging": false});
    let playlist = json!({"name": "webrtc_default", "fileName": "webrtc_default", "options": options, "renditions": renditions});
    let output = json!({"name": stream.stream, "tracks": tracks(stream, true), "playlists": [playlist]});
    let outputs = if stream.is_playable() { json!([output]) } else { json!([]) };
    json!({"name": stream.stream, "input": input, "outputs": outputs})
}

/// The tracks of a stream as the API tells them.
pub(super) fn tracks(stream: &Stream, output: bool) -> Value {
    stream.ingest().tracks.iter().enumerate().map(|(id, seen)| track(stream, id, seen, output)).collect()
}

fn track(stream: &Stream, id: usize, seen: &TrackSeen, output: bool) -> Value {
    let seconds = (super::super::decode::unix_ms().saturating_sub(stream.created_ms) / 1000).max(1);
    let bitrate = seen.bytes * 8 / seconds;
    let facts = stream.facts();
    if seen.track == Track::H264 {
        let codec = facts.video_codec.unwrap_or_else(|| "H264".to_owned());
        let video = json!({
            "bypass": !output || facts.video_bypass.unwrap_or(true),
            "codec": codec,
            "width": 1280,
            "height": 720,
            "bitrate": bitrate, "bitrateAvg": bitrate, "bitrateConf": 0, "bitrateLatest": bitrate,
            "framerate": seen.units as f64 / seconds as f64, "framerateAvg": seen.units as f64 / seconds as f64,
            "timebase": {"num": 1, "den": 90000},
            "hasBframes": facts.b_frames.unwrap_or(seen.backwards > 0),
            "keyFrameIntervalAvg": seen.units as f64 / seen.key_units.max(1) as f64,
            "deltaFramesSinceLastKeyFrame": 0,
        });
        return json!({"id": id, "name": if output { "bypass_video" } else { "" }, "type": "Video", "video": video});
    }
    let (codec, bypass) = match (seen.track, output) {
        (Track::Opus, _) => ("OPUS", true),
        (_, true) => ("OPUS", false),
        _ => ("AAC", true),
    };
    let audio = json!({
        "bypass": facts.audio_bypass.unwrap_or(bypass),
        "codec": facts.audio_codec.unwrap_or_else(|| codec.to_owned()),
        "samplerate": 48000,
        "channel": seen.channels,
        "bitrate": bitrate, "bitrateAvg": bitrate, "bitrateConf": 0, "bitrateLatest": bitrate,
        "timebase": {"num": 1, "den": 48000},
    });
    json!({"id": id, "name": if output { "opus" } else { "" }, "type": "Audio", "audio": audio})
}

fn statistics(world: &World, place: &[&str]) -> Outcome {
    let (app, name) = match place {
        [] | ["vhosts", "default"] => (None, None),
        ["vhosts", "default", "apps", app] => (Some(*app), None),
        ["vhosts", "default", "apps", app, "streams", name] => (Some(*app), Some(*name)),
        _ => return Err((404, "Could not find the metrics".to_owned())),
    };
    if let Some(app) = app {
        known(world, app)?;
    }
    if let (Some(app), Some(name)) = (app, name) {
        find(world, app, name)?;
    }
    let state = world.lock();
    let here = |stream: &&Arc<Stream>| app.is_none_or(|app| stream.app == app) && name.is_none_or(|name| stream.stream == name);
    let streams: Vec<&Arc<Stream>> = state.streams.values().filter(here).collect();
    let viewers: usize = streams.iter().map(|stream| stream.viewers().len()).sum();
    let bytes: u64 = streams.iter().flat_map(|stream| stream.ingest().tracks).map(|seen| seen.bytes).sum();
    let now = iso(super::super::decode::unix_ms());
    Ok(json!({
        "connections": {"file": 0, "hlsv3": 0, "llhls": 0, "ovt": 0, "push": 0, "srt": 0, "thumbnail": 0, "webrtc": viewers},
        "totalConnections": viewers, "maxTotalConnections": viewers, "maxTotalConnectionTime": now,
        "totalBytesIn": bytes, "totalBytesOut": bytes * viewers as u64,
        "avgThroughputIn": 0, "avgThroughputOut": 0, "lastThroughputIn": 0, "lastThroughputOut": 0,
        "maxThroughputIn": 0, "maxThroughputOut": 0,
        "createdTime": now, "lastRecvTime": now, "lastSentTime": now, "lastUpdatedTime": now,
    }))
}
