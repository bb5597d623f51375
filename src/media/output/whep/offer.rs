//! A browser's offer and our answer.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use str0m::change::SdpOffer;
use str0m::crypto::from_feature_flags;
use str0m::format::Codec;
use str0m::media::{Mid, Pt};
use str0m::{Candidate, Output, Rtc, RtcConfig};

use super::WhepError;

/// Longest offer; a browser's has about 5 kB.
const LONGEST: usize = 32 * 1024;
/// Most `m=` lines.
const MOST_MEDIA: usize = 8;
/// Packets kept to be sent again: about two seconds.
const KEPT_VIDEO: usize = 1000;
const KEPT_AUDIO: usize = 100;
const STATISTICS_EVERY: Duration = Duration::from_secs(1);

/// Where one kind of media goes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Way {
    pub(super) mid: Mid,
    pub(super) pt: Pt,
}

/// A connection that has been agreed on and not yet made.
pub(super) struct Agreed {
    pub(super) rtc: Rtc,
    pub(super) answer: String,
    pub(super) video: Way,
    pub(super) audio: Option<Way>,
}

/// Answers an offer with the addresses at which this process is reached. Takes some milliseconds, for a key pair.
pub(super) fn answer(sdp: &str, addresses: &[SocketAddr]) -> Result<Agreed, WhepError> {
    if sdp.len() > LONGEST || sdp.matches("\nm=").count() > MOST_MEDIA {
        return Err(WhepError::BadOffer);
    }
    // We only answer checks (ICE lite), so the viewer's own addresses are nothing to us, and many are names that only it can resolve.
    let sdp: String = sdp.lines().filter(|line| !line.starts_with("a=candidate:")).flat_map(|line| [line.trim_end(), "\r\n"]).collect();
    let offer = SdpOffer::from_sdp_string(&sdp).map_err(|_| WhepError::BadOffer)?;
    let mut rtc = config().build(Instant::now());
    for address in addresses {
        let candidate = Candidate::host(*address, "udp").map_err(|_| WhepError::NoAddress)?;
        rtc.add_local_candidate(candidate);
    }
    let answer = rtc.sdp_api().accept_offer(offer).map_err(|_| WhepError::BadOffer)?;
    while !matches!(rtc.poll_output().map_err(|_| WhepError::BadOffer)?, Output::Timeout(_)) {}
    let answer = answer.to_sdp_string();
    let video = mids(&answer, "m=video ").find_map(|mid| way(&mut rtc, mid, h264_rank));
    let audio = mids(&answer, "m=audio ").find_map(|mid| way(&mut rtc, mid, opus_rank));
    let video = video.ok_or(WhepError::NoH264)?;
    let answer = with_stereo(&answer, audio);
    Ok(Agreed { rtc, answer, video, audio })
}

/// The names of the sections of one kind. The library tells them by events only once the connection is up.
fn mids<'a>(sdp: &'a str, kind: &'a str) -> impl Iterator<Item = Mid> + 'a {
    let sections = sdp.split("\r\nm=").skip(1);
    let of_kind = sections.filter(|section| kind.strip_prefix("m=").is_some_and(|kind| section.starts_with(kind)));
    of_kind.filter_map(|section| section.lines().find_map(|line| line.strip_prefix("a=mid:")).map(Mid::from))
}

fn config() -> RtcConfig {
    Rtc::builder()
        .set_crypto_provider(Arc::new(from_feature_flags()))
        .set_ice_lite(true)
        .set_stats_interval(Some(STATISTICS_EVERY))
        .set_send_buffer_video(KEPT_VIDEO)
        .set_send_buffer_audio(KEPT_AUDIO)
        .clear_codecs()
        .enable_opus(true, false)
        .enable_h264(true)
}

type Rank = fn(&str0m::format::PayloadParams) -> Option<u32>;

/// The payload type to send, of those both sides have: the one with the lowest rank.
fn way(rtc: &mut Rtc, mid: Mid, rank: Rank) -> Option<Way> {
    let writer = rtc.writer(mid)?;
    let best = writer.payload_params().filter_map(|params| Some((rank(params)?, params.pt()))).min_by_key(|(rank, _)| *rank)?;
    Some(Way { mid, pt: best.1 })
}

/// Packetization mode 1, as a key frame fills many packets. What we send is constrained baseline, or high for profiles that say so; every
/// browser decodes both whatever it agreed to, so any profile will do, constrained baseline first.
fn h264_rank(params: &str0m::format::PayloadParams) -> Option<u32> {
    let spec = params.spec();
    if spec.codec != Codec::H264 || spec.format.packetization_mode != Some(1) {
        return None;
    }
    Some(match spec.format.profile_level_id.unwrap_or(0x42_00_1f) >> 8 {
        0x42e0 | 0x42c0 => 0,
        0x4200 => 1,
        0x4d00 => 2,
        _ => 3,
    })
}

fn opus_rank(params: &str0m::format::PayloadParams) -> Option<u32> {
    (params.spec().codec == Codec::Opus).then_some(0)
}

/// Says that what we send is stereo; a browser decodes it as such only if told.
fn with_stereo(sdp: &str, audio: Option<Way>) -> String {
    let Some(Way { pt, .. }) = audio else { return sdp.to_owned() };
    let format = format!("a=fmtp:{pt} ");
    let with = |line: &str| {
        let plain = line.split([' ', ';']).all(|part| !part.starts_with("stereo=") && !part.starts_with("sprop-stereo="));
        let more = if line.starts_with(&format) && plain { ";stereo=1;sprop-stereo=1" } else { "" };
        format!("{}{more}\r\n", line.trim_end())
    };
    sdp.lines().map(with).collect()
}
