//! What we offer to a WHIP server and what is made of its answer: one codec a line, nothing to choose from.

use gstreamer as gst;
use gstreamer_sdp::{SDPMediaRef, SDPMessage};

/// RTP payload types, as in `pipelines/output/whip.launch`.
const H264: u32 = 96;
const OPUS: u32 = 111;
/// More lines or candidates than this are no answer to two lines.
const MOST_MEDIAS: u32 = 2;
const MOST_CANDIDATES: usize = 64;
/// Level 3.1 where the encoder does not say: what every receiver takes.
const LEVEL: u8 = 31;

/// How the video line is to read: packetization mode 1, profile and level as the encoder makes them. `ssrc` names the stream, so that a
/// receiver knows from the first packet on which line it belongs to.
pub(super) fn video(h264: &gst::Caps, ssrc: u32) -> gst::Caps {
    let structure = h264.structure(0);
    let word = |name: &str| structure.and_then(|structure| structure.get::<String>(name).ok()).unwrap_or_default();
    let id = profile_level_id(&word("profile"), &word("level"));
    gst::Caps::builder("application/x-rtp")
        .field("media", "video")
        .field("encoding-name", "H264")
        .field("clock-rate", 90_000)
        .field("payload", H264.cast_signed())
        .field("packetization-mode", "1")
        .field("profile-level-id", id)
        .field("level-asymmetry-allowed", "1")
        .field("rtcp-fb-nack-pli", true)
        .field("rtcp-fb-ccm-fir", true)
        .field("ssrc", ssrc)
        .build()
}

/// How the sound's line is to read: `OvenMediaEngine` refuses mono, so stereo is said in every way there is.
pub(super) fn sound(ssrc: u32) -> gst::Caps {
    gst::Caps::builder("application/x-rtp")
        .field("media", "audio")
        .field("encoding-name", "OPUS")
        .field("clock-rate", 48_000)
        .field("payload", OPUS.cast_signed())
        .field("encoding-params", "2")
        .field("minptime", "10")
        .field("useinbandfec", "1")
        .field("stereo", "1")
        .field("sprop-stereo", "1")
        .field("ssrc", ssrc)
        .build()
}

/// RFC 6184's three bytes: profile, constraints, level.
fn profile_level_id(profile: &str, level: &str) -> String {
    let (profile, constraints) = match profile {
        "baseline" => (0x42, 0x00),
        "main" => (0x4d, 0x00),
        "high" => (0x64, 0x00),
        "constrained-high" => (0x64, 0x0c),
        _ => (0x42, 0xe0),
    };
    let tenths = || {
        let (whole, rest) = level.split_once('.').unwrap_or((level, "0"));
        whole.parse::<u8>().ok()?.checked_mul(10)?.checked_add(rest.parse().ok()?)
    };
    format!("{profile:02x}{constraints:02x}{:02x}", tenths().filter(|level| (10..=62).contains(level)).unwrap_or(LEVEL))
}

/// What is wrong with an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BadAnswer {
    /// No session description.
    Nonsense,
    /// A line was refused; which codec.
    Refused(&'static str),
    /// Nowhere to send to: nothing comes later, as we are told nothing more.
    NoCandidates,
}

/// Reads an answer and takes only what `webrtcbin` can make something of.
pub(super) fn answer(body: &[u8]) -> Result<SDPMessage, BadAnswer> {
    let text = std::str::from_utf8(body).map_err(|_| BadAnswer::Nonsense)?;
    if !text.trim_start().starts_with("v=0") || text.contains('\0') {
        return Err(BadAnswer::Nonsense);
    }
    let sdp = SDPMessage::parse_buffer(body).map_err(|_| BadAnswer::Nonsense)?;
    if sdp.medias_len() == 0 || sdp.medias_len() > MOST_MEDIAS {
        return Err(BadAnswer::Nonsense);
    }
    for (index, (kind, codec, name)) in (0..).zip([("video", "H264/90000", "H.264"), ("audio", "opus/48000", "Opus")]) {
        let line = sdp.media(index).ok_or(BadAnswer::Refused(name))?;
        if line.media() != Some(kind) {
            return Err(BadAnswer::Nonsense);
        }
        let says = |key: &str| line.attribute_val(key).or_else(|| sdp.attribute_val(key)).is_some();
        if line.port() == 0 || says("inactive") || says("sendonly") || !takes(line, codec) {
            return Err(BadAnswer::Refused(name));
        }
        // Of a bundle, the first line speaks for all.
        let spoken_for = index > 0 && sdp.attribute_val("group").is_some_and(|group| group.starts_with("BUNDLE"));
        if !(spoken_for || says("fingerprint") && says("ice-ufrag") && says("ice-pwd")) {
            return Err(BadAnswer::Nonsense);
        }
    }
    let candidates = sdp.medias().map(|line| line.attributes().filter(|attribute| attribute.key() == "candidate").count()).sum::<usize>();
    match candidates {
        0 => Err(BadAnswer::NoCandidates),
        1..=MOST_CANDIDATES => Ok(sdp),
        _ => Err(BadAnswer::Nonsense),
    }
}

