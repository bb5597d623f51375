//! SRT listeners.

use std::net::UdpSocket;
use std::sync::{Arc, Mutex};

use gstreamer as gst;
use gstreamer::prelude::*;

/// A UDP port that was free a moment ago.
pub fn free_udp_port() -> u16 {
    UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// A listener that looks at streamids and swallows the rest.
pub struct Listener {
    /// Where it listens.
    pub port: u16,
    pipeline: gst::Pipeline,
    streamids: Arc<Mutex<Vec<String>>>,
}

impl Listener {
    /// Takes every caller, or only the one with this streamid.
    pub fn start(wanted: Option<&'static str>) -> Self {
        gst::init().unwrap();
        let text = "srtsrc name=from authentication=true keep-listening=true ! fakesink sync=false async=false";
        let pipeline: gst::Pipeline = gst::parse::launch(text).unwrap().downcast().unwrap();
        let port = free_udp_port();
        let from = pipeline.by_name("from").unwrap();
        from.set_property("uri", format!("srt://127.0.0.1:{port}?mode=listener"));
        let streamids: Arc<Mutex<Vec<String>>> = Arc::default();
        let seen = Arc::clone(&streamids);
        from.connect("caller-connecting", false, move |values| {
            let streamid: String = values[2].get::<Option<String>>().unwrap().unwrap_or_default();
            let good = wanted.is_none_or(|wanted| streamid == wanted);
            seen.lock().unwrap().push(streamid);
            Some(good.to_value())
        });
        pipeline.set_state(gst::State::Playing).unwrap();
        Self { port, pipeline, streamids }
    }

    /// The streamids that came, in order.
    pub fn streamids(&self) -> Vec<String> {
        self.streamids.lock().unwrap().clone()
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        let _ = self.pipeline.set_state(gst::State::Null);
    }
}
