//! The samples as a drawing that needs no program to be looked at.

use std::fmt::Write;

use super::samples::SamplesView;

const WIDTH: f64 = 900.0;
const HEIGHT: f64 = 120.0;
const LEFT: f64 = 70.0;
const GAP: f64 = 46.0;

#[expect(clippy::cast_precision_loss, reason = "moments of ten minutes, and counts")]
pub(super) fn svg(samples: &SamplesView) -> String {
    let viewers: Vec<Option<f64>> = samples.viewers.iter().map(|viewers| Some(*viewers as f64)).collect();
    let some = |values: &[f64]| values.iter().copied().map(Some).collect::<Vec<_>>();
    let mut rows = vec![
        ("pictures a second".to_owned(), some(&samples.fps)),
        ("new pictures a second".to_owned(), some(&samples.distinct_fps)),
        ("video, kbit/s".to_owned(), some(&samples.video_kbps)),
        ("sound, dB".to_owned(), some(&samples.audio_level_db)),
        ("CPU of the process, cores".to_owned(), some(&samples.cpu_cores)),
        ("viewers".to_owned(), viewers),
    ];
    for target in &samples.targets {
        let kbps = target.kbps.iter().map(|kbps| kbps.map(f64::from)).collect();
        rows.push((format!("{}, kbit/s", target.label), kbps));
    }
    let height = (HEIGHT + GAP) * rows.len() as f64 + GAP;
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {} {height}\" font-family=\"sans-serif\" font-size=\"13\">\
         <rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>",
        WIDTH + LEFT + 20.0
    );
    let (first, last) = (samples.at_ms.first().copied().unwrap_or(0), samples.at_ms.last().copied().unwrap_or(0));
    let span = (last - first).max(1) as f64;
    for (index, (name, values)) in rows.iter().enumerate() {
        let top = GAP + (HEIGHT + GAP) * index as f64;
        let known = || values.iter().flatten().copied();
        let (low, high) = (known().fold(0.0, f64::min), known().fold(f64::MIN_POSITIVE, f64::max).max(1.0));
        let x = |at_ms: i64| LEFT + (at_ms - first) as f64 / span * WIDTH;
        let y = |value: f64| top + HEIGHT - (value - low) / (high - low) * HEIGHT;
        // Cannot fail on a text.
        let _ = write!(
            text,
            "<text x=\"{LEFT}\" y=\"{}\">{}</text><path d=\"M{LEFT} {top}v{HEIGHT}h{WIDTH}\" fill=\"none\" stroke=\"#aaa\"/>\
             <text x=\"{0}\" y=\"{}\" text-anchor=\"end\">{high:.0}</text><text x=\"{0}\" y=\"{}\" text-anchor=\"end\">{low:.0}</text>",
            top - 8.0,
            escaped(name),
            top + 10.0,
            top + HEIGHT,
        );
        let mut pen = 'M';
        let mut path = String::new();
        for (at_ms, value) in samples.at_ms.iter().zip(values) {
            match value {
                Some(value) => {
                    let _ = write!(path, "{pen}{:.1} {:.1}", x(*at_ms), y(*value));
                    pen = 'L';
                }
                None => pen = 'M',
            }
        }
        let _ = write!(text, "<path d=\"{path}\" fill=\"none\" stroke=\"#1b5ae0\" stroke-width=\"1.5\"/>");
    }
    let ends = |at_ms: i64| crate::moment::rfc3339(at_ms);
    let _ = write!(text, "<text x=\"{LEFT}\" y=\"{}\">{} to {}</text></svg>", height - 14.0, ends(first), ends(last));
    text
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
