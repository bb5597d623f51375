//! A small encoder that publishes to a hub: a picture with the clock strip, a flash and a beep every second.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use bluecast::media::clock::MediaClock;
use bluecast::media::hub::Hub;
use bluecast::media::packet::{Packet, Track};
use bluecast::media::strip;
use gstreamer as gst;
use gstreamer::prelude::*;
use gstreamer_app::{AppSink, AppSinkCallbacks, AppSrc};

use crate::support::decode::unix_ms;

const FPS: u64 = 30;
/// The flash and the beep last so long at the beginning of every second.
const BEEP_MS: u64 = 100;
/// Key frames on request come no oftener.
const BETWEEN_KEYS: Duration = Duration::from_millis(500);

/// The running encoder.
pub struct Rig {
    pub hub: Hub,
    pub clock: MediaClock,
    /// Key frames made so far.
    pub keys: Arc<AtomicU64>,
    /// Bytes of pictures made so far.
    pub picture_bytes: Arc<AtomicU64>,
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
    pipelines: Vec<gst::Pipeline>,
}

impl Rig {
    /// A small picture, for tests about everything but cost.
    pub fn start() -> Self {
        Self::sized(480, 270, 60)
    }

    /// A picture of this size, with a key frame at least every `key_interval` frames.
    pub fn sized(width: usize, height: usize, key_interval: u32) -> Self {
        gst::init().unwrap();
        let (hub, clock) = (Hub::new(), MediaClock::new());
        let (keys, picture_bytes) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
        let video = pipeline(
            &clock,
            &format!(
                "appsrc name=in is-live=true format=time max-buffers=2 leaky-type=downstream \
                 caps=video/x-raw,format=I420,width={width},height={height},framerate={FPS}/1 \
                 ! x264enc tune=zerolatency speed-preset=superfast bframes=0 bitrate=2000 key-int-max={key_interval} name=encoder \
                 ! video/x-h264,profile=constrained-baseline ! h264parse config-interval=-1 \
                 ! video/x-h264,stream-format=byte-stream,alignment=au ! appsink name=out sync=false async=false"
            ),
        );
        publish(&video, &hub, Track::H264, Some((Arc::clone(&keys), Arc::clone(&picture_bytes))));
        let raw = "appsrc name=in is-live=true format=time max-buffers=50 \
                   caps=audio/x-raw,format=S16LE,layout=interleaved,rate=48000,channels=2,channel-mask=(bitmask)0x3";
        let aac = pipeline(&clock, &format!("{raw} ! voaacenc bitrate=128000 ! appsink name=out sync=false async=false"));
        publish(&aac, &hub, Track::Aac, None);
        let opus = pipeline(&clock, &format!("{raw} ! opusenc bitrate=128000 ! appsink name=out sync=false async=false"));
        publish(&opus, &hub, Track::Opus, None);

        let stop = Arc::new(AtomicBool::new(false));
        let painter = {
            let (stop, clock, hub) = (Arc::clone(&stop), clock.clone(), hub.clone());
            let (source, encoder) = (appsrc(&video), video.by_name("encoder").unwrap());
            std::thread::spawn(move || paint(&stop, &clock, &hub, &source, &encoder, width, height))
        };
        let player = {
            let (stop, clock, sources) = (Arc::clone(&stop), clock.clone(), [appsrc(&aac), appsrc(&opus)]);
            std::thread::spawn(move || play(&stop, &clock, &sources))
        };
        let pipelines = vec![video, aac, opus];
        for pipeline in &pipelines {
            pipeline.set_state(gst::State::Playing).unwrap();
        }
        Self { hub, clock, keys, picture_bytes, stop, threads: vec![painter, player], pipelines }
    }

    /// Key frames made so far.
    pub fn key_frames(&self) -> u64 {
        self.keys.load(Ordering::Relaxed)
    }

    /// Bytes of pictures made so far.
    pub fn bytes(&self) -> u64 {
        self.picture_bytes.load(Ordering::Relaxed)
    }
}

impl Drop for Rig {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
        for pipeline in &self.pipelines {
            let _ = pipeline.set_state(gst::State::Null);
        }
    }
}

fn pipeline(clock: &MediaClock, text: &str) -> gst::Pipeline {
    let pipeline: gst::Pipeline = gst::parse::launch(text).unwrap().downcast().unwrap();
    clock.rule(&pipeline);
    pipeline
}

fn appsrc(pipeline: &gst::Pipeline) -> AppSrc {
    pipeline.by_name("in").unwrap().downcast().unwrap()
}

