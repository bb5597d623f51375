//! Picture size, frame rate and bit rates by name, from `pipelines/profiles.toml`.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use serde::{Deserialize, Serialize};

const TEXT: &str = include_str!("../../pipelines/profiles.toml");
/// The profile of a broadcast that names none.
pub const DEFAULT: &str = "720p30";

/// The numbers of a broadcast's program.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    /// Its name in `profiles.toml`.
    #[serde(default)]
    pub name: String,
    /// Picture width in pixels, even.
    pub width: u32,
    /// Picture height in pixels, even.
    pub height: u32,
    /// Pictures per second at most.
    pub fps: u32,
    /// Ceiling of the video bit rate.
    pub video_kbps: u32,
    /// x264's constant rate factor.
    pub quality: u32,
    /// x264's speed preset.
    pub speed_preset: String,
    /// H.264 profile; never with B-frames.
    pub h264_profile: String,
    /// Longest distance between key frames.
    pub key_interval_ms: u32,
    /// Opus bit rate.
    pub opus_kbps: u32,
    /// AAC bit rate.
    pub aac_kbps: u32,
}

/// What a broadcast may change of its profile.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Overrides {
    /// 320 to 1920, even.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub width: Option<u32>,
    /// 180 to 1200, even.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub height: Option<u32>,
    /// 5 to 60.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fps: Option<u32>,
    /// 100 to 12000.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub video_kbps: Option<u32>,
    /// 15 to 40; lower is better.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quality: Option<u32>,
    /// 500 to 10000.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_interval_ms: Option<u32>,
    /// `ultrafast`, `superfast`, `veryfast`, `faster`, `fast`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub speed_preset: Option<String>,
    /// 32 to 256.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub opus_kbps: Option<u32>,
    /// 64 to 256.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub aac_kbps: Option<u32>,
}

/// Why a profile cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProfileError {
    /// No profile of that name.
    #[error("There is no profile “{name}”. There are: {known}.")]
    Unknown {
        /// What was asked for.
        name: String,
        /// What there is.
        known: String,
    },
    /// A number out of its limits.
    #[error("{field} must be {limits}, not {value}.")]
    Limits {
        /// The field.
        field: &'static str,
        /// What it may be.
        limits: String,
        /// What it was.
        value: String,
    },
}

fn all() -> &'static BTreeMap<String, Profile> {
    static ALL: OnceLock<BTreeMap<String, Profile>> = OnceLock::new();
    ALL.get_or_init(|| {
        let mut profiles: BTreeMap<String, Profile> = toml::from_str(TEXT).expect("profiles.toml is checked by a test");
        for (name, profile) in &mut profiles {
            profile.name.clone_from(name);
        }
        profiles
    })
}

/// The names of all profiles.
pub fn names() -> Vec<&'static str> {
    all().keys().map(String::as_str).collect()
}

impl Profile {
    /// The profile of this name.
    pub fn named(name: &str) -> Result<Self, ProfileError> {
        all().get(name).cloned().ok_or_else(|| ProfileError::Unknown { name: name.chars().take(64).collect(), known: names().join(", ") })
    }

    /// The profile with what a broadcast wants otherwise, within limits.
    pub fn with(mut self, overrides: &Overrides) -> Result<Self, ProfileError> {
        set(&mut self.width, overrides.width, "width", 320, 1920, true)?;
        set(&mut self.height, overrides.height, "height", 180, 1200, true)?;
        set(&mut self.fps, overrides.fps, "fps", 5, 60, false)?;
        set(&mut self.video_kbps, overrides.video_kbps, "video_kbps", 100, 12_000, false)?;
        set(&mut self.quality, overrides.quality, "quality", 15, 40, false)?;
        set(&mut self.key_interval_ms, overrides.key_interval_ms, "key_interval_ms", 500, 10_000, false)?;
        set(&mut self.opus_kbps, overrides.opus_kbps, "opus_kbps", 32, 256, false)?;
        set(&mut self.aac_kbps, overrides.aac_kbps, "aac_kbps", 64, 256, false)?;
        if let Some(preset) = &overrides.speed_preset {
            const PRESETS: [&str; 5] = ["ultrafast", "superfast", "veryfast", "faster", "fast"];
            if !PRESETS.contains(&preset.as_str()) {
                let value = preset.chars().take(64).collect();
                return Err(ProfileError::Limits { field: "speed_preset", limits: format!("one of {}", PRESETS.join(", ")), value });
            }
            self.speed_preset.clone_from(preset);
        }
        Ok(self)
    }

