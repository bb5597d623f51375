//! Loading and filling the texts: comments out, fragments and ends in, numbers and words for their names.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use rust_embed::RustEmbed;
use serde::Deserialize;

use crate::media::profile::Profile;

#[derive(RustEmbed)]
#[folder = "pipelines/"]
struct Files;

const ENDS: &str = include_str!("../../../pipelines/ends.toml");
/// Fragments in fragments in fragments are a mistake.
const DEPTH: usize = 4;

#[derive(Deserialize)]
struct End {
    program: String,
    test: String,
}

/// Why a text cannot be used.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum TextError {
    /// No such file.
    #[error("There is no pipeline “{0}”.")]
    NoFile(String),
    /// A name in braces that nothing fills.
    #[error("Nothing fills {{{0}}} in pipelines/{1}.launch.")]
    NoFill(String, String),
    /// A brace without its twin, or files that include each other.
    #[error("pipelines/{0}.launch has a stray brace or includes itself.")]
    Malformed(String),
}

/// Numbers and words for the names in braces. Only numbers, names of a profile and names of files get in: never what a person typed.
#[derive(Clone, Debug, Default)]
pub struct Fill(BTreeMap<&'static str, String>);

impl Fill {
    /// The numbers of a profile.
    pub fn of(profile: &Profile) -> Self {
        // The clock asks for key frames; should its requests get lost, one comes at half that rate.
        let key_frames_max = (profile.fps * profile.key_interval_ms / 500).max(1);
        Self::default()
            .number("width", profile.width)
            .number("height", profile.height)
            .number("fps", profile.fps)
            .number("video_kbps", profile.video_kbps)
            .number("quality", profile.quality)
            .number("key_frames_max", key_frames_max)
            .number("opus_bps", profile.opus_kbps * 1000)
            .number("opus_frame_ms", profile.opus_frame_ms())
            .number("aac_bps", profile.aac_kbps * 1000)
            .word("speed_preset", &profile.speed_preset)
            .word("h264_profile", &profile.h264_profile)
            .word("sound_filter", "identity")
    }

    /// Adds a number.
    #[must_use]
    pub fn number(mut self, name: &'static str, number: u32) -> Self {
        self.0.insert(name, number.to_string());
        self
    }

    /// Adds a word of letters, digits, `-` and `_`; anything else in it is left out.
    #[must_use]
    pub fn word(mut self, name: &'static str, word: &str) -> Self {
        self.0.insert(name, word.chars().filter(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_')).collect());
        self
    }

    /// Puts a fragment where a name stands.
    #[must_use]
    pub fn fragment(mut self, name: &'static str, file: &'static str) -> Self {
        self.0.insert(name, format!("{{{file}}}"));
        self
    }
}

/// The names of all pipelines that run by themselves, fragments left out.
pub fn names() -> Vec<String> {
    let mut names: Vec<String> = Files::iter().filter_map(|file| file.strip_suffix(".launch").map(str::to_owned)).collect();
    names.retain(|name| !name.starts_with("encoder/"));
    names.sort();
    names
}

/// The text of a pipeline for `gst-launch-1.0`, with test ends put in.
pub fn show(name: &str, profile: &Profile) -> Result<String, TextError> {
    if !names().iter().any(|known| known == name) {
        return Err(TextError::NoFile(name.to_owned()));
    }
    expand(name, &Fill::of(profile), |end| &end.test)
}

/// The text of a pipeline as the program runs it.
pub(super) fn program_text(name: &str, fill: &Fill) -> Result<String, TextError> {
    expand(name, fill, |end| &end.program)
}

fn ends() -> &'static BTreeMap<String, End> {
    static PARSED: OnceLock<BTreeMap<String, End>> = OnceLock::new();
    PARSED.get_or_init(|| toml::from_str(ENDS).expect("ends.toml is checked by a test"))
}

fn file(name: &str) -> Result<String, TextError> {
    let file = Files::get(&format!("{name}.launch")).ok_or_else(|| TextError::NoFile(name.to_owned()))?;
    let text = String::from_utf8_lossy(&file.data).into_owned();
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')).collect();
    Ok(lines.join(" "))
}

fn expand(name: &str, fill: &Fill, side: fn(&End) -> &String) -> Result<String, TextError> {
    let mut text = file(name)?;
    for _ in 0..DEPTH {
        let mut filled = String::with_capacity(text.len() * 2);
        let mut rest = text.as_str();
        while let Some((before, after)) = rest.split_once('{') {
            let (key, after) = after.split_once('}').ok_or_else(|| TextError::Malformed(name.to_owned()))?;
            filled.push_str(before);
            if let Some(end) = ends().get(key) {
                filled.push_str(side(end));
            } else if let Some(value) = fill.0.get(key) {
                filled.push_str(value);
            } else if key.contains('/') {
                filled.push_str(&file(key)?);
            } else {
                return Err(TextError::NoFill(key.to_owned(), name.to_owned()));
            }
            rest = after;
        }
        filled.push_str(rest);
        text = filled;
        if !text.contains('{') {
            return Ok(text);
        }
    }
    Err(TextError::Malformed(name.to_owned()))
}
