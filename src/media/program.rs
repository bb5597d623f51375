//! The always-running encoder of a broadcast. It takes the source's newest picture, or the slate, and never stops while the broadcast is on
//! the air, so that no receiver ever loses it.

mod key_frames;
mod sound;
mod stats;
mod video;

use std::sync::Arc;

use gstreamer as gst;

pub use stats::ProgramStats;

use super::clock::MediaClock;
use super::error::MediaError;
use super::hub::Hub;
use super::profile::Profile;
use super::source::ProgramInput;

/// What a program is made of.
#[derive(Clone, Debug)]
pub struct ProgramSpec {
    /// The numbers.
    pub profile: Profile,
    /// The picture for when there is none: I420 of the profile's size.
    pub slate: gst::Buffer,
    /// Whether to take rumble and hiss from the sound (`pipelines/encoder/voice.launch`).
    pub voice_filter: bool,
    /// How much later than captured sound goes out, so that it meets its picture, in ms; earlier where negative.
    pub sound_offset_ms: i64,
}

/// A running program. Dropping it stops it.
pub struct Program {
    clock: MediaClock,
    hub: Hub,
    profile: Profile,
    video: Arc<video::Video>,
    sound: Arc<sound::Sound>,
    stats: Arc<stats::Meter>,
    threads: Vec<std::thread::JoinHandle<()>>,
}

impl Program {
    /// Starts encoding: the slate and silence, until a source delivers.
    ///
    /// # Errors
    /// When an encoder is missing or refuses its settings.
    pub fn start(spec: ProgramSpec, clock: MediaClock) -> Result<Self, MediaError> {
        let hub = Hub::new();
        let stats = Arc::new(stats::Meter::default());
        let video = Arc::new(video::Video::new(&spec, clock.clone(), hub.clone(), Arc::clone(&stats))?);
        let sound = Arc::new(sound::Sound::new(&spec, clock.clone(), hub.clone(), Arc::clone(&stats)));
        let waker = Arc::downgrade(&sound);
        hub.on_change(move || {
            if let Some(sound) = waker.upgrade() {
                sound.wake();
            }
        });
        let mut program = Self { clock, hub, profile: spec.profile, video, sound, stats, threads: Vec::new() };
        let (video, sound) = (Arc::clone(&program.video), Arc::clone(&program.sound));
        program.spawn("program-video", move || video.run())?;
        program.spawn("program-sound", move || sound.run())?;
        Ok(program)
    }

    fn spawn(&mut self, name: &str, run: impl FnOnce() + Send + 'static) -> Result<(), MediaError> {
        let thread = std::thread::Builder::new()
            .name(name.to_owned())
            .spawn(run)
            .map_err(|error| MediaError::ours("no_thread", format!("No thread could be started: {error}.")))?;
        self.threads.push(thread);
        Ok(())
    }

    /// Where outputs get the encoded program.
    pub fn hub(&self) -> &Hub {
        &self.hub
    }

    /// The clock of everything in this broadcast.
    pub fn clock(&self) -> &MediaClock {
        &self.clock
    }

    /// Where a source delivers.
    pub fn input(&self) -> Arc<dyn ProgramInput> {
        Arc::new(Input { video: Arc::clone(&self.video), sound: Arc::clone(&self.sound), stats: Arc::clone(&self.stats) })
    }

    /// The source is gone: the slate at once.
    pub fn source_lost(&self) {
        self.video.source_lost();
    }

    /// Slate and silence, or back to what the source shows.
    pub fn pause(&self, paused: bool) {
        self.video.pause(paused);
        self.sound.mute(paused);
    }

    /// Another slate.
    pub fn set_slate(&self, slate: gst::Buffer) {
        self.video.set_slate(slate);
    }

    /// Whether the source's picture is going out, and not the slate.
    pub fn shows_source(&self) -> bool {
        self.video.shows_source()
    }

    /// Whether the source delivers, be it shown or, in a pause, not.
    pub fn source_alive(&self) -> bool {
        self.video.source_alive()
    }

    /// The picture that is going out: I420 of [`Program::profile`]'s size.
    pub fn picture(&self) -> gst::Buffer {
        self.video.current()
    }

    /// The numbers.
    pub fn profile(&self) -> &Profile {
        &self.profile
    }

    /// What went out during the last second.
    pub fn stats(&self) -> ProgramStats {
        self.stats.read(self.clock.now().into())
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        self.video.stop();
        self.sound.stop();
        for thread in self.threads.drain(..) {
            drop(thread.join());
        }
    }
}

struct Input {
    video: Arc<video::Video>,
    sound: Arc<sound::Sound>,
    stats: Arc<stats::Meter>,
}

impl ProgramInput for Input {
    fn picture(&self, picture: gst::Buffer, at: gst::ClockTime) {
        self.stats.captured(at.into());
        self.video.picture(picture, at.into());
    }

    fn unchanged(&self, at: gst::ClockTime) {
        self.video.unchanged(at.into());
    }

    fn sound(&self, samples: &[i16], at: gst::ClockTime) {
        self.sound.feed(samples, at.into());
    }
}
