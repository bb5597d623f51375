//! A target as its origin sees it, and what an admin should know of it. Pure.

use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;

use super::answer::{Audio, StreamDetail, Track, Video};

/// A target as its origin sees it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TargetAtOrigin {
    /// Whether the origin has the stream; left out where it cannot be asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub listed: Option<bool>,
    /// Since when, as the origin says it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<String>,
    /// The pictures that come in, and whether they pass untouched.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub video: Option<VideoAtOrigin>,
    /// The sound that comes in, and whether it passes untouched to WebRTC viewers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub audio: Option<AudioAtOrigin>,
    /// Viewers of this stream there and at its edges.
    pub viewers: u64,
    /// What an admin should know.
    #[serde(default, deserialize_with = "unread", skip_serializing_if = "Option::is_none")]
    pub warning: Option<Warning>,
}

/// A warning is made here and read by nobody of ours. Not `skip_deserializing`, which would take the field out of the API's document too.
fn unread<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Warning>, D::Error> {
    IgnoredAny::deserialize(deserializer).map(|_| None)
}

/// Pictures at an origin.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct VideoAtOrigin {
    /// `H264`…
    pub codec: String,
    /// Pixels.
    pub width: u64,
    /// Pixels.
    pub height: u64,
    /// Whether they pass untouched; left out where nothing goes out yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bypass: Option<bool>,
    /// Whether there are pictures that WebRTC viewers cannot show.
    pub has_b_frames: bool,
}

/// Sound at an origin.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AudioAtOrigin {
    /// `OPUS`, `AAC`…
    pub codec: String,
    /// Whether it passes untouched to WebRTC viewers; left out where nothing goes out yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bypass: Option<bool>,
}

/// What an admin should know of a target.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Warning {
    /// A stable word.
    pub code: &'static str,
    /// A sentence.
    pub sentence: String,
    /// `info` for what is as it must be.
    pub level: Level,
}

/// How much it matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// As it must be.
    Info,
    /// To be mended.
    Warning,
}

impl Warning {
    /// Something to be mended.
    pub fn new(code: &'static str, sentence: impl Into<String>) -> Self {
        Self { code, sentence: sentence.into(), level: Level::Warning }
    }
}

/// The pictures of a stream.
pub fn video(detail: &StreamDetail) -> Option<VideoAtOrigin> {
    let input = detail.input.tracks.iter().find_map(|track| track.video.as_ref())?;
    let out: Vec<&Video> = tracks_out(detail).filter_map(|track| track.video.as_ref()).collect();
    Some(VideoAtOrigin {
        codec: input.codec.clone(),
        width: input.width,
        height: input.height,
        bypass: (!out.is_empty()).then(|| out.iter().any(|video| video.bypass)),
        has_b_frames: input.has_bframes || out.iter().any(|video| video.bypass && video.has_bframes),
    })
}

/// The sound of a stream. WebRTC viewers get Opus; where none goes out, whatever does counts.
pub fn audio(detail: &StreamDetail) -> Option<AudioAtOrigin> {
    let input = detail.input.tracks.iter().find_map(|track| track.audio.as_ref())?;
    let out: Vec<&Audio> = tracks_out(detail).filter_map(|track| track.audio.as_ref()).collect();
    let opus: Vec<&Audio> = out.iter().copied().filter(|audio| is(&audio.codec, "opus")).collect();
    let counts = if opus.is_empty() { &out } else { &opus };
    let bypass = (!counts.is_empty()).then(|| counts.iter().any(|audio| audio.bypass));
    Some(AudioAtOrigin { codec: input.codec.clone(), bypass })
}

fn tracks_out(detail: &StreamDetail) -> impl Iterator<Item = &Track> {
    detail.outputs.iter().flat_map(|output| &output.tracks)
}

fn is(word: &str, wanted: &str) -> bool {
    word.eq_ignore_ascii_case(wanted)
}

