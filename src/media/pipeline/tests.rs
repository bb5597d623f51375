use std::process::Command;

use super::text::program_text;
use super::*;
use crate::media::profile::{self, Profile};

#[test]
fn every_text_parses_as_the_program_runs_it() {
    gstreamer::init().unwrap();
    for name in names() {
        for profile in profile::names() {
            let fill = Fill::of(&Profile::named(profile).unwrap());
            for fill in [fill.clone(), fill.fragment("sound_filter", "encoder/voice")] {
                let text = program_text(&name, &fill).unwrap();
                gstreamer::parse::launch(&text).unwrap_or_else(|error| panic!("{name}: {error}\n{text}"));
            }
        }
    }
}

#[test]
fn every_text_runs_under_gst_launch_with_test_ends() {
    let profile = Profile::named("480p30").unwrap();
    for name in names() {
        let line = show(&name, &profile).unwrap();
        // What makes its pictures once ends by itself, and interrupted before they came it would be an error; the rest is interrupted after a
        // second. Both leave status 0 or timeout's 124.
        let seconds = if line.contains("num-buffers=") { "60" } else { "1" };
        let output = Command::new("timeout")
            .args(["--signal=INT", seconds, "sh", "-c", &format!("exec gst-launch-1.0 -e {line}")])
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout);
        assert!(matches!(output.status.code(), Some(0 | 124)), "{name}: {said}\n{line}");
        assert!(!said.contains("ERROR"), "{name}: {said}\n{line}");
    }
}

#[test]
fn unknown_names_are_said() {
    let profile = Profile::named("480p30").unwrap();
    assert_eq!(show("nothing", &profile), Err(TextError::NoFile("nothing".into())));
    assert_eq!(show("encoder/x264", &profile), Err(TextError::NoFile("encoder/x264".into())));
    assert!(matches!(program_text("program", &Fill::default()), Err(TextError::NoFill(..))));
}

#[test]
fn words_cannot_carry_pipeline_syntax() {
    let fill = Fill::default().word("speed_preset", "fast ! filesink location=/tmp/x");
    assert!(format!("{fill:?}").contains("fastfilesinklocationtmpx"));
}