    /// Sound in one Opus packet.
    ///
    /// A player shows a picture when its sound is there, and `OvenMediaEngine` passes each packet on with the next one: where pictures come
    /// 16 ms apart they wait for the sound. p50 through it was 102 ms with packets of 20 ms and 73 with 10, at 50 packets a second more.
    pub fn opus_frame_ms(&self) -> u32 {
        if self.fps > 40 { 10 } else { 20 }
    }

    /// Bytes of one I420 picture in `GStreamer`'s default layout.
    pub fn picture_bytes(&self) -> usize {
        let (stride, height) = (self.width.next_multiple_of(4) as usize, self.height.next_multiple_of(2) as usize);
        let chroma_stride = self.width.div_ceil(2).next_multiple_of(4) as usize;
        stride * height + chroma_stride * height
    }
}

fn set(field: &mut u32, wanted: Option<u32>, name: &'static str, least: u32, most: u32, even: bool) -> Result<(), ProfileError> {
    let Some(value) = wanted else { return Ok(()) };
    if value < least || value > most || (even && value % 2 == 1) {
        let limits = format!("{}from {least} to {most}", if even { "an even number " } else { "" });
        return Err(ProfileError::Limits { field: name, limits, value: value.to_string() });
    }
    *field = value;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_profile_is_within_its_own_limits() {
        assert!(names().contains(&DEFAULT));
        for name in names() {
            let profile = Profile::named(name).unwrap();
            let same = Overrides {
                width: Some(profile.width),
                height: Some(profile.height),
                fps: Some(profile.fps),
                video_kbps: Some(profile.video_kbps),
                quality: Some(profile.quality),
                key_interval_ms: Some(profile.key_interval_ms),
                speed_preset: Some(profile.speed_preset.clone()),
                opus_kbps: Some(profile.opus_kbps),
                aac_kbps: Some(profile.aac_kbps),
            };
            assert_eq!(profile.clone().with(&same).unwrap(), profile);
        }
    }

    #[test]
    fn sound_is_cut_finer_where_pictures_come_quickly() {
        let quick = Overrides { fps: Some(60), ..Overrides::default() };
        for (name, overrides, ms) in [("720p30", &Overrides::default(), 20), ("720p60", &Overrides::default(), 10), ("720p30", &quick, 10)]
        {
            assert_eq!(Profile::named(name).unwrap().with(overrides).unwrap().opus_frame_ms(), ms, "{name} {overrides:?}");
        }
    }

    #[test]
    fn impossible_profiles_say_what_is_possible() {
        assert!(Profile::named("4k").unwrap_err().to_string().contains("720p30"));
        let odd = Overrides { width: Some(1281), ..Overrides::default() };
        assert_eq!(
            Profile::named("720p30").unwrap().with(&odd).unwrap_err().to_string(),
            "width must be an even number from 320 to 1920, not 1281."
        );
        let preset = Overrides { speed_preset: Some("placebo ! filesink".into()), ..Overrides::default() };
        assert!(Profile::named("720p30").unwrap().with(&preset).is_err());
    }

    #[test]
    fn a_picture_is_as_large_as_gstreamer_says() {
        gstreamer::init().unwrap();
        for name in names() {
            let profile = Profile::named(name).unwrap();
            let info =
                gstreamer_video::VideoInfo::builder(gstreamer_video::VideoFormat::I420, profile.width, profile.height).build().unwrap();
            assert_eq!(info.size(), profile.picture_bytes());
        }
    }
}
