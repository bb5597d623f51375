//! One sample a second of each broadcast, for ten minutes.

use std::collections::{HashMap, VecDeque};
use std::fmt::Write as _;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::Serialize;
use utoipa::ToSchema;

use crate::broadcast::session::View;

/// Samples that are kept of a broadcast.
const KEPT: usize = 600;
/// Broadcasts that are kept; those that ended longest ago go first.
const BROADCASTS: usize = 64;

/// What was measured at one moment.
#[derive(Clone, Debug, Default, PartialEq)]
pub(in crate::broadcast) struct Sample {
    /// Unix milliseconds.
    pub(in crate::broadcast) at_ms: i64,
    fps: f64,
    distinct_fps: f64,
    video_kbps: f64,
    audio_level_db: f64,
    av_skew_ms: f64,
    /// Cores that the whole process uses.
    cpu_cores: f64,
    viewers: u64,
    targets: Vec<(String, u32)>,
}

impl Sample {
    /// What is seen now.
    pub(in crate::broadcast) fn of(view: &View, cpu_cores: f64, viewers: u64, at_ms: i64) -> Self {
        let program = &view.program;
        Self {
            at_ms,
            fps: program.fps,
            distinct_fps: program.distinct_fps,
            video_kbps: program.video_kbps,
            audio_level_db: program.audio_level_db,
            av_skew_ms: program.av_skew_ms,
            cpu_cores,
            viewers,
            targets: view.targets.iter().map(|target| (target.id.clone(), target.kbps)).collect(),
        }
    }
}

#[derive(Default)]
struct Ring {
    samples: VecDeque<Sample>,
    /// What targets are called, by id; those that are gone too, as they are in the samples.
    labels: HashMap<String, String>,
}

/// All that is kept.
#[derive(Default)]
pub(in crate::broadcast) struct Recorder(Mutex<HashMap<String, Ring>>);

/// The last ten minutes of a broadcast, one entry a second in each list.
#[derive(Debug, Default, Serialize, ToSchema)]
pub(crate) struct SamplesView {
    /// Unix milliseconds of each sample.
    pub(super) at_ms: Vec<i64>,
    /// Pictures encoded per second.
    pub(super) fps: Vec<f64>,
    /// Pictures per second that the source drew anew.
    pub(super) distinct_fps: Vec<f64>,
    /// Video bit rate in kbit/s.
    pub(super) video_kbps: Vec<f64>,
    /// Sound level in dB below full scale.
    pub(super) audio_level_db: Vec<f64>,
    /// How much later than its picture the sound goes out, in ms.
    pub(super) av_skew_ms: Vec<f64>,
    /// Cores that the whole process uses, with all its broadcasts.
    pub(super) cpu_cores: Vec<f64>,
    /// Who watches.
    pub(super) viewers: Vec<u64>,
    /// Each target that was fed in that time.
    pub(super) targets: Vec<TargetSamples>,
}

/// What went to a target.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TargetSamples {
    id: String,
    pub(super) label: String,
    /// kbit/s; null where it was no target.
    pub(super) kbps: Vec<Option<u32>>,
}

fn tenths(value: f64) -> f64 {
    (value * 10.0).round() / 10.0
}

impl Recorder {
    fn rings(&self) -> MutexGuard<'_, HashMap<String, Ring>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a sample in.
    pub(in crate::broadcast) fn add(&self, id: &str, view: &View, sample: Sample) {
        let mut rings = self.rings();
        if !rings.contains_key(id) && rings.len() >= BROADCASTS {
            let last = |ring: &Ring| ring.samples.back().map_or(0, |sample| sample.at_ms);
            let oldest = rings.iter().min_by_key(|(_, ring)| last(ring)).map(|(id, _)| id.clone());
            oldest.map(|oldest| rings.remove(&oldest));
        }
        let ring = rings.entry(id.to_owned()).or_default();
        for target in &view.targets {
            if !ring.labels.contains_key(&target.id) {
                ring.labels.insert(target.id.clone(), target.label.clone());
            }
        }
        if ring.samples.len() == KEPT {
            ring.samples.pop_front();
        }
        ring.samples.push_back(sample);
        let Ring { samples, labels } = ring;
        if labels.len() > view.targets.len() {
            labels.retain(|id, _| samples.iter().any(|sample| sample.targets.iter().any(|(other, _)| other == id)));
        }
    }

