//! What OME's API answers, as far as it is read. Forgiving: what is missing, new or of another type inside an answer is passed over.

use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// What a server says about itself.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq)]
pub struct Version {
    /// As OME writes it, `v0.20.0`.
    #[serde(default, deserialize_with = "text")]
    pub version: String,
}

/// A stream on a server: what comes in, and what is made of it.
#[derive(Clone, Debug, Default, Deserialize, PartialEq)]
pub struct StreamDetail {
    /// What comes in.
    #[serde(default, deserialize_with = "forgiving")]
    pub input: Input,
    /// What goes out; empty for the first second or two.
    #[serde(default, deserialize_with = "each")]
    pub outputs: Vec<Output>,
}

/// What comes in.
#[derive(Clone, Debug, Default, Deserialize, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct Input {
    /// `Rtmp`, `Srt`, `WebRTC`, `Ovt`…
    #[serde(default, deserialize_with = "text")]
    pub source_type: String,
    /// When the stream began, RFC 3339.
    #[serde(default, deserialize_with = "text")]
    pub created_time: String,
    /// Its tracks.
    #[serde(default, deserialize_with = "each")]
    pub tracks: Vec<Track>,
}

/// A stream that is made of the incoming one.
#[derive(Clone, Debug, Default, Deserialize, PartialEq)]
pub struct Output {
    /// Its tracks.
    #[serde(default, deserialize_with = "each")]
    pub tracks: Vec<Track>,
}

/// A track: one of the two, or neither (data, subtitles).
#[derive(Clone, Debug, Default, Deserialize, PartialEq)]
pub struct Track {
    /// Of a track with pictures.
    #[serde(default, deserialize_with = "forgiving")]
    pub video: Option<Video>,
    /// Of a track with sound.
    #[serde(default, deserialize_with = "forgiving")]
    pub audio: Option<Audio>,
}

/// Pictures.
#[derive(Clone, Debug, Default, Deserialize, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct Video {
    /// `H264`, `H265`, `VP8`…
    #[serde(default, deserialize_with = "text")]
    pub codec: String,
    /// Pixels.
    #[serde(default, deserialize_with = "number")]
    pub width: u64,
    /// Pixels.
    #[serde(default, deserialize_with = "number")]
    pub height: u64,
    /// Whether they pass untouched; of outputs.
    #[serde(default, deserialize_with = "flag")]
    pub bypass: bool,
    /// Whether OME has seen B-frames, which WebRTC players cannot show.
    #[serde(default, deserialize_with = "flag")]
    pub has_bframes: bool,
}

/// Sound.
#[derive(Clone, Debug, Default, Deserialize, PartialEq)]
pub struct Audio {
    /// `AAC`, `OPUS`…
    #[serde(default, deserialize_with = "text")]
    pub codec: String,
    /// Whether it passes untouched; of outputs.
    #[serde(default, deserialize_with = "flag")]
    pub bypass: bool,
}

/// What a server, virtual host, application or stream counts.
#[derive(Clone, Debug, Default, Deserialize, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct Stats {
    /// Who is connected now.
    #[serde(default, deserialize_with = "forgiving")]
    pub connections: Connections,
    /// Bytes that came in.
    #[serde(default, deserialize_with = "number")]
    pub total_bytes_in: u64,
    /// Bytes that went out.
    #[serde(default, deserialize_with = "number")]
    pub total_bytes_out: u64,
}

/// Connections by the way they are served.
#[derive(Clone, Debug, Default, Deserialize, PartialEq)]
pub struct Connections {
    /// Browsers by WebRTC.
    #[serde(default, deserialize_with = "number")]
    pub webrtc: u64,
    /// Players by LL-HLS.
    #[serde(default, deserialize_with = "number")]
    pub llhls: u64,
    /// Edges.
    #[serde(default, deserialize_with = "number")]
    pub ovt: u64,
}

impl Stats {
    /// People who watch; an edge is none.
    pub fn viewers(&self) -> u64 {
        self.connections.webrtc.saturating_add(self.connections.llhls)
    }
}

/// A record under way, or one that has just been asked for.
#[derive(Clone, Debug, Default, Deserialize, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct Record {
    /// Its id.
    #[serde(default, deserialize_with = "text")]
    pub id: String,
    /// `ready`, `recording`, `stopping`, `error`…
    #[serde(default, deserialize_with = "text")]
    pub state: String,
    /// What is recorded.
    #[serde(default, deserialize_with = "forgiving")]
    pub stream: Named,
    /// The file, on that server.
    #[serde(default, deserialize_with = "text")]
    pub output_file_path: String,
    /// Bytes written.
    #[serde(default, deserialize_with = "number")]
    pub record_bytes: u64,
    /// Milliseconds recorded.
    #[serde(default, deserialize_with = "number")]
    pub record_time: u64,
}

