//! GStreamer: its version, and every element that the pipelines name.

use std::collections::BTreeMap;

use gstreamer as gst;

use super::Check;

/// The oldest GStreamer that the pipelines are written for.
const OLDEST: (u32, u32) = (1, 22);

/// Debian packages and the elements we need of each.
const ELEMENTS: &[(&str, &[&str])] = &[
    ("libgstreamer1.0-0", &["fakesink", "identity", "queue"]),
    (
        "gstreamer1.0-plugins-base",
        &[
            "appsink",
            "appsrc",
            "audioconvert",
            "audioresample",
            "audiotestsrc",
            "decodebin",
            "opusenc",
            "videoconvert",
            "videoscale",
            "videotestsrc",
        ],
    ),
    (
        "gstreamer1.0-plugins-good",
        &["aacparse", "audiocheblimit", "flvmux", "jpegenc", "pngdec", "pngenc", "rtpbin", "rtph264pay", "rtpopuspay"],
    ),
    (
        "gstreamer1.0-plugins-bad",
        &["dtlsenc", "h264parse", "mpegtsmux", "rsvgdec", "rtmp2sink", "srtpenc", "srtsink", "voaacenc", "webrtcbin"],
    ),
    ("gstreamer1.0-nice", &["nicesink", "nicesrc"]),
    ("gstreamer1.0-plugins-ugly", &["x264enc"]),
    ("gstreamer1.0-pulseaudio", &["pulsesrc"]),
];

pub(super) fn checks() -> Vec<Check> {
    if let Err(error) = gst::init() {
        return vec![Check::fail("gstreamer", format!("GStreamer does not start: {error}"), install(&["libgstreamer1.0-0"]))];
    }
    vec![version(), elements(&|name| gst::ElementFactory::find(name).is_some())]
}

fn version() -> Check {
    let (major, minor, micro, _) = gst::version();
    let found = format!("GStreamer {major}.{minor}.{micro}");
    if (major, minor) >= OLDEST {
        return Check::ok("gstreamer", found);
    }
    let detail = format!("{found} is too old, {}.{} is needed", OLDEST.0, OLDEST.1);
    Check::fail("gstreamer", detail, "use Debian 12 or newer")
}

/// Looks for every element; `has` tells whether one is there.
fn elements(has: &dyn Fn(&str) -> bool) -> Check {
    let mut missing: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (package, elements) in ELEMENTS {
        for element in elements.iter().filter(|element| !has(element)) {
            missing.entry(package).or_default().push(element);
        }
    }
    if missing.is_empty() {
        return Check::ok(
            "elements",
            format!("all {} elements are there", ELEMENTS.iter().map(|(_, elements)| elements.len()).sum::<usize>()),
        );
    }
    let names: Vec<&str> = missing.values().flatten().copied().collect();
    let packages: Vec<&str> = missing.keys().copied().collect();
    Check::fail("elements", format!("GStreamer lacks {}", names.join(", ")), install(&packages))
}

/// The command that installs Debian packages.
pub(super) fn install(packages: &[&str]) -> String {
    format!("apt-get install {}", packages.join(" "))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use super::*;
    use crate::doctor::State;

    #[test]
    fn a_missing_element_is_named_with_its_package() {
        let check = elements(&|name| name != "x264enc" && name != "srtsink");
        assert_eq!(check.state, State::Fail);
        assert_eq!(check.detail, "GStreamer lacks srtsink, x264enc");
        assert_eq!(check.mend.as_deref(), Some("apt-get install gstreamer1.0-plugins-bad gstreamer1.0-plugins-ugly"));
    }

    #[test]
    fn this_machine_has_them_all() {
        for check in checks() {
            assert_eq!(check.state, State::Ok, "{check}");
        }
    }

    /// Words of a pipeline's text that stand where an element's name stands: all but properties, caps, pads and names in braces.
    fn named(text: &str) -> BTreeSet<String> {
        let lines = text.lines().filter(|line| !line.trim_start().starts_with('#'));
        let words = lines.flat_map(str::split_whitespace).filter(|word| word.starts_with(|letter: char| letter.is_ascii_lowercase()));
        words.filter(|word| word.bytes().all(|byte| byte.is_ascii_alphanumeric())).map(str::to_owned).collect()
    }

    fn launch_files(folder: &Path, texts: &mut Vec<String>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                launch_files(&path, texts);
            } else if path.extension().is_some_and(|extension| extension == "launch") {
                texts.push(std::fs::read_to_string(path).unwrap());
            }
        }
    }

    #[test]
    fn every_element_that_a_pipeline_names_is_looked_for() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("pipelines");
        let mut texts = Vec::new();
        launch_files(&folder, &mut texts);
        let ends: toml::Table = std::fs::read_to_string(folder.join("ends.toml")).unwrap().parse().unwrap();
        texts.extend(ends.values().map(|end| end["program"].as_str().unwrap().to_owned()));
        let named: BTreeSet<String> = texts.iter().flat_map(|text| named(text)).collect();
        assert!(named.contains("x264enc") && named.contains("appsrc"), "{named:?}");
        for element in named {
            assert!(
                ELEMENTS.iter().any(|(_, elements)| elements.contains(&element.as_str())),
                "{element} is missing in the doctor's table"
            );
        }
    }
}
