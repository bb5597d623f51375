//! The audio side of the latch: a steady sequence of samples out of whatever comes in. Pure: times come in, samples go out.

use std::collections::VecDeque;
use std::time::Duration;

/// Samples a second, per channel.
pub const RATE: u64 = 48_000;
/// Interleaved channels.
pub const CHANNELS: usize = 2;
/// How long a chunk waits for a source that is alive but late. Until then nothing is lost, only later.
const LATE_BY: Duration = Duration::from_millis(200);
/// How long a chunk waits where no sound has come for [`SILENT_AFTER`].
const PATIENCE: Duration = Duration::from_millis(40);
/// A source whose sound has stopped for this long is silent.
const SILENT_AFTER: Duration = Duration::from_millis(300);
/// Time stamps that stray by less are taken as jitter, and the samples as a continuous stream.
const JITTER_FRAMES: u64 = 960;
/// A smoothed error of the joined stream beyond this is worked off: 3 ms.
const SLIP_FRAMES: f64 = 144.0;
/// How fast, as one frame in so many: half a percent, which nobody hears.
const STRETCH: usize = 200;
/// No more than this is ever held: two seconds.
const HELD_FRAMES: usize = 96_000;

/// A chunk of sound for the encoders.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chunk {
    /// Running time of its first sample.
    pub at: Duration,
    /// Interleaved stereo frames, as many as the latch was made for.
    pub samples: Vec<i16>,
}

impl Chunk {
    /// How long it sounds.
    pub fn duration(&self) -> Duration {
        time((self.samples.len() / CHANNELS) as u64)
    }
}

/// Lays incoming samples out on the running time of the broadcast and gives them out chunk by chunk, as soon as a chunk is whole. What is
/// missing is silence; what comes too late or twice is dropped.
#[derive(Clone, Debug)]
pub struct AudioLatch {
    /// Frames (samples per channel) in a chunk.
    chunk: usize,
    /// Position (in frames of running time) of the next chunk.
    next: u64,
    /// Frames from `next` on.
    held: VecDeque<[i16; CHANNELS]>,
    last_fed: Option<Duration>,
    /// Position after the last frame that came in; what follows it joins it, unless silence has been given out meanwhile.
    fed_to: Option<u64>,
    /// Frames that every sample goes out later; earlier where negative.
    offset: i64,
    muted: bool,
    slip: f64,
}

impl AudioLatch {
    /// Starts at `now`, to give out chunks of `chunk_ms`. Every sample is moved `offset_ms` later (earlier where it is negative), so that it meets its picture.
    pub fn new(now: Duration, offset_ms: i64, chunk_ms: u32) -> Self {
        let chunk = chunk_ms as usize * 48;
        let offset = offset_ms.saturating_mul(RATE.cast_signed()) / 1000;
        Self { chunk, next: frames(now), held: VecDeque::new(), last_fed: None, fed_to: None, offset, muted: false, slip: 0.0 }
    }

    /// Silences what goes out, whatever comes in.
    pub fn mute(&mut self, muted: bool) {
        self.muted = muted;
    }

    /// Takes interleaved stereo samples whose first was heard at `at`.
    pub fn feed(&mut self, samples: &[i16], at: Duration, now: Duration) {
        self.last_fed = Some(now);
        let mut at = frames(at).saturating_add_signed(self.offset);
        let end = self.next + self.held.len() as u64;
        if self.fed_to == Some(end) && at.abs_diff(end) <= JITTER_FRAMES {
            #[expect(clippy::cast_precision_loss, reason = "at most JITTER_FRAMES")]
            let slip = (end.cast_signed() - at.cast_signed()) as f64;
            self.slip += (slip - self.slip) / 64.0;
            at = end;
        } else {
            self.slip = 0.0;
        }
        let wanted = self.stretched(samples.len() / CHANNELS);
        let mut incoming = stretch(samples, wanted);
        for _ in at..end {
            if incoming.next().is_none() {
                return;
            }
        }
        let gap = usize::try_from(at.saturating_sub(end)).unwrap_or(usize::MAX);
        if gap.saturating_add(self.held.len()) > HELD_FRAMES {
            return;
        }
        self.held.extend(std::iter::repeat_n([0; CHANNELS], gap));
        let room = HELD_FRAMES.saturating_sub(self.held.len());
        self.held.extend(incoming.take(room));
        self.fed_to = Some(self.next + self.held.len() as u64);
    }