/// A push under way. Its stream key is not read.
#[derive(Clone, Debug, Default, Deserialize, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct Push {
    /// Its id.
    #[serde(default, deserialize_with = "text")]
    pub id: String,
    /// `ready`, `pushing`, `error`…
    #[serde(default, deserialize_with = "text")]
    pub state: String,
    /// What is pushed.
    #[serde(default, deserialize_with = "forgiving")]
    pub stream: Named,
    /// `rtmp`, `srt`, `mpegts`.
    #[serde(default, deserialize_with = "text")]
    pub protocol: String,
    /// Where to; may hold a secret in its query.
    #[serde(default, deserialize_with = "text")]
    pub url: String,
    /// Bytes sent.
    #[serde(default, deserialize_with = "number")]
    pub sent_bytes: u64,
    /// Milliseconds sent.
    #[serde(default, deserialize_with = "number")]
    pub sent_time: u64,
}

/// Something with a name.
#[derive(Clone, Debug, Default, Deserialize, PartialEq)]
pub struct Named {
    /// The name.
    #[serde(default, deserialize_with = "text")]
    pub name: String,
}

fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    Ok(match Value::deserialize(deserializer)? {
        Value::String(text) => crate::reach::http::plain(&text),
        Value::Number(number) => number.to_string(),
        _ => String::new(),
    })
}

/// A count; some fields are numbers in one release and text in another.
fn number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    Ok(match Value::deserialize(deserializer)? {
        Value::Number(number) => number.as_u64().unwrap_or(0),
        Value::String(text) => text.trim().parse().unwrap_or(0),
        _ => 0,
    })
}

fn flag<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    Ok(match Value::deserialize(deserializer)? {
        Value::Bool(flag) => flag,
        Value::String(text) => text.eq_ignore_ascii_case("true"),
        _ => false,
    })
}

fn forgiving<'de, D: Deserializer<'de>, T: serde::de::DeserializeOwned + Default>(deserializer: D) -> Result<T, D::Error> {
    Ok(serde_json::from_value(Value::deserialize(deserializer)?).unwrap_or_default())
}

fn each<'de, D: Deserializer<'de>, T: serde::de::DeserializeOwned>(deserializer: D) -> Result<Vec<T>, D::Error> {
    Ok(match Value::deserialize(deserializer)? {
        Value::Array(items) => items.into_iter().filter_map(|item| serde_json::from_value(item).ok()).collect(),
        _ => Vec::new(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_missing_new_or_of_another_type_is_passed_over() {
        let detail: StreamDetail = serde_json::from_value(json!({
            "input": {"sourceType": "Rtmp", "createdTime": 5, "unheardOf": {}, "tracks": [
                {"id": 0, "type": "Video", "video": {"codec": "H264", "width": "1280", "height": 720, "hasBframes": "true", "framerate": []}},
                7, {"type": "Audio", "audio": "none"}, {"type": "Data"}]},
            "outputs": {"no": "list"}, "name": "s"
        }))
        .unwrap();
        assert_eq!((detail.input.source_type.as_str(), detail.input.tracks.len(), detail.outputs.len()), ("Rtmp", 3, 0));
        let video = detail.input.tracks[0].video.clone().unwrap();
        assert_eq!((video.codec.as_str(), video.width, video.height, video.has_bframes, video.bypass), ("H264", 1280, 720, true, false));
        assert_eq!(detail.input.tracks[1].audio, None);
    }

    #[test]
    fn an_edge_is_no_viewer() {
        let stats: Stats = serde_json::from_value(json!({"connections": {"webrtc": 3, "llhls": 2, "ovt": 4, "push": 1}, "x": 1})).unwrap();
        assert_eq!(stats.viewers(), 5);
        let odd: Stats = serde_json::from_value(json!({"connections": {"webrtc": -1, "llhls": null, "ovt": 1.5}})).unwrap();
        assert_eq!(odd.viewers(), 0);
        let huge: Stats = serde_json::from_value(json!({"connections": {"webrtc": u64::MAX, "llhls": 1}})).unwrap();
        assert_eq!(huge.viewers(), u64::MAX);
    }
}
