//! A JPEG of what is going out.

use gstreamer as gst;

use super::clock::MediaClock;
use super::error::MediaError;
use super::pipeline::{Fill, Line};
use super::profile::Profile;
use super::slate::one_picture;

/// Encodes an I420 picture of the profile's size. Blocks for some milliseconds: not for async threads.
pub fn jpeg(picture: &gst::Buffer, profile: &Profile) -> Result<Vec<u8>, MediaError> {
    let line = Line::parse("snapshot", &Fill::of(profile), &MediaClock::new())?;
    let mut picture = picture.copy();
    picture.make_mut().set_pts(gst::ClockTime::ZERO);
    let jpeg = one_picture(&line, "one_picture", picture)?;
    let map = jpeg.map_readable().map_err(|_| MediaError::ours("pipeline_error", "A picture could not be made."))?;
    Ok(map.to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slate_becomes_a_jpeg() {
        gst::init().unwrap();
        let profile = Profile::named("480p30").unwrap();
        let jpeg = jpeg(&super::super::slate::render_card("Hello", &profile).unwrap(), &profile).unwrap();
        assert!(jpeg.starts_with(&[0xff, 0xd8, 0xff]) && jpeg.len() > 2000);
    }
}
