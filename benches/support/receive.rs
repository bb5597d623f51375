//! An RTMP receiver that counts what comes and keeps some pictures of it.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bluecast::media::strip;
use gstreamer as gst;
use gstreamer::prelude::*;
use gstreamer_app::{AppSink, AppSinkCallbacks};

/// Every so many pictures one is kept; a prime, so that it meets every place in a group of pictures.
const KEEP_EVERY: usize = 7;
/// And no more than this.
const KEPT: usize = 90;

#[derive(Default)]
struct Seen {
    bytes: usize,
    pictures: usize,
    kept: Vec<(u64, Vec<u8>)>,
    error: Option<String>,
}

/// What came since the last [`Receiver::forget`].
pub struct Received {
    pub bytes: usize,
    pub pictures: usize,
    /// Luma planes, each with the number that its strip shows.
    pub kept: Vec<(u64, Vec<u8>)>,
}

pub struct Receiver {
    pipeline: gst::Pipeline,
    seen: Arc<Mutex<Seen>>,
}

impl Receiver {
    /// Plays an address; whoever pushes to it may come later.
    pub fn play(url: &str) -> Self {
        gst::init().unwrap();
        let text = "rtmp2src name=from ! flvdemux name=demux \
                    demux.video ! queue name=coded max-size-time=0 ! h264parse ! avdec_h264 max-threads=1 ! video/x-raw,format=I420 \
                    ! appsink name=pictures sync=false async=false \
                    demux.audio ! queue max-size-time=0 ! fakesink sync=false async=false";
        let pipeline: gst::Pipeline = gst::parse::launch(text).expect("gstreamer1.0-libav is installed").downcast().unwrap();
        pipeline.by_name("from").unwrap().set_property("location", url);
        let seen = Arc::new(Mutex::new(Seen::default()));
        let count = Arc::clone(&seen);
        let pad = pipeline.by_name("coded").unwrap().static_pad("sink").unwrap();
        pad.add_probe(gst::PadProbeType::BUFFER, move |_, info| {
            if let Some(buffer) = info.buffer() {
                count.lock().unwrap().bytes += buffer.size();
            }
            gst::PadProbeReturn::Ok
        });
        let keep = Arc::clone(&seen);
        let pictures: AppSink = pipeline.by_name("pictures").unwrap().downcast().unwrap();
        let take = move |sink: &AppSink| {
            let sample = sink.pull_sample().map_err(|_| gst::FlowError::Eos)?;
            let mut seen = keep.lock().unwrap();
            seen.pictures += 1;
            if seen.pictures % KEEP_EVERY == 0 && seen.kept.len() < KEPT {
                seen.kept.extend(plane(&sample));
            }
            Ok(gst::FlowSuccess::Ok)
        };
        pictures.set_callbacks(AppSinkCallbacks::builder().new_sample(take).build());
        let error = Arc::clone(&seen);
        pipeline.bus().unwrap().set_sync_handler(move |_, message| {
            if let gst::MessageView::Error(said) = message.view() {
                error.lock().unwrap().error = Some(format!("{} {:?}", said.error(), said.debug()));
            }
            gst::BusSyncReply::Drop
        });
        pipeline.set_state(gst::State::Playing).unwrap();
        Self { pipeline, seen }
    }

    /// Waits until pictures come.
    pub fn wait(&self) {
        crate::support::wait::until_blocking("pictures", || {
            let seen = self.seen.lock().unwrap();
            assert!(seen.error.is_none(), "{:?}", seen.error);
            (seen.pictures > 10).then_some(())
        });
    }

    pub fn forget(&self) {
        *self.seen.lock().unwrap() = Seen::default();
    }

    /// What came, and forgets it.
    pub fn take(&self) -> Received {
        let seen = std::mem::take(&mut *self.seen.lock().unwrap());
        assert!(seen.error.is_none(), "{:?}", seen.error);
        Received { bytes: seen.bytes, pictures: seen.pictures, kept: seen.kept }
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        let _ = self.pipeline.set_state(gst::State::Null);
    }
}

impl Received {
    #[expect(clippy::cast_precision_loss, reason = "bytes of some seconds")]
    pub fn kbps(&self, time: Duration) -> f64 {
        self.bytes as f64 * 8.0 / 1000.0 / time.as_secs_f64()
    }
}

/// The luma plane of a picture, line by line without padding, and the number in its strip.
fn plane(sample: &gst::Sample) -> Option<(u64, Vec<u8>)> {
    let info = gstreamer_video::VideoInfo::from_caps(sample.caps()?).ok()?;
    let map = sample.buffer()?.map_readable().ok()?;
    let (width, height) = (info.width() as usize, info.height() as usize);
    let stride = usize::try_from(info.stride()[0]).ok()?;
    let number = strip::read(&map, stride, width, height)?;
    Some((number, map.chunks(stride).take(height).flat_map(|line| &line[..width]).copied().collect()))
}
