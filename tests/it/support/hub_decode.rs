//! Decodes what a program hands out, as a receiver would, and reads the clock in the picture and the beep in the sound.

use std::sync::{Arc, Mutex, PoisonError};

use bluecast::media::hub::{Hub, Subscription};
use bluecast::media::packet::Track;
use bluecast::media::program::Program;
use bluecast::media::strip;
use bluecast::moment::now_ms;
use gstreamer as gst;
use gstreamer::prelude::*;
use gstreamer_app::{AppSink, AppSinkCallbacks, AppSrc};

/// A decoded picture.
#[derive(Clone, Debug)]
pub struct Picture {
    pub pts_ms: i64,
    pub arrived_unix_ms: u64,
    pub width: usize,
    pub height: usize,
    /// What its strip shows; `None` on the slate.
    pub strip_ms: Option<u64>,
    /// Whether the test source's flash is on.
    pub flash: bool,
}

#[derive(Default)]
struct Seen {
    pictures: Vec<Picture>,
    /// (time stamp in ms, loud) for every millisecond of sound.
    sound: Vec<(i64, bool)>,
}

/// A receiver on a hub.
pub struct Decoded {
    seen: Arc<Mutex<Seen>>,
    pipelines: Vec<gst::Pipeline>,
    _subscription: Subscription,
}

impl Decoded {
    pub fn attach(program: &Program, tracks: &[Track]) -> Self {
        Self::attach_hub(program.hub(), tracks)
    }