fn publish(pipeline: &gst::Pipeline, hub: &Hub, track: Track, counts: Option<(Arc<AtomicU64>, Arc<AtomicU64>)>) {
    let sink: AppSink = pipeline.by_name("out").unwrap().downcast().unwrap();
    let hub = hub.clone();
    let new_sample = move |sink: &AppSink| {
        let sample = sink.pull_sample().map_err(|_| gst::FlowError::Eos)?;
        let mut buffer = sample.buffer_owned().unwrap();
        // x264enc counts from a thousand hours on; its segment says so.
        let running = sample.segment().unwrap().downcast_ref::<gst::ClockTime>().unwrap().to_running_time(buffer.pts());
        let stamped = buffer.make_mut();
        stamped.set_pts(running);
        stamped.set_dts(running);
        let key = track != Track::H264 || !buffer.flags().contains(gst::BufferFlags::DELTA_UNIT);
        if let Some((keys, bytes)) = &counts {
            keys.fetch_add(u64::from(key), Ordering::Relaxed);
            bytes.fetch_add(buffer.size() as u64, Ordering::Relaxed);
        }
        hub.publish(&Packet { track, key, caps: sample.caps_owned().unwrap(), buffer });
        Ok(gst::FlowSuccess::Ok)
    };
    sink.set_callbacks(AppSinkCallbacks::builder().new_sample(new_sample).build());
}

fn paint(stop: &AtomicBool, clock: &MediaClock, hub: &Hub, source: &AppSrc, encoder: &gst::Element, width: usize, height: usize) {
    let started = Instant::now();
    let mut last_key = started;
    for frame in 0.. {
        std::thread::sleep((started + Duration::from_micros(frame * 1_000_000 / FPS)).saturating_duration_since(Instant::now()));
        if stop.load(Ordering::Relaxed) {
            return;
        }
        if last_key.elapsed() >= BETWEEN_KEYS && hub.take_key_frame_request() {
            last_key = Instant::now();
            encoder.send_event(gstreamer_video::UpstreamForceKeyUnitEvent::builder().all_headers(true).build());
        }
        let stride = width.next_multiple_of(4);
        let info = gstreamer_video::VideoInfo::builder(
            gstreamer_video::VideoFormat::I420,
            u32::try_from(width).unwrap(),
            u32::try_from(height).unwrap(),
        );
        let mut buffer = gst::Buffer::with_size(info.build().unwrap().size()).unwrap();
        {
            let buffer = buffer.get_mut().unwrap();
            let now = unix_ms();
            buffer.set_pts(clock.now());
            let mut map = buffer.map_writable().unwrap();
            map.fill(128);
            let luma = &mut map[..stride * height];
            luma.fill(90);
            // A block that wanders, so that there is something to encode, and the flash at the bottom.
            let x = usize::try_from(frame * 7).unwrap() % (width - 64);
            for row in luma.chunks_mut(stride).skip(height / 2).take(height / 8) {
                for (offset, pixel) in row[x..x + 64].iter_mut().enumerate() {
                    *pixel = 60 + u8::try_from(offset * 2).unwrap();
                }
            }
            if now % 1000 < BEEP_MS {
                luma[stride * (height - height / 4)..].fill(235);
            }
            strip::paint(luma, stride, width, height, now);
        }
        let _ = source.push_buffer(buffer);
    }
}

fn play(stop: &AtomicBool, clock: &MediaClock, sources: &[AppSrc; 2]) {
    const BLOCK_MS: u64 = 10;
    let started = Instant::now();
    let (wall, running) = (unix_ms(), clock.now());
    for block in 0.. {
        // Sound is heard when its last sample is there.
        let due = started + Duration::from_millis((block + 1) * BLOCK_MS);
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        if stop.load(Ordering::Relaxed) {
            return;
        }
        let mut samples = Vec::with_capacity(1920);
        for sample in 0..BLOCK_MS * 48 {
            let at_us = wall * 1000 + block * BLOCK_MS * 1000 + sample * 1000 / 48;
            let beep = at_us / 1000 % 1000 < BEEP_MS;
            let phase = at_us % 1000;
            let value: i16 = match beep {
                true if phase < 500 => 20_000,
                true => -20_000,
                false => 0,
            };
            samples.extend(value.to_le_bytes());
            samples.extend(value.to_le_bytes());
        }
        let mut buffer = gst::Buffer::from_slice(samples);
        buffer.get_mut().unwrap().set_pts(running + gst::ClockTime::from_mseconds(block * BLOCK_MS));
        for source in sources {
            let _ = source.push_buffer(buffer.clone());
        }
    }
}
