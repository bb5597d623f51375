//! One WebRTC connection by `webrtcbin`: built, offered, answered.

use std::net::IpAddr;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use gstreamer as gst;
use gstreamer::glib;
use gstreamer::prelude::*;
use gstreamer_sdp::SDPMessage;
use gstreamer_video::{ForceKeyUnitEvent, UpstreamForceKeyUnitEvent};
use gstreamer_webrtc::{
    WebRTCICEGatheringState, WebRTCRTPTransceiver, WebRTCRTPTransceiverDirection, WebRTCSDPType, WebRTCSessionDescription,
};

use super::gauge::Gauge;
use super::{WhipSettings, offer};
use crate::media::clock::MediaClock;
use crate::media::error::MediaError;
use crate::media::hub::Hub;
use crate::media::output::link::Link;
use crate::media::output::reason;
use crate::media::output::target::TargetUrl;
use crate::media::pipeline::{Fill, Line};

/// How long `webrtcbin` may think about a description: milliseconds, but for a machine that is overloaded.
const THINK: Duration = Duration::from_secs(8);
/// How long addresses are looked for: host addresses are there at once, those of STUN and TURN take a round trip or two.
const GATHER: Duration = Duration::from_secs(4);
const LOOK_EVERY: Duration = Duration::from_millis(5);
/// How often a wait for it asks whether it is still wanted.
const THINK_AGAIN: Duration = Duration::from_millis(50);
/// RTCP's shortest interval. `OvenMediaEngine` waits for sender reports before it passes anything on, up to 5 s; RTCP's own rule would
/// send them every 5 s.
const REPORT_EVERY: gst::ClockTime = gst::ClockTime::from_mseconds(500);

/// The WebRTC side of a [`Link`].
pub(in crate::media::output) struct Peer {
    webrtc: gst::Element,
}

/// A pipeline with a peer in it, not started. `own`: the addresses to offer, none for all; `h264`: the caps of the program's video.
pub(in crate::media::output) fn build(
    settings: &WhipSettings,
    own: &[IpAddr],
    h264: &gst::Caps,
    clock: &MediaClock,
    hub: &Hub,
) -> Result<(Link, Peer), MediaError> {
    let line = Line::parse("output/whip", &Fill::default(), clock)?;
    let webrtc = line.element("target")?;
    let ssrc = getrandom::u32().unwrap_or(0x1234_5678) | 1;
    let lines = [("video", offer::video(h264, ssrc), ssrc), ("audio", offer::sound(ssrc ^ 0x8000_0000), ssrc ^ 0x8000_0000)];
    for (pad, (payloader, caps, ssrc)) in webrtc.sink_pads().iter().zip(lines) {
        line.element(payloader)?.set_property("ssrc", ssrc);
        let transceiver = pad.property::<WebRTCRTPTransceiver>("transceiver");
        transceiver.set_direction(WebRTCRTPTransceiverDirection::Sendonly);
        transceiver.set_codec_preferences(Some(&caps));
    }
    addresses(&webrtc, settings, own);
    if let Some(rtp) = webrtc.downcast_ref::<gst::Bin>().and_then(|bin| bin.by_name("rtpbin")) {
        // Both tracks' reports then tell of the moment of capture, which both time stamps are counted from.
        rtp.set_property("rtcp-sync-send-time", false);
    }
    pass_key_frame_requests(&line, hub)?;
    let gauge = Gauge::new(&webrtc);
    Ok((Link::new(line, webrtc.clone(), Box::new(move |_| gauge.read()))?, Peer { webrtc }))
}

/// Which addresses of ours may be used, and who helps to find more.
fn addresses(webrtc: &gst::Element, settings: &WhipSettings, own: &[IpAddr]) {
    let ice = webrtc.property::<glib::Object>("ice-agent");
    // libnice's own agent is behind a property since 1.18; without it there are a few sockets more.
    if ice.find_property("agent").is_some() {
        let agent = ice.property::<glib::Object>("agent");
        for (name, value) in [("ice-tcp", false), ("upnp", false), ("keepalive-conncheck", true)] {
            if agent.find_property(name).is_some() {
                agent.set_property(name, value);
            }
        }
    }
    for address in own {
        let _ = ice.emit_by_name::<bool>("add-local-ip-address", &[&address.to_string()]);
    }
    for server in settings.ice_servers.iter() {
        let uri = server.reveal();
        if uri.starts_with("stun") {
            webrtc.set_property("stun-server", uri);
        } else {
            let _ = webrtc.emit_by_name::<bool>("add-turn-server", &[&uri]);
        }
    }
}

