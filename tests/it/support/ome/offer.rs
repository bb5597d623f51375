//! What OME offers to a viewer.

use std::fmt::Write as _;

use bluecast::media::packet::Track;
use str0m::RtcConfig;
use str0m::change::{SdpAnswer, SdpPendingOffer};
use str0m::format::{Codec, FormatParams};
use str0m::media::{Direction, Frequency, MediaKind, Mid, Pt};
use str0m::rtp::Extension;

use super::peer::{self, Peer};
use super::sdp::Transport;

pub(super) const VIDEO: u8 = 98;
const VIDEO_AGAIN: u8 = 99;
pub(super) const AUDIO: u8 = 110;

/// An offer that waits for its answer.
pub(super) struct Offered {
    pub(super) peer: Peer,
    pub(super) mids: Vec<(Track, Mid)>,
    pub(super) text: String,
    pending: SdpPendingOffer,
}

impl Offered {
    /// Takes the answer; `None` when it is none.
    pub(super) fn accept(mut self, answer: &str) -> Option<(Peer, Vec<(Track, Mid)>)> {
        // Addresses are learned from the viewer's checks; many are names that only it can resolve.
        let plain: String =
            answer.lines().filter(|line| !line.starts_with("a=candidate:")).flat_map(|line| [line.trim_end(), "\r\n"]).collect();
        let answer = SdpAnswer::from_sdp_string(&plain).ok()?;
        self.peer.rtc.sdp_api().accept_answer(self.pending, answer).ok()?;
        Some((self.peer, self.mids))
    }
}

fn config(again: bool) -> RtcConfig {
    let mut config = peer::config().clear_extension_map().set_extension(4, Extension::AbsoluteSendTime);
    let resend = again.then(|| Pt::from(VIDEO_AGAIN));
    let codecs = config.codec_config();
    codecs.add_h264(Pt::from(VIDEO), resend, true, 0x42_e01f);
    let format = FormatParams { min_p_time: Some(10), use_inband_fec: Some(true), ..FormatParams::default() };
    codecs.add_config(Pt::from(AUDIO), None, Codec::Opus, Frequency::FORTY_EIGHT_KHZ, Some(2), format);
    config.set_stats_interval(Some(std::time::Duration::from_secs(1)))
}

/// Makes an offer for these tracks; `again` is the publisher's `Rtx`.
pub(super) async fn make(address: std::net::IpAddr, tracks: &[Track], stereo: bool, again: bool) -> Option<Offered> {
    let mut peer = Peer::bind(address, config(again)).await;
    let mut changes = peer.rtc.sdp_api();
    let mut add = |track: &Track| {
        let kind = if *track == Track::H264 { MediaKind::Video } else { MediaKind::Audio };
        (*track, changes.add_media(kind, Direction::SendOnly, Some("ome".to_owned()), None, None))
    };
    let mids: Vec<(Track, Mid)> = tracks.iter().map(&mut add).collect();
    let (offer, pending) = changes.apply()?;
    let offer = offer.to_sdp_string();
    let text = write(&offer, &mids, &Transport::of(&mut peer.rtc), stereo, again);
    Some(Offered { peer, mids, text, pending })
}

/// OME's text, with the synchronization sources of `offer`.
fn write(offer: &str, mids: &[(Track, Mid)], transport: &Transport, stereo: bool, again: bool) -> String {
    let all = mids.iter().fold(String::new(), |all, (_, mid)| format!("{all} {mid}"));
    let Transport { ufrag, password, fingerprint } = transport;
    let mut text = format!(
        "v=0\r\no=OvenMediaEngine 101 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE{all}\r\na=group:LS{all}\r\n\
         a=msid-semantic:WMS ome\r\na=extmap-allow-mixed\r\na=fingerprint:{fingerprint}\r\na=ice-options:trickle\r\n\
         a=ice-ufrag:{ufrag}\r\na=ice-pwd:{password}\r\n"
    );
    for ((track, mid), section) in mids.iter().zip(offer.split("\r\nm=").skip(1)) {
        let video = *track == Track::H264;
        let (kind, numbers) = match (video, again) {
            (true, true) => ("video", "98 99"),
            (true, false) => ("video", "98"),
            _ => ("audio", "110"),
        };
        let _ = write!(
            text,
            "m={kind} 9 UDP/TLS/RTP/SAVPF {numbers}\r\nc=IN IP4 0.0.0.0\r\na=sendonly\r\na=mid:{mid}\r\na=setup:actpass\r\n\
             a=rtcp-mux\r\na=rtcp-rsize\r\na=msid:ome {kind}\r\n"
        );
        if video {
            text.push_str("a=extmap:1 urn:ietf:params:rtp-hdrext:framemarking\r\n");
        }
        text.push_str("a=extmap:4 http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time\r\n");
        if video {
            text.push_str("a=rtpmap:98 H264/90000\r\na=fmtp:98 packetization-mode=1;profile-level-id=42e01f;level-asymmetry-allowed=1\r\n");
            text.push_str("a=rtcp-fb:98 goog-remb\r\n");
        } else {
            let stereo = u8::from(stereo);
            let _ = write!(
                text,
                "a=rtpmap:110 OPUS/48000/2\r\na=fmtp:110 sprop-stereo={stereo};stereo={stereo};minptime=10;useinbandfec=1\r\n"
            );
        }
        if video && again {
            text.push_str("a=rtcp-fb:98 nack\r\na=rtpmap:99 rtx/90000\r\na=fmtp:99 apt=98\r\n");
        }
        for line in section.lines().filter(|line| line.starts_with("a=ssrc-group:") || line.contains(" cname:")) {
            let _ = write!(text, "{}\r\n", line.trim_end());
        }
    }
    text
}
