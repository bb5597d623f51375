//! Session descriptions in OME's hand.

use std::fmt::Write as _;
use std::net::SocketAddr;

use bluecast::media::packet::Track;
use str0m::format::{Codec, FormatParams};
use str0m::media::{Frequency, Pt};
use str0m::{Rtc, RtcConfig};

/// One payload type of an offer.
#[derive(Clone, Debug)]
pub(super) struct Payload {
    pub(super) number: u8,
    pub(super) codec: String,
    rate: u32,
    pub(super) channels: Option<String>,
    pub(super) format: String,
    feedback: Vec<String>,
}

/// One `m=` section of an offer.
#[derive(Clone, Debug)]
pub(super) struct Section {
    pub(super) video: bool,
    pub(super) mid: String,
    /// Those that OME understands, as offered.
    pub(super) payloads: Vec<Payload>,
    extensions: Vec<String>,
    passive: bool,
}

impl Section {
    /// What the payload in use, the first one, carries.
    pub(super) fn track(&self) -> Option<Track> {
        match self.payloads.first()?.codec.to_ascii_uppercase().as_str() {
            "H264" => Some(Track::H264),
            "OPUS" => Some(Track::Opus),
            _ => None,
        }
    }
}

/// Whether a payload's format says that it is stereo.
pub(super) fn is_stereo(payload: &Payload) -> bool {
    payload.format.split(';').map(str::trim).any(|part| part == "stereo=1" || part == "sprop-stereo=1")
}

const UNDERSTOOD: [&str; 4] = ["H264", "H265", "VP8", "OPUS"];
const EXTENSIONS: [&str; 4] = ["transport-wide-cc", "video:CompositionTime", "sdes:mid", "sdes:rtp-stream-id"];

/// Reads an offer; `None` when it is none.
pub(super) fn read(offer: &str) -> Option<Vec<Section>> {
    if !offer.starts_with("v=0") {
        return None;
    }
    let sections = offer.split("\nm=").skip(1).map(section).collect::<Option<Vec<_>>>()?;
    (!sections.is_empty()).then_some(sections)
}

fn section(text: &str) -> Option<Section> {
    let mut lines = text.lines().map(str::trim_end);
    let head = lines.next()?;
    let attributes: Vec<&str> = lines.filter_map(|line| line.strip_prefix("a=")).collect();
    let of = |name: &str, number: &str| -> Vec<&str> {
        let all = attributes.iter().filter_map(|line| line.strip_prefix(name)?.strip_prefix(':')?.split_once(' '));
        all.filter(|(key, _)| *key == number).map(|(_, value)| value).collect()
    };
    let payload = |number: &str| -> Option<Payload> {
        let mut words = of("rtpmap", number).first()?.split('/');
        let (codec, rate) = (words.next()?.to_owned(), words.next()?.parse().ok()?);
        let understood = UNDERSTOOD.iter().any(|name| codec.eq_ignore_ascii_case(name));
        understood.then(|| Payload {
            number: number.parse().unwrap_or(0),
            codec,
            rate,
            channels: words.next().map(str::to_owned),
            format: of("fmtp", number).first().copied().unwrap_or_default().to_owned(),
            feedback: of("rtcp-fb", number).into_iter().map(str::to_owned).collect(),
        })
    };
    Some(Section {
        video: head.starts_with("video"),
        mid: attributes.iter().find_map(|line| line.strip_prefix("mid:"))?.to_owned(),
        payloads: head.split(' ').skip(3).filter_map(payload).collect(),
        extensions: attributes
            .iter()
            .filter(|line| line.starts_with("extmap:") && EXTENSIONS.iter().any(|name| line.contains(name)))
            .map(ToString::to_string)
            .collect(),
        passive: attributes.contains(&"setup:passive"),
    })
}

/// The codecs of an offer, so that all of them can be agreed on.
pub(super) fn with_codecs(mut config: RtcConfig, sections: &[Section]) -> RtcConfig {
    for payload in sections.iter().flat_map(|section| &section.payloads) {
        let pt = Pt::from(payload.number);
        let number = |key: &str| {
            let value = payload.format.split(';').find_map(|part| part.trim().strip_prefix(key)?.strip_prefix('='));
            value.map(str::to_owned)
        };
        match payload.codec.to_ascii_uppercase().as_str() {
            "H264" => {
                let mode = number("packetization-mode").is_some_and(|mode| mode == "1");
                let profile = number("profile-level-id").and_then(|id| u32::from_str_radix(&id, 16).ok()).unwrap_or(0x42_e01f);
                config.codec_config().add_h264(pt, None, mode, profile);
            }
            "OPUS" => {
                let rate = Frequency::FORTY_EIGHT_KHZ;
                config.codec_config().add_config(pt, None, Codec::Opus, rate, Some(2), FormatParams::default());
            }
            _ => {}
        }
    }
    config
}

/// What of a description is about the connection.
pub(super) struct Transport {
    pub(super) ufrag: String,
    pub(super) password: String,
    pub(super) fingerprint: String,
}

impl Transport {
    pub(super) fn of(rtc: &mut Rtc) -> Self {
        let direct = rtc.direct_api();
        let credentials = direct.local_ice_credentials();
        Self { ufrag: credentials.ufrag, password: credentials.pass, fingerprint: direct.local_dtls_fingerprint().to_string() }
    }
}

/// A candidate as OME writes it, without `a=`.
pub(super) fn candidate(at: SocketAddr) -> String {
    format!("candidate:{} 1 UDP 50 {} {} typ host", 1_000_000_000 + u32::from(at.port()), at.ip(), at.port())
}

/// What OME answers to an offer; `None` for one that wants to be the passive side.
pub(super) fn answer(sections: &[Section], transport: &Transport, at: SocketAddr) -> Option<String> {
    let mids = sections.iter().fold(String::new(), |all, section| all + " " + &section.mid);
    let session = 100_000 + u32::from(at.port());
    let mut text =
        format!("v=0\r\no=OvenMediaEngine {session} 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE{mids}\r\na=group:LS{mids}\r\n");
    for section in sections {
        if section.passive {
            return None;
        }
        let kind = if section.video { "video" } else { "audio" };
        let numbers = section.payloads.iter().fold(String::new(), |all, payload| all + " " + &payload.number.to_string());
        let Transport { ufrag, password, fingerprint } = transport;
        let _ = write!(
            text,
            "m={kind} 9 UDP/TLS/RTP/SAVPF{numbers}\r\nc=IN IP4 0.0.0.0\r\na=recvonly\r\na=mid:{}\r\na=setup:passive\r\n\
             a=fingerprint:{fingerprint}\r\na=ice-ufrag:{ufrag}\r\na=ice-pwd:{password}\r\na={}\r\na=end-of-candidates\r\na=rtcp-mux\r\n",
            section.mid,
            candidate(at),
        );
        for extension in &section.extensions {
            let _ = write!(text, "a={extension}\r\n");
        }
        for Payload { number, codec, rate, channels, format, feedback } in &section.payloads {
            let channels = channels.as_ref().map(|channels| format!("/{channels}")).unwrap_or_default();
            let _ = write!(text, "a=rtpmap:{number} {codec}/{rate}{channels}\r\n");
            if !format.is_empty() {
                let _ = write!(text, "a=fmtp:{number} {format}\r\n");
            }
            for known in ["transport-cc", "ccm fir", "nack pli"] {
                if feedback.iter().any(|offered| offered == known) {
                    let _ = write!(text, "a=rtcp-fb:{number} {known}\r\n");
                }
            }
        }
    }
    Some(text)
}