fn takes(line: &SDPMediaRef, codec: &str) -> bool {
    let maps = line.attributes().filter(|attribute| attribute.key() == "rtpmap").filter_map(|attribute| attribute.value());
    maps.filter_map(|map| map.split_once(' ')).any(|(_, name)| name.get(..codec.len()).is_some_and(|name| name.eq_ignore_ascii_case(codec)))
}

/// How many candidates a description of ours has.
pub(super) fn candidates(text: &str) -> usize {
    text.lines().filter(|line| line.starts_with("a=candidate:")).count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ANSWER: &str = "v=0\r\no=OvenMediaEngine 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE video0 audio1\r\n\
        a=fingerprint:sha-256 AA:BB\r\na=ice-options:trickle\r\n\
        m=video 9 UDP/TLS/RTP/SAVPF 96\r\nc=IN IP4 0.0.0.0\r\na=mid:video0\r\na=setup:passive\r\na=ice-ufrag:abcd\r\na=ice-pwd:efghijklmnopqrstuvwx\r\n\
        a=rtcp-mux\r\na=recvonly\r\na=rtpmap:96 H264/90000\r\na=candidate:1 1 UDP 50 127.0.0.1 20001 typ host\r\na=end-of-candidates\r\n\
        m=audio 9 UDP/TLS/RTP/SAVPF 111\r\nc=IN IP4 0.0.0.0\r\na=mid:audio1\r\na=setup:passive\r\na=ice-ufrag:abcd\r\na=ice-pwd:efghijklmnopqrstuvwx\r\n\
        a=rtcp-mux\r\na=recvonly\r\na=rtpmap:111 OPUS/48000/2\r\n";

    #[test]
    fn an_answer_is_taken_or_refused_for_a_reason() {
        gst::init().unwrap();
        let of = |text: String| answer(text.as_bytes()).map(|sdp| sdp.medias_len());
        assert_eq!(of(ANSWER.into()), Ok(2));
        assert_eq!(of(ANSWER.replace("m=video 9", "m=video 0")), Err(BadAnswer::Refused("H.264")));
        assert_eq!(of(ANSWER.replace("OPUS/48000/2", "PCMU/8000")), Err(BadAnswer::Refused("Opus")));
        assert_eq!(of(ANSWER[..ANSWER.find("m=audio").unwrap()].into()), Err(BadAnswer::Refused("Opus")));
        assert_eq!(of(ANSWER.replace("a=recvonly", "a=inactive")), Err(BadAnswer::Refused("H.264")));
        assert_eq!(of(ANSWER.replace("a=candidate", "a=nothing")), Err(BadAnswer::NoCandidates));
        assert_eq!(of(ANSWER.replace("a=fingerprint", "a=finger")), Err(BadAnswer::Nonsense));
        assert_eq!(of(ANSWER.replace("m=audio", "m=video")), Err(BadAnswer::Nonsense));
        for nonsense in ["", "<html>It works!</html>", "v=0", "v=0\r\n\0", "{}"] {
            assert_eq!(of(nonsense.into()), Err(BadAnswer::Nonsense), "{nonsense}");
        }
        let many = "a=candidate:1 1 UDP 50 127.0.0.1 20001 typ host\r\n".repeat(100);
        assert_eq!(of(ANSWER.replace("a=end-of-candidates\r\n", &many)), Err(BadAnswer::Nonsense));
    }

    proptest! {
        #[test]
        fn no_answer_breaks_the_reader(cut in 0usize..ANSWER.len(), junk in prop::collection::vec(any::<u8>(), 0..200)) {
            gst::init().unwrap();
            let mut body = ANSWER.as_bytes()[..cut].to_vec();
            body.extend(junk);
            let _ = answer(&body);
        }
    }

    #[test]
    fn profile_and_level_are_the_encoder_s() {
        assert_eq!(profile_level_id("constrained-baseline", "3.1"), "42e01f");
        assert_eq!(profile_level_id("high", "4"), "640028");
        assert_eq!(profile_level_id("constrained-high", "3.2"), "640c20");
        assert_eq!(profile_level_id("", ""), "42e01f");
        assert_eq!(profile_level_id("main", "1b"), "4d001f");
        gst::init().unwrap();
        let caps = gst::Caps::builder("video/x-h264").field("profile", "high").field("level", "3").build();
        assert!(video(&caps, 1).to_string().contains("profile-level-id=(string)64001e"), "{}", video(&caps, 1));
        assert!(sound(2).to_string().contains("sprop-stereo=(string)1"));
    }
}