    /// The same on any hub.
    pub fn attach_hub(hub: &Hub, tracks: &[Track]) -> Self {
        let seen = Arc::new(Mutex::new(Seen::default()));
        let mut inputs: Vec<(Track, AppSrc)> = Vec::new();
        let mut pipelines = Vec::new();
        for track in tracks {
            let decoder = match track {
                Track::H264 => "h264parse ! avdec_h264 max-threads=1 ! videoconvert ! video/x-raw,format=I420",
                Track::Opus => "opusdec ! audioconvert ! audio/x-raw,format=S16LE,channels=1,rate=48000",
                Track::Aac => "aacparse ! avdec_aac ! audioconvert ! audioresample ! audio/x-raw,format=S16LE,channels=1,rate=48000",
            };
            let text = format!("appsrc name=in format=time is-live=true ! {decoder} ! appsink name=out sync=false async=false");
            let pipeline = gst::parse::launch(&text).unwrap().downcast::<gst::Pipeline>().unwrap();
            let out = pipeline.by_name("out").unwrap().downcast::<AppSink>().unwrap();
            let (seen, video) = (Arc::clone(&seen), *track == Track::H264);
            let take = move |sink: &AppSink| {
                let sample = sink.pull_sample().map_err(|_| gst::FlowError::Eos)?;
                let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
                if video {
                    seen.pictures.push(read_picture(&sample));
                } else {
                    read_sound(&sample, &mut seen.sound);
                }
                Ok(gst::FlowSuccess::Ok)
            };
            out.set_callbacks(AppSinkCallbacks::builder().new_sample(take).build());
            inputs.push((*track, pipeline.by_name("in").unwrap().downcast::<AppSrc>().unwrap()));
            pipeline.set_state(gst::State::Playing).unwrap();
            pipelines.push(pipeline);
        }
        let begun = std::sync::atomic::AtomicBool::new(false);
        let subscription = hub.subscribe(tracks, move |packet| {
            use std::sync::atomic::Ordering::Relaxed;
            if packet.track == Track::H264 && packet.key {
                begun.store(true, Relaxed);
            }
            if packet.track == Track::H264 && !begun.load(Relaxed) {
                return;
            }
            if let Some((_, input)) = inputs.iter().find(|(track, _)| *track == packet.track) {
                if input.caps().as_ref() != Some(&packet.caps) {
                    input.set_caps(Some(&packet.caps));
                }
                // Refused only while the receiver goes down.
                let _ = input.push_buffer(packet.buffer.clone());
            }
        });
        Self { seen, pipelines, _subscription: subscription }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn pictures(&self) -> Vec<Picture> {
        self.lock().pictures.clone()
    }

    pub fn clear(&self) {
        *self.lock() = Seen::default();
    }

    /// Whether any sound, silence included, came.
    pub fn heard(&self) -> bool {
        !self.lock().sound.is_empty()
    }

    /// Where beeps begin, by time stamp in ms: loud after 300 ms of silence.
    pub fn beeps(&self) -> Vec<i64> {
        begins(&self.lock().sound)
    }

    /// How much later than its second each beep begins, in ms, by the time stamps: the second is where the pictures' own clock has it, so
    /// that the time between two pictures does not count.
    pub fn beep_after_flash_ms(&self) -> Vec<i64> {
        let pictures = self.pictures();
        let seconds = pictures.windows(2).filter(|pair| pair[1].flash && !pair[0].flash).filter_map(|pair| {
            let picture = &pair[1];
            let drawn_unix_ms = picture.arrived_unix_ms - strip::age_ms(picture.arrived_unix_ms, picture.strip_ms?);
            Some(picture.pts_ms - (drawn_unix_ms % 1000).cast_signed())
        });
        let beeps = self.beeps();
        seconds
            .filter_map(|second| beeps.iter().map(|beep| beep - second).filter(|offset| offset.abs() < 400).min_by_key(|o| o.abs()))
            .collect()
    }

    /// Whether every picture comes after the one before.
    pub fn in_order(&self) -> bool {
        self.lock().pictures.windows(2).all(|pair| pair[0].pts_ms < pair[1].pts_ms)
    }

    /// Errors and warnings of the decoders.
    pub fn errors(&self) -> usize {
        let types = [gst::MessageType::Error, gst::MessageType::Warning];
        self.pipelines.iter().map(|pipeline| std::iter::from_fn(|| pipeline.bus().unwrap().pop_filtered(&types)).count()).sum()
    }
}

impl Drop for Decoded {
    fn drop(&mut self) {
        for pipeline in &self.pipelines {
            let _ = pipeline.set_state(gst::State::Null);
        }
    }
}

fn begins(marks: &[(i64, bool)]) -> Vec<i64> {
    let mut begins = Vec::new();
    let mut quiet_since = None;
    for (at, on) in marks {
        if *on {
            if quiet_since.is_some_and(|since| at - since >= 300) {
                begins.push(*at);
            }
            quiet_since = None;
        } else {
            quiet_since = quiet_since.or(Some(*at));
        }
    }
    begins
}

fn read_picture(sample: &gst::Sample) -> Picture {
    let info = gstreamer_video::VideoInfo::from_caps(sample.caps().unwrap()).unwrap();
    let buffer = sample.buffer().unwrap();
    let (width, height, stride) = (info.width() as usize, info.height() as usize, usize::try_from(info.stride()[0]).unwrap());
    let map = buffer.map_readable().unwrap();
    // The middle of the test source's flash.
    let (x, y) = (width - width / 6, height - height / 6);
    Picture {
        pts_ms: buffer.pts().unwrap().mseconds().cast_signed(),
        arrived_unix_ms: now_ms().cast_unsigned(),
        width,
        height,
        strip_ms: strip::read(&map, stride, width, height),
        flash: map[y * stride + x] > 200,
    }
}

fn read_sound(sample: &gst::Sample, sound: &mut Vec<(i64, bool)>) {
    let buffer = sample.buffer().unwrap();
    let map = buffer.map_readable().unwrap();
    let start = buffer.pts().unwrap().mseconds().cast_signed();
    for (ms, chunk) in (0..).zip(map.chunks(96)) {
        let peak = chunk.chunks_exact(2).map(|s| i16::from_le_bytes([s[0], s[1]]).unsigned_abs()).max().unwrap_or(0);
        sound.push((start + ms, peak > 2000));
    }
}
