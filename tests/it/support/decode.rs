//! Decodes streams and reads the clock in the picture and the beep in the sound.

use std::sync::{Arc, Mutex};
use std::time::{SystemTime, UNIX_EPOCH};

use bluecast::media::strip;
use gstreamer as gst;
use gstreamer::prelude::*;
use gstreamer_app::{AppSink, AppSinkCallbacks};

/// A decoded picture.
#[derive(Clone, Copy, Debug)]
pub struct Picture {
    /// Unix milliseconds when it was decoded.
    pub arrived_ms: u64,
    /// Its time stamp in the stream.
    pub pts_ms: u64,
    /// What its strip says, and how old that was on arrival.
    pub strip: Option<(u64, u64)>,
    /// Whether the lower right corner is white (the flash of a beep).
    pub flash: bool,
}

/// A decoded piece of sound.
#[derive(Clone, Copy, Debug)]
pub struct Sound {
    /// Unix milliseconds when it was decoded.
    pub arrived_ms: u64,
    /// Time stamp of its first sample.
    pub pts_ms: u64,
    /// Samples a channel.
    pub samples: usize,
    /// Loudest sample, 0 to 32768.
    pub peak: u16,
    /// Milliseconds from its first sample to the first one over a third of full scale.
    pub onset_ms: Option<u64>,
}

#[derive(Default)]
struct Seen {
    pictures: Vec<Picture>,
    sounds: Vec<Sound>,
    error: Option<String>,
}

/// A decoding pipeline and everything that came out of it.
pub struct Decoder {
    pipeline: gst::Pipeline,
    seen: Arc<Mutex<Seen>>,
}

/// Unix milliseconds.
pub fn unix_ms() -> u64 {
    u64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis()).unwrap()
}

impl Decoder {
    /// Plays an RTMP stream. It must be there already.
    pub fn rtmp(url: &str) -> Self {
        let decoder = Self::launch("rtmp2src name=from ! flvdemux name=demux", "identity", "aacparse ! avdec_aac");
        decoder.pipeline.by_name("from").unwrap().set_property("location", url);
        decoder.play()
    }

    /// Listens for an SRT caller. `opus` says which sound to expect.
    pub fn srt(port: u16, latency_ms: i32, passphrase: Option<&str>, opus: bool) -> Self {
        let audio = if opus { "opusparse ! opusdec" } else { "aacparse ! avdec_aac" };
        // A PES packet holds one whole picture, which the demuxer does not say; the parser would wait for the next one to be sure.
        let whole = "capssetter caps=video/x-h264,stream-format=byte-stream,alignment=au";
        let decoder = Self::launch("srtsrc name=from auto-reconnect=true keep-listening=true ! tsdemux name=demux", whole, audio);
        let from = decoder.pipeline.by_name("from").unwrap();
        from.set_property("uri", format!("srt://127.0.0.1:{port}?mode=listener"));
        from.set_property("latency", latency_ms);
        if let Some(passphrase) = passphrase {
            from.set_property("passphrase", passphrase);
        }
        decoder.play()
    }

    /// Any source of H.264 and coded sound, up to an element named `demux`. In which order that shows its pads is its own business.
    fn launch(source: &str, video: &str, audio: &str) -> Self {
        gst::init().unwrap();
        let coded = if audio.starts_with("opus") { "x-opus" } else { "mpeg" };
        let text = format!(
            "{source} \
             demux. ! video/x-h264 ! queue max-size-time=0 ! {video} ! h264parse ! avdec_h264 max-threads=1 ! videoconvert ! video/x-raw,format=I420 \
             ! appsink name=pictures sync=false async=false \
             demux. ! audio/{coded} ! queue max-size-time=0 ! {audio} ! audioconvert ! audio/x-raw,format=S16LE,layout=interleaved \
             ! appsink name=sounds sync=false async=false"
        );
        let pipeline: gst::Pipeline = gst::parse::launch(&text).expect("gstreamer1.0-libav is installed").downcast().unwrap();
        Self { pipeline, seen: Arc::default() }
    }

    fn play(self) -> Self {
        let sink = |name: &str| self.pipeline.by_name(name).unwrap().downcast::<AppSink>().unwrap();
        let seen = Arc::clone(&self.seen);
        let pictures = move |sink: &AppSink| {
            let sample = sink.pull_sample().map_err(|_| gst::FlowError::Eos)?;
            let arrived_ms = unix_ms();
            seen.lock().unwrap().pictures.push(read_picture(&sample, arrived_ms));
            Ok(gst::FlowSuccess::Ok)
        };
        sink("pictures").set_callbacks(AppSinkCallbacks::builder().new_sample(pictures).build());
        let seen = Arc::clone(&self.seen);
        let sounds = move |sink: &AppSink| {
            let sample = sink.pull_sample().map_err(|_| gst::FlowError::Eos)?;
            let arrived_ms = unix_ms();
            seen.lock().unwrap().sounds.push(read_sound(&sample, arrived_ms));
            Ok(gst::FlowSuccess::Ok)
        };
        sink("sounds").set_callbacks(AppSinkCallbacks::builder().new_sample(sounds).build());
        let (seen, pipeline) = (Arc::clone(&self.seen), self.pipeline.downgrade());
        self.pipeline.bus().unwrap().set_sync_handler(move |_, message| {
            match message.view() {
                gst::MessageView::Error(error) => seen.lock().unwrap().error = Some(format!("{} {:?}", error.error(), error.debug())),
                gst::MessageView::Latency(_) => {
                    if let Some(pipeline) = pipeline.upgrade() {
                        pipeline.call_async(|pipeline| drop(pipeline.recalculate_latency()));
                    }
                }
                _ => {}
            }
            gst::BusSyncReply::Drop
        });
        self.pipeline.set_state(gst::State::Playing).unwrap();
        self
    }

