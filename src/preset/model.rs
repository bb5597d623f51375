//! Presets as they are asked for, kept and shown.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;

use crate::account::Caller;
use crate::broadcast::{StartRequest, TargetRequest};
use crate::moment::rfc3339;
use crate::secret::Secret;

/// A preset to be made.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewPreset {
    /// What people call it.
    pub(super) name: String,
    /// The Start that it saves. The meeting may be left out, and is then given at the start.
    pub(super) start: StartRequest,
    /// Start whenever its meeting runs.
    #[serde(default)]
    pub(super) auto_start: bool,
}

/// What changes about a preset; what is left out stays.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PresetChange {
    pub(super) name: Option<String>,
    /// The whole Start anew, with new targets only.
    pub(super) start: Option<StartRequest>,
    /// With `start`: ids of targets that stay, secrets and all. Without it none of the old ones does.
    pub(super) keep_targets: Option<Vec<String>>,
    pub(super) auto_start: Option<bool>,
}

/// What is to be other than saved, this once.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Once {
    /// A whole Start in place of the saved one, with new targets only.
    pub(super) start: Option<StartRequest>,
    /// With `start`: ids of the preset's targets that are used besides. Without it none is.
    pub(super) keep_targets: Option<Vec<String>>,
}

/// A preset as it is kept.
#[derive(Clone, Debug, sqlx::FromRow)]
pub(crate) struct Preset {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(super) request: String,
    pub(crate) server_id: Option<String>,
    pub(crate) meeting_id: Option<String>,
    pub(super) room_key: Option<String>,
    pub(super) auto_start: i64,
    pub(super) has_slate: i64,
    pub(super) created_by: String,
    pub(super) created_by_id: Option<String>,
    pub(super) created_ms: i64,
    pub(super) changed_ms: i64,
}

impl Preset {
    /// The Start that is saved, without its targets.
    pub(crate) fn start(&self) -> StartRequest {
        serde_json::from_str(&self.request).unwrap_or_default()
    }

    /// Whoever starts it where nobody presses anything: by this name, and for the one who made it, whose groups may see what comes of it.
    pub(crate) fn starter(&self, name: String) -> Caller {
        Caller { user_id: self.created_by_id.clone().unwrap_or_default(), ..Caller::automatic(name) }
    }

    /// Takes a Start over, but for its targets.
    pub(super) fn set_start(&mut self, start: &StartRequest) {
        self.request = serde_json::to_string(start).unwrap_or_default();
        self.server_id.clone_from(&start.server_id);
        self.meeting_id.clone_from(&start.meeting_id);
        self.room_key.clone_from(&start.room);
    }
}

/// A target of a preset as it is kept.
#[derive(Clone, Debug, sqlx::FromRow)]
pub(crate) struct PresetTarget {
    pub(crate) id: String,
    pub(super) preset_id: String,
    pub(super) origin_id: Option<String>,
    pub(super) stream_name: Option<String>,
    pub(super) label: String,
    pub(super) protocol: String,
    pub(super) request_sealed: String,
}

/// A preset. Secrets of its targets are never returned.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct PresetView {
    id: String,
    name: String,
    /// The Start that it saves, without its targets.
    start: StartRequest,
    targets: Vec<PresetTargetView>,
    /// It starts whenever its meeting runs.
    auto_start: bool,
    /// It has an image of its own for the slate.
    has_slate: bool,
    /// The broadcast that was started from it and is on the air.
    #[serde(skip_serializing_if = "Option::is_none")]
    broadcast_id: Option<String>,
    created_by: String,
    #[schema(format = DateTime)]
    created_at: String,
    #[schema(format = DateTime)]
    changed_at: String,
}

/// A target of a preset.
#[derive(Debug, Serialize, ToSchema)]
struct PresetTargetView {
    id: String,
    label: String,
    protocol: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    origin_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stream_name: Option<String>,
}

pub(super) fn view(preset: Preset, targets: Vec<PresetTarget>, on_air: &HashMap<String, String>) -> PresetView {
    let target = |target: PresetTarget| PresetTargetView {
        id: target.id,
        label: target.label,
        protocol: target.protocol,
        origin_id: target.origin_id,
        stream_name: target.stream_name,
    };
    PresetView {
        start: preset.start(),
        targets: targets.into_iter().map(target).collect(),
        auto_start: preset.auto_start == 1,
        has_slate: preset.has_slate == 1,
        broadcast_id: on_air.get(&preset.id).cloned(),
        id: preset.id,
        name: preset.name,
        created_by: preset.created_by,
        created_at: rfc3339(preset.created_ms),
        changed_at: rfc3339(preset.changed_ms),
    }
}

/// A target with its secrets, to be sealed.
pub(super) fn to_secret(request: &TargetRequest) -> Secret {
    let reveal = |secret: &Option<Secret>| secret.as_ref().map(|secret| secret.reveal().to_owned());
    let srt = request.srt.as_ref().map(|srt| {
        let settings = json!({ "streamid": reveal(&srt.streamid), "passphrase": reveal(&srt.passphrase), "latency_ms": srt.latency_ms });
        with(settings, "opus", json!(srt.opus))
    });
    let fields = json!({
        "origin_id": request.origin_id, "stream_name": request.stream_name, "protocol": request.protocol, "url": request.url,
        "stream_key": reveal(&request.stream_key), "bearer": reveal(&request.bearer), "srt": srt,
    });
    Secret::new(fields.to_string())
}

fn with(mut value: Value, name: &str, field: Value) -> Value {
    value[name] = field;
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_comes_back_from_its_sealed_form_whole() {
        let text = r#"{"url":"srt://a.example:9000","srt":{"streamid":"s-1","passphrase":"long enough","latency_ms":200,"opus":true}}"#;
        let request: TargetRequest = serde_json::from_str(text).unwrap();
        let back: TargetRequest = serde_json::from_str(to_secret(&request).reveal()).unwrap();
        assert_eq!(back.url, request.url);
        let srt = back.srt.unwrap();
        assert_eq!((srt.streamid.unwrap().reveal(), srt.passphrase.unwrap().reveal()), ("s-1", "long enough"));
        assert_eq!((srt.latency_ms, srt.opus), (Some(200), true));
        let request: TargetRequest = serde_json::from_str(r#"{"url":"rtmp://a.example/live","stream_key":"k"}"#).unwrap();
        let back: TargetRequest = serde_json::from_str(to_secret(&request).reveal()).unwrap();
        assert_eq!(back.stream_key.unwrap().reveal(), "k");
        assert!(back.srt.is_none() && back.bearer.is_none());
    }

    #[test]
    fn a_start_is_saved_without_its_targets() {
        let text = r#"{"source":"test","profile":"480p30","overrides":{"fps":15},"targets":[{"url":"rtmp://a/b/secret"}],"rules":{"dead_minutes":3}}"#;
        let start: StartRequest = serde_json::from_str(text).unwrap();
        let saved = serde_json::to_string(&start).unwrap();
        assert!(!saved.contains("secret"), "{saved}");
        let back: StartRequest = serde_json::from_str(&saved).unwrap();
        assert_eq!((back.profile.as_deref(), back.rules.dead_minutes, back.overrides.fps), (Some("480p30"), Some(3), Some(15)));
        assert!(back.targets.is_empty());
    }
}