/// What an admin should know of a listed stream that we push by `protocol` (`whip`, `rtmp`, `rtmps`, `srt`): what matters most.
pub fn of(detail: &StreamDetail, protocol: &str) -> Option<Warning> {
    let came_by = &detail.input.source_type;
    let expected = match protocol {
        "whip" => "webrtc",
        "rtmps" => "rtmp",
        protocol => protocol,
    };
    if !came_by.is_empty() && !is(came_by, expected) {
        let sentence = format!("The origin has a stream of this name, but it came by {came_by}: somebody else pushes it.");
        return Some(Warning::new("other_source", sentence));
    }
    let video = video(detail);
    if video.as_ref().is_some_and(|video| video.has_b_frames) {
        return Some(Warning::new("b_frames", "The origin has seen B-frames: WebRTC viewers can show hardly any of its pictures."));
    }
    if video.as_ref().is_some_and(|video| video.bypass == Some(false)) {
        let sentence = "The origin encodes the pictures anew, which costs it CPU, and viewers quality and time. Its application needs an \
             output profile with <Video><Bypass>true</Bypass></Video>.";
        return Some(Warning::new("video_transcoded", sentence));
    }
    let audio = audio(detail).filter(|audio| audio.bypass == Some(false))?;
    if is(&audio.codec, "opus") {
        let sentence = "The origin encodes the sound anew though it comes as Opus. Its output profile needs \
             <BypassIfMatch><Codec>eq</Codec></BypassIfMatch> in <Audio>.";
        return Some(Warning::new("audio_transcoded", sentence));
    }
    let sentence =
        format!("The origin makes Opus of the {} for WebRTC viewers, as it must. By WHIP the sound would pass untouched.", audio.codec);
    Some(Warning { code: "audio_made_opus", sentence, level: Level::Info })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn detail(source: &str, video_bypass: bool, b_frames: bool, audio_in: &str, audio_out: &[(&str, bool)]) -> StreamDetail {
        let audio: Vec<_> = audio_out.iter().map(|(codec, bypass)| json!({"audio": {"codec": codec, "bypass": bypass}})).collect();
        let mut out = vec![json!({"video": {"codec": "H264", "bypass": video_bypass}})];
        out.extend(audio);
        serde_json::from_value(json!({
            "input": {"sourceType": source, "tracks": [
                {"video": {"codec": "H264", "width": 1280, "height": 720, "hasBframes": b_frames}}, {"audio": {"codec": audio_in}}]},
            "outputs": [{"name": "s", "tracks": out}]
        }))
        .unwrap()
    }

    fn code(detail: &StreamDetail, protocol: &str) -> Option<(&'static str, Level)> {
        of(detail, protocol).map(|warning| (warning.code, warning.level))
    }

    #[test]
    fn what_passes_untouched_is_no_news() {
        // LL-HLS beside WebRTC: AAC is made of the Opus, which WebRTC viewers do not get.
        assert_eq!(code(&detail("WebRTC", true, false, "OPUS", &[("OPUS", true), ("AAC", false)]), "whip"), None);
        assert_eq!(code(&StreamDetail::default(), "whip"), None);
    }

    #[test]
    fn aac_must_be_made_opus_and_everything_else_is_a_warning() {
        let warning = |code| Some((code, Level::Warning));
        assert_eq!(code(&detail("Rtmp", true, false, "AAC", &[("OPUS", false)]), "rtmps"), Some(("audio_made_opus", Level::Info)));
        assert_eq!(
            code(&detail("Srt", true, false, "AAC", &[("OPUS", false), ("AAC", true)]), "srt"),
            Some(("audio_made_opus", Level::Info))
        );
        assert_eq!(code(&detail("WebRTC", true, false, "OPUS", &[("OPUS", false)]), "whip"), warning("audio_transcoded"));
        assert_eq!(code(&detail("WebRTC", false, false, "OPUS", &[("OPUS", true)]), "whip"), warning("video_transcoded"));
        assert_eq!(code(&detail("Rtmp", true, true, "AAC", &[("OPUS", false)]), "rtmp"), warning("b_frames"));
        assert_eq!(code(&detail("Rtmp", true, true, "AAC", &[("OPUS", false)]), "whip"), warning("other_source"));
    }

    #[test]
    fn a_ladder_passes_when_one_rung_does() {
        let mut ladder = detail("WebRTC", true, false, "OPUS", &[("OPUS", true)]);
        ladder.outputs[0].tracks.push(Track { video: Some(Video { bypass: false, ..Video::default() }), audio: None });
        assert_eq!(code(&ladder, "whip"), None);
        assert_eq!(
            video(&ladder).unwrap(),
            VideoAtOrigin { codec: "H264".into(), width: 1280, height: 720, bypass: Some(true), has_b_frames: false }
        );
    }
}