    /// All pictures so far.
    pub fn pictures(&self) -> Vec<Picture> {
        self.seen.lock().unwrap().pictures.clone()
    }

    /// All sound so far.
    pub fn sounds(&self) -> Vec<Sound> {
        self.seen.lock().unwrap().sounds.clone()
    }

    /// How many pictures there are.
    pub fn count(&self) -> usize {
        self.seen.lock().unwrap().pictures.len()
    }

    /// The pipeline's error, if it had one.
    pub fn error(&self) -> Option<String> {
        self.seen.lock().unwrap().error.clone()
    }

    /// Forgets what was seen.
    pub fn clear(&self) {
        *self.seen.lock().unwrap() = Seen::default();
    }
}

impl Drop for Decoder {
    fn drop(&mut self) {
        let _ = self.pipeline.set_state(gst::State::Null);
    }
}

/// Ages of the pictures at p50 and p95, in milliseconds.
pub fn ages(pictures: &[Picture]) -> (u64, u64) {
    let mut ages: Vec<u64> = pictures.iter().filter_map(|picture| picture.strip.map(|(_, age)| age)).collect();
    assert!(!ages.is_empty(), "no picture has a strip");
    ages.sort_unstable();
    (ages[ages.len() / 2], ages[ages.len() * 95 / 100])
}

/// The median age of the pictures in the best of their seconds at 30 a second, in milliseconds: a busy machine falls behind and catches up.
pub fn best_second(pictures: &[Picture]) -> u64 {
    pictures.chunks_exact(30).map(|second| ages(second).0).min().expect("a second of pictures")
}

/// How much later the beep is heard than its flash is seen, in stream time: the median over all beeps, in milliseconds.
pub fn sound_behind_picture_ms(pictures: &[Picture], sounds: &[Sound]) -> Option<i64> {
    // The second is where the pictures' own clock has it, so that the time between two pictures does not count.
    let flashes = pictures.windows(2).filter(|pair| !pair[0].flash && pair[1].flash).filter_map(|pair| {
        let (_, age_ms) = pair[1].strip?;
        pair[1].pts_ms.checked_sub((pair[1].arrived_ms - age_ms) % 1000)
    });
    let mut onsets = Vec::new();
    let mut quiet_since = 0;
    for sound in sounds {
        if let Some(onset) = sound.onset_ms {
            let at = sound.pts_ms + onset;
            if at > quiet_since + 300 {
                onsets.push(at);
            }
            quiet_since = sound.pts_ms + onset;
        }
    }
    let signed = |ms: u64| i64::try_from(ms).unwrap();
    let mut offsets: Vec<i64> = flashes
        .filter_map(|flash| onsets.iter().map(|onset| signed(*onset) - signed(flash)).min_by_key(|offset| offset.abs()))
        .filter(|offset| offset.abs() < 500)
        .collect();
    offsets.sort_unstable();
    offsets.get(offsets.len() / 2).copied()
}

fn read_picture(sample: &gst::Sample, arrived_ms: u64) -> Picture {
    let info = gstreamer_video::VideoInfo::from_caps(sample.caps().unwrap()).unwrap();
    let buffer = sample.buffer().unwrap();
    let map = buffer.map_readable().unwrap();
    let (width, height) = (info.width() as usize, info.height() as usize);
    let stride = usize::try_from(info.stride()[0]).unwrap();
    let shown = strip::read(&map, stride, width, height);
    let corner = map[(height - 8) * stride + width - 8];
    Picture {
        arrived_ms,
        pts_ms: buffer.pts().map_or(0, gst::ClockTime::mseconds),
        strip: shown.map(|shown| (shown, strip::age_ms(arrived_ms, shown))),
        flash: corner > 200,
    }
}

fn read_sound(sample: &gst::Sample, arrived_ms: u64) -> Sound {
    let structure = sample.caps().unwrap().structure(0).unwrap();
    let channels = usize::try_from(structure.get::<i32>("channels").unwrap()).unwrap();
    let rate = usize::try_from(structure.get::<i32>("rate").unwrap()).unwrap();
    let buffer = sample.buffer().unwrap();
    let map = buffer.map_readable().unwrap();
    let left: Vec<u16> = map.chunks_exact(2 * channels).map(|frame| i16::from_le_bytes([frame[0], frame[1]]).unsigned_abs()).collect();
    Sound {
        arrived_ms,
        pts_ms: buffer.pts().map_or(0, gst::ClockTime::mseconds),
        samples: left.len(),
        peak: left.iter().copied().max().unwrap_or(0),
        onset_ms: left.iter().position(|sample| *sample > 10_900).map(|at| (at * 1000 / rate) as u64),
    }
}