    /// How many frames a piece of this length is played as, so that what joining pieces has added up to is worked off unheard.
    fn stretched(&self, length: usize) -> usize {
        let most = length / STRETCH;
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "at most JITTER_FRAMES")]
        let step = (self.slip.abs() as usize).min(most);
        match self.slip {
            late if late > SLIP_FRAMES => length - step,
            early if early < -SLIP_FRAMES => length + step,
            _ => length,
        }
    }

    /// The next chunk, if it is whole or nobody need wait for it any more.
    pub fn take(&mut self, now: Duration) -> Option<Chunk> {
        if self.held.len() < self.chunk && now < self.deadline(now) {
            return None;
        }
        let here = self.held.len().min(self.chunk);
        let mut samples = Vec::with_capacity(self.chunk * CHANNELS);
        samples.extend(self.held.drain(..here).flatten());
        samples.resize(self.chunk * CHANNELS, 0);
        if self.muted {
            samples.fill(0);
        }
        let at = time(self.next);
        self.next += self.chunk as u64;
        Some(Chunk { at, samples })
    }

    /// How much later than its time the sound is laid out, smoothed over a second: what joining jittery pieces has added up to, in ms.
    pub fn slip_ms(&self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "a small constant")]
        let frames_per_ms = RATE as f64 / 1000.0;
        self.slip / frames_per_ms
    }

    /// When [`AudioLatch::take`] gives a chunk even if nothing more comes.
    pub fn deadline(&self, now: Duration) -> Duration {
        let alive = self.last_fed.is_some_and(|fed| now.saturating_sub(fed) < SILENT_AFTER);
        time(self.next + self.chunk as u64) + if alive { LATE_BY } else { PATIENCE }
    }
}

/// The frames of a piece, as `wanted` frames that sound the same: between two frames by a straight line.
fn stretch(samples: &[i16], wanted: usize) -> impl Iterator<Item = [i16; CHANNELS]> {
    let here = samples.len() / CHANNELS;
    let frame = move |index: usize| [samples[index * CHANNELS], samples[index * CHANNELS + 1]];
    (0..wanted).map(move |index| {
        if wanted == here {
            return frame(index);
        }
        let (first, rest) = (index * (here - 1) / (wanted - 1), index * (here - 1) % (wanted - 1));
        let (left, right) = (frame(first), frame((first + 1).min(here - 1)));
        let between = |channel: usize| {
            let (from, to) = (i64::from(left[channel]), i64::from(right[channel]));
            let weight = i64::try_from(rest).unwrap_or(0);
            let whole = i64::try_from(wanted - 1).unwrap_or(1);
            i16::try_from(from + (to - from) * weight / whole).unwrap_or(0)
        };
        [between(0), between(1)]
    })
}

/// Level of a chunk in dB below full scale; -100 for silence.
pub fn level_db(samples: &[i16]) -> f64 {
    if samples.is_empty() {
        return -100.0;
    }
    let sum: f64 = samples.iter().map(|sample| f64::from(*sample).powi(2)).sum();
    #[expect(clippy::cast_precision_loss, reason = "a count of samples")]
    let mean = sum / samples.len() as f64;
    (10.0 * (mean / f64::from(i16::MAX).powi(2)).log10()).max(-100.0)
}

fn frames(time: Duration) -> u64 {
    u64::try_from(time.as_nanos() * u128::from(RATE) / 1_000_000_000).unwrap_or(u64::MAX)
}