/// A receiver that lost a picture (PLI) is served at once. FIR is `OvenMediaEngine`'s habit, every 3 s and from every session: it is served
/// unless a key frame went out just before. The hub merges what comes together.
fn pass_key_frame_requests(line: &Line, hub: &Hub) -> Result<(), MediaError> {
    let Some(pad) = line.appsrc("h264")?.static_pad("src") else { return Ok(()) };
    let hub = hub.clone();
    let last_key = std::sync::Arc::new(std::sync::Mutex::new(None::<Instant>));
    let seen = std::sync::Arc::clone(&last_key);
    pad.add_probe(gst::PadProbeType::BUFFER, move |_, info| {
        if let Some(gst::PadProbeData::Buffer(buffer)) = &info.data
            && !buffer.flags().contains(gst::BufferFlags::DELTA_UNIT)
        {
            *seen.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = Some(Instant::now());
        }
        gst::PadProbeReturn::Ok
    });
    pad.add_probe(gst::PadProbeType::EVENT_UPSTREAM, move |_, info| {
        if let Some(gst::PadProbeData::Event(event)) = &info.data
            && ForceKeyUnitEvent::is(event)
        {
            let routine = UpstreamForceKeyUnitEvent::parse(event).is_ok_and(|request| request.all_headers);
            let last_key = *last_key.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            if !routine || last_key.is_none_or(|last| last.elapsed() >= FRESH) {
                hub.request_key_frame();
            }
        }
        gst::PadProbeReturn::Ok
    });
    Ok(())
}

/// A key frame this young answers a FIR.
const FRESH: Duration = Duration::from_secs(1);

impl Peer {
    /// The offer, with every address that was found. Blocks for seconds at most.
    pub(in crate::media::output) fn offer(&self, stop: &dyn Fn() -> bool) -> Result<String, MediaError> {
        let reply = self.ask("create-offer", &[&None::<gst::Structure>], stop)?;
        let offer = reply.and_then(|reply| reply.get::<WebRTCSessionDescription>("offer").ok()).ok_or_else(|| broken("makes no offer"))?;
        self.ask("set-local-description", &[&offer], stop)?;
        let deadline = Instant::now() + GATHER;
        let gathered = || self.webrtc.property::<WebRTCICEGatheringState>("ice-gathering-state") == WebRTCICEGatheringState::Complete;
        while !gathered() && Instant::now() < deadline && !stop() {
            std::thread::sleep(LOOK_EVERY);
        }
        let local = self.webrtc.property::<Option<WebRTCSessionDescription>>("local-description");
        let text = local.and_then(|local| local.sdp().as_text().ok()).ok_or_else(|| broken("loses its offer"))?;
        if offer::candidates(&text) == 0 {
            return Err(MediaError::ours("no_address", "No network address of this machine could be offered to the WHIP server."));
        }
        Ok(text)
    }

    /// Takes the server's answer; the connection comes up by itself.
    pub(in crate::media::output) fn take(&self, target: &TargetUrl, answer: SDPMessage, stop: &dyn Fn() -> bool) -> Result<(), MediaError> {
        let answer = WebRTCSessionDescription::new(WebRTCSDPType::Answer, answer);
        let reply = self.ask("set-remote-description", &[&answer], stop)?;
        if reply.is_some_and(|reply| reply.has_field("error")) {
            return Err(reason::bad_answer(target));
        }
        if let Some(session) = rtp_session(&self.webrtc) {
            session.set_property("rtcp-min-interval", REPORT_EVERY.nseconds());
        }
        Ok(())
    }

    /// Calls one of `webrtcbin`'s signals that end in a promise, and waits for it.
    fn ask(&self, signal: &str, values: &[&dyn ToValue], stop: &dyn Fn() -> bool) -> Result<Option<gst::Structure>, MediaError> {
        let (done, wait) = mpsc::sync_channel(1);
        let promise = gst::Promise::with_change_func(move |reply| {
            let reply = reply.map(|reply| reply.map(ToOwned::to_owned));
            let _ = done.send(reply);
        });
        let mut values = values.to_vec();
        values.push(&promise);
        self.webrtc.emit_by_name::<()>(signal, &values);
        let deadline = Instant::now() + THINK;
        while Instant::now() < deadline && !stop() {
            match wait.recv_timeout(THINK_AGAIN) {
                Ok(Ok(reply)) => return Ok(reply),
                Err(mpsc::RecvTimeoutError::Timeout) => {}
                Ok(Err(_)) | Err(mpsc::RecvTimeoutError::Disconnected) => break,
            }
        }
        Err(broken("does not answer"))
    }
}

/// The one RTP session of the bundle, behind `webrtcbin`'s back.
pub(super) fn rtp_session(webrtc: &gst::Element) -> Option<glib::Object> {
    let rtp = webrtc.downcast_ref::<gst::Bin>()?.by_name("rtpbin")?;
    rtp.emit_by_name::<Option<glib::Object>>("get-internal-session", &[&0u32])
}

fn broken(what: &str) -> MediaError {
    MediaError::ours("webrtc", format!("GStreamer's webrtcbin {what}."))
}