    /// What is kept of a broadcast since a moment.
    pub(in crate::broadcast) fn read(&self, id: &str, since_ms: i64) -> SamplesView {
        let rings = self.rings();
        let Some(ring) = rings.get(id) else { return SamplesView::default() };
        let samples: Vec<&Sample> = ring.samples.iter().filter(|sample| sample.at_ms > since_ms).collect();
        let numbers = |of: fn(&Sample) -> f64| samples.iter().map(|sample| tenths(of(sample))).collect();
        let mut targets: Vec<TargetSamples> = ring
            .labels
            .iter()
            .map(|(id, label)| {
                let of = |sample: &&Sample| sample.targets.iter().find(|(other, _)| other == id).map(|(_, kbps)| *kbps);
                TargetSamples { id: id.clone(), label: label.clone(), kbps: samples.iter().map(of).collect() }
            })
            .filter(|target| target.kbps.iter().any(Option::is_some))
            .collect();
        targets.sort_by(|one, other| one.id.cmp(&other.id));
        SamplesView {
            at_ms: samples.iter().map(|sample| sample.at_ms).collect(),
            fps: numbers(|sample| sample.fps),
            distinct_fps: numbers(|sample| sample.distinct_fps),
            video_kbps: numbers(|sample| sample.video_kbps),
            audio_level_db: numbers(|sample| sample.audio_level_db),
            av_skew_ms: numbers(|sample| sample.av_skew_ms),
            cpu_cores: samples.iter().map(|sample| (sample.cpu_cores * 100.0).round() / 100.0).collect(),
            viewers: samples.iter().map(|sample| sample.viewers).collect(),
            targets,
        }
    }
}

impl SamplesView {
    /// As a table for spreadsheets.
    pub(super) fn csv(&self) -> String {
        let mut text = "time,fps,distinct_fps,video_kbps,audio_level_db,av_skew_ms,cpu_cores,viewers".to_owned();
        for (index, _) in self.targets.iter().enumerate() {
            let _ = write!(text, ",target_{}_kbps", index + 1);
        }
        text.push('\n');
        for (row, at_ms) in self.at_ms.iter().enumerate() {
            let numbers = [&self.fps, &self.distinct_fps, &self.video_kbps, &self.audio_level_db, &self.av_skew_ms, &self.cpu_cores];
            text += &crate::moment::rfc3339(*at_ms);
            for numbers in numbers {
                let _ = write!(text, ",{}", numbers[row]);
            }
            let _ = write!(text, ",{}", self.viewers[row]);
            for target in &self.targets {
                text += &target.kbps[row].map_or_else(|| ",".to_owned(), |kbps| format!(",{kbps}"));
            }
            text.push('\n');
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::broadcast::session::{Standing, TargetView};
    use crate::broadcast::state::Phase;
    use crate::media::program::ProgramStats;

    fn view(targets: &[&str]) -> View {
        let target =
            |id: &&str| TargetView { kbps: 7, ..TargetView::unfed((*id).to_owned(), format!("label {id}"), "rtmp".into(), "live") };
        View {
            standing: Standing { phase: Phase::Live, step: None, paused: false, reason: None },
            program: ProgramStats { fps: 29.97, ..ProgramStats::default() },
            targets: targets.iter().map(target).collect(),
        }
    }

    fn add(recorder: &Recorder, id: &str, at_ms: i64, targets: &[&str]) {
        let view = view(targets);
        recorder.add(id, &view, Sample::of(&view, 0.5, 3, at_ms));
    }

    #[test]
    fn ten_minutes_are_kept_with_every_target_of_that_time() {
        let recorder = Recorder::default();
        for second in 0..700 {
            add(&recorder, "a", second * 1000, if second < 300 { &["x", "y"] } else { &["x"] });
        }
        let read = recorder.read("a", -1);
        assert_eq!((read.at_ms.len(), read.at_ms[0], read.fps[0], read.viewers[0]), (600, 100_000, 30.0, 3));
        let gone = &read.targets[1];
        assert_eq!((gone.label.as_str(), gone.kbps[0], gone.kbps[599]), ("label y", Some(7), None));
        let new = recorder.read("a", 690_000);
        assert_eq!((new.at_ms.len(), new.targets.len()), (9, 1));
        assert!(recorder.read("none", 0).at_ms.is_empty());
        let csv = read.csv();
        assert_eq!(csv.lines().count(), 601);
        assert!(csv.lines().nth(1).unwrap().ends_with(",30,0,0,0,0,0.5,3,7,7"), "{}", csv.lines().nth(1).unwrap());
        // Nobody remembers a target that has left the samples.
        for second in 700..1000 {
            add(&recorder, "a", second * 1000, &["x"]);
        }
        assert_eq!(recorder.rings()["a"].labels.len(), 1);
    }

    #[test]
    fn broadcasts_are_bounded_and_the_one_that_ended_first_goes() {
        let recorder = Recorder::default();
        for n in 0..100 {
            add(&recorder, &n.to_string(), n, &[]);
        }
        assert_eq!(recorder.rings().len(), BROADCASTS);
        assert!(recorder.read("0", -1).at_ms.is_empty() && recorder.read("99", -1).at_ms.len() == 1);
    }
}