fn time(frames: u64) -> Duration {
    Duration::from_nanos(u64::try_from(u128::from(frames) * 1_000_000_000 / u128::from(RATE)).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHUNK: usize = 960;
    use proptest::prelude::*;

    const fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    fn ten_ms(value: i16) -> Vec<i16> {
        vec![value; 480 * CHANNELS]
    }

    #[test]
    fn without_a_source_there_is_silence_in_time() {
        let mut latch = AudioLatch::new(ms(1000), 0, 20);
        assert_eq!(latch.take(ms(1059)), None);
        let chunk = latch.take(ms(1060)).unwrap();
        assert_eq!((chunk.at, chunk.samples.len()), (ms(1000), CHUNK * CHANNELS));
        assert!(chunk.samples.iter().all(|sample| *sample == 0));
    }

    #[test]
    fn sound_goes_out_as_soon_as_a_chunk_is_whole_and_where_it_belongs() {
        let mut latch = AudioLatch::new(ms(0), 0, 20);
        latch.feed(&ten_ms(7), ms(0), ms(10));
        assert_eq!(latch.take(ms(10)), None);
        latch.feed(&ten_ms(8), ms(10), ms(20));
        let chunk = latch.take(ms(20)).unwrap();
        assert_eq!((chunk.at, chunk.samples[0], chunk.samples[CHUNK * CHANNELS - 1]), (ms(0), 7, 8));
    }

    #[test]
    fn a_late_source_loses_nothing_within_its_patience() {
        let mut latch = AudioLatch::new(ms(0), 0, 20);
        latch.feed(&ten_ms(1), ms(0), ms(10));
        assert_eq!(latch.take(ms(150)), None);
        latch.feed(&ten_ms(2), ms(10), ms(160));
        assert_eq!(latch.take(ms(160)).unwrap().samples[CHUNK], 2);
    }

    #[test]
    fn a_gap_is_silence_and_the_rest_keeps_its_time() {
        let mut latch = AudioLatch::new(ms(0), 0, 20);
        latch.feed(&ten_ms(5), ms(0), ms(10));
        latch.feed(&ten_ms(6), ms(50), ms(60));
        let chunks: Vec<Chunk> = std::iter::from_fn(|| latch.take(ms(61))).collect();
        let all: Vec<i16> = chunks.iter().flat_map(|chunk| chunk.samples.iter().copied().step_by(CHANNELS)).collect();
        assert_eq!((all[0], all[479], all[480], all[2399], all[2400]), (5, 5, 0, 0, 6));
    }

    #[test]
    fn the_offset_moves_sound_later() {
        let mut latch = AudioLatch::new(ms(0), 20, 20);
        latch.feed(&ten_ms(9), ms(0), ms(10));
        latch.feed(&ten_ms(9), ms(10), ms(20));
        assert!(latch.take(ms(20)).unwrap().samples.iter().all(|sample| *sample == 0));
        assert!(latch.take(ms(20)).unwrap().samples.iter().all(|sample| *sample == 9));
    }

    #[test]
    fn a_negative_offset_moves_it_earlier() {
        let mut latch = AudioLatch::new(ms(1000), -20, 20);
        latch.feed(&ten_ms(1), ms(1010), ms(1020));
        latch.feed(&ten_ms(2), ms(1020), ms(1030));
        latch.feed(&ten_ms(3), ms(1030), ms(1040));
        let chunk = latch.take(ms(1040)).unwrap();
        assert_eq!((chunk.at, chunk.samples[0], chunk.samples[CHUNK * CHANNELS - 1]), (ms(1000), 2, 3));
    }

    /// Pieces of 10 ms whose stamps say that the stream, as it was joined, lies 15 ms beside its time.
    fn settles_from(error_frames: i64) -> f64 {
        let mut latch = AudioLatch::new(ms(0), 0, 20);
        latch.feed(&ten_ms(1), ms(10), ms(20));
        let mut silent = 0;
        for piece in 1..1000u64 {
            let at = time((480 + piece * 480).saturating_add_signed(error_frames));
            latch.feed(&ten_ms(1), at, ms(20 + piece * 10));
            silent += std::iter::from_fn(|| latch.take(ms(20 + piece * 10)))
                .flat_map(|chunk| chunk.samples)
                .filter(|sample| *sample == 0)
                .count();
        }
        assert_eq!(silent, 480 * CHANNELS, "only what lay before the first piece");
        latch.slip_ms()
    }

    #[test]
    fn what_joining_adds_up_to_is_worked_off() {
        for error_frames in [720, -720] {
            let slip_ms = settles_from(error_frames);
            assert!(slip_ms.abs() < 3.5, "{error_frames} frames: {slip_ms} ms");
        }
    }

    #[test]
    fn a_stretched_piece_keeps_its_ends_and_its_shape() {
        let ramp: Vec<i16> = (0..480).flat_map(|index| [index, -index]).collect();
        for wanted in [478, 480, 482] {
            let out: Vec<[i16; CHANNELS]> = stretch(&ramp, wanted).collect();
            assert_eq!((out.len(), out[0], out[wanted - 1]), (wanted, [0, 0], [479, -479]));
            assert!(out.windows(2).all(|pair| (0..=2).contains(&(pair[1][0] - pair[0][0]))));
        }
        assert_eq!(stretch(&[], 0).count(), 0);
        assert_eq!(stretch(&[5, 6], 1).collect::<Vec<_>>(), [[5, 6]]);
    }

    #[test]
    fn levels() {
        assert!((level_db(&[i16::MAX; 100])).abs() < 0.1);
        assert!(level_db(&[0; 100]) <= -100.0);
        assert!((level_db(&[3277; 100]) + 20.0).abs() < 0.1);
    }

    proptest! {
        #[test]
        fn whatever_comes_time_goes_on_and_memory_is_bounded(
            feeds in prop::collection::vec((0u64..4000, 0usize..4000, 0u64..400), 0..100), offset_ms in -300i64..300,
            chunk_ms in prop::sample::select(vec![10u32, 20])
        ) {
            let mut latch = AudioLatch::new(ms(500), offset_ms, chunk_ms);
            let frames = chunk_ms as usize * 48;
            let (mut now, mut out) = (500, 0u64);
            for (at, length, step) in feeds {
                now += step;
                latch.feed(&vec![3; length], ms(at), ms(now));
                prop_assert!(latch.held.len() <= HELD_FRAMES);
                while let Some(chunk) = latch.take(ms(now)) {
                    prop_assert_eq!(chunk.at, ms(500) + time(out * frames as u64));
                    prop_assert_eq!(chunk.duration(), ms(chunk_ms.into()));
                    out += 1;
                }
                prop_assert!(latch.deadline(ms(now)) > ms(now));
            }
        }
    }
}
