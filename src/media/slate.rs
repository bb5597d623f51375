//! The picture that goes out while the source is away or the broadcast is paused.

use std::fmt::Write;
use std::time::Duration;

use gstreamer as gst;
use gstreamer_app::AppSinkCallbacks;

use super::clock::MediaClock;
use super::error::MediaError;
use super::pipeline::{Fill, Line};
use super::profile::Profile;

/// Longest title that is set, in characters; longer ones are cut with an ellipsis.
const TITLE_MAX: usize = 120;
/// Characters in a line of the title, and lines.
const LINE_CHARS: usize = 28;
const LINES: usize = 3;
/// Images larger than this are refused.
const IMAGE_MAX_BYTES: usize = 8 * 1024 * 1024;

/// A clean card with a title, as SVG.
pub fn card(title: &str, profile: &Profile) -> String {
    let lines = wrap(title);
    let (width, height) = (profile.width, profile.height);
    let size = height / 14;
    let leading = size * 13 / 10;
    let block = leading * u32::try_from(lines.len().saturating_sub(1)).unwrap_or(0);
    let top = height / 2 + size / 3 - block / 2;
    let mut text = String::new();
    for (index, line) in (0u32..).zip(&lines) {
        let y = top + leading * index;
        // Writing to a String cannot fail.
        let _ = write!(text, r#"<text x="{}" y="{y}" text-anchor="middle">{}</text>"#, width / 2, escape(line));
    }
    let (mark, rule_y) = (height / 9, top + block + size);
    format!(
        r##"<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}">
<defs><linearGradient id="sky" x1="0" y1="0" x2="0.4" y2="1"><stop offset="0" stop-color="#10243e"/><stop offset="1" stop-color="#0a1626"/></linearGradient></defs>
<rect width="{width}" height="{height}" fill="url(#sky)"/>
<g transform="translate({mark_x} {mark_y})" fill="none" stroke="#5aa9e6" stroke-width="{stroke}" stroke-linecap="round">
<circle r="{dot}" fill="#5aa9e6" stroke="none"/><path d="M -{a} -{a} A {r1} {r1} 0 0 0 -{a} {a} M {a} -{a} A {r1} {r1} 0 0 1 {a} {a}"/>
<path opacity="0.55" d="M -{b} -{b} A {r2} {r2} 0 0 0 -{b} {b} M {b} -{b} A {r2} {r2} 0 0 1 {b} {b}"/></g>
<g font-family="Noto Sans, DejaVu Sans, sans-serif" font-weight="600" font-size="{size}" fill="#eef4fb">{text}</g>
<rect x="{rule_x}" y="{rule_y}" width="{rule_w}" height="{rule_h}" rx="2" fill="#5aa9e6"/></svg>"##,
        mark_x = width / 2,
        mark_y = top.saturating_sub(size + mark),
        stroke = (height / 90).max(2),
        dot = height / 60,
        a = height / 34,
        r1 = height / 24,
        b = height / 20,
        r2 = height / 14,
        rule_x = width / 2 - width / 24,
        rule_w = width / 12,
        rule_h = (height / 180).max(2),
    )
}

/// The card as a picture of the profile's size.
pub fn render_card(title: &str, profile: &Profile) -> Result<gst::Buffer, MediaError> {
    render(card(title, profile).into_bytes(), profile)
}

/// An image that somebody gave (PNG, JPEG or SVG) as a picture of the profile's size.
///
/// # Errors
/// `bad_image` where it is too large or not an image.
pub fn render(image: Vec<u8>, profile: &Profile) -> Result<gst::Buffer, MediaError> {
    if image.is_empty() || image.len() > IMAGE_MAX_BYTES {
        return Err(MediaError::ours("bad_image", "The slate's image is empty or larger than 8 MB.").fatal());
    }
    let line = Line::parse("slate", &Fill::of(profile), &MediaClock::new())?;
    let bad = |_| MediaError::ours("bad_image", "The slate's image cannot be read; PNG, JPEG and SVG can.").fatal();
    let picture = one_picture(&line, "image", gst::Buffer::from_mut_slice(image)).map_err(bad)?;
    if picture.size() == profile.picture_bytes() { Ok(picture) } else { Err(bad(MediaError::ours("bad_image", ""))) }
}

/// Width and height of a PNG or JPEG, from its header alone; `None` where it is neither or cut off. (PNG: section 11.2.2 of its
/// specification; JPEG: ITU-T T.81, B.2.2.)
pub fn image_size(image: &[u8]) -> Option<(u32, u32)> {
    let number = |from: usize, bytes: usize| {
        let field = image.get(from..from + bytes)?;
        Some(field.iter().fold(0u32, |value, byte| value << 8 | u32::from(*byte)))
    };
    if image.starts_with(b"\x89PNG\r\n\x1a\n") {
        return Some((number(16, 4)?, number(20, 4)?));
    }
    if !image.starts_with(&[0xff, 0xd8]) {
        return None;
    }
    let mut at = 2;
    loop {
        let marker = number(at, 2)?;
        match marker {
            // Start of frame, in its thirteen kinds.
            0xffc0..=0xffc3 | 0xffc5..=0xffc7 | 0xffc9..=0xffcb | 0xffcd..=0xffcf => return Some((number(at + 7, 2)?, number(at + 5, 2)?)),
            0xff00..=0xffff => at += 2 + usize::try_from(number(at + 2, 2)?).ok()?.max(2),
            _ => return None,
        }
    }
}

/// Puts one buffer in and gets one picture out.
pub(super) fn one_picture(line: &Line, source: &str, input: gst::Buffer) -> Result<gst::Buffer, MediaError> {
    let (send, receive) = std::sync::mpsc::sync_channel(1);
    let take = move |sink: &gstreamer_app::AppSink| {
        let sample = sink.pull_sample().map_err(|_| gst::FlowError::Eos)?;
        if let Some(buffer) = sample.buffer_owned() {
            // The first picture is wanted; a second finds the channel full.
            drop(send.try_send(buffer));
        }
        Ok(gst::FlowSuccess::Ok)
    };
    line.appsink("picture")?.set_callbacks(AppSinkCallbacks::builder().new_sample(take).build());
    let source = line.appsrc(source)?;
    line.play()?;
    let failed = |_| MediaError::ours("pipeline_error", "A picture could not be made.");
    source.push_buffer(input).map_err(failed)?;
    source.end_of_stream().map_err(failed)?;
    line.wait_eos(Duration::from_secs(5))?;
    receive.try_recv().map_err(|_| MediaError::ours("pipeline_error", "A picture could not be made."))
}

fn wrap(title: &str) -> Vec<String> {
    let clean: String = title.chars().map(|c| if c.is_control() { ' ' } else { c }).take(TITLE_MAX).collect();
    let mut lines: Vec<String> = Vec::new();
    for word in clean.split_whitespace() {
        let room = lines.last().is_some_and(|line| line.chars().count() + 1 + word.chars().count() <= LINE_CHARS);
        if room && let Some(line) = lines.last_mut() {
            line.push(' ');
            line.push_str(word);
        } else {
            let mut characters = word.chars().peekable();
            while characters.peek().is_some() {
                lines.push(characters.by_ref().take(LINE_CHARS).collect());
            }
        }
    }
    if lines.len() > LINES || title.chars().count() > TITLE_MAX {
        lines.truncate(LINES);
        if let Some(last) = lines.last_mut() {
            last.push('…');
        }
    }
    lines
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn luma_spread(picture: &gst::Buffer, profile: &Profile) -> (u8, u8) {
        let map = picture.map_readable().unwrap();
        let luma = &map[..(profile.width.next_multiple_of(4) * profile.height) as usize];
        (*luma.iter().min().unwrap(), *luma.iter().max().unwrap())
    }

    #[test]
    fn a_card_shows_its_title_whatever_it_holds() {
        gst::init().unwrap();
        let profile = Profile::named("480p30").unwrap();
        for title in ["Physics 101", "", "a < b & \"c\" > </svg>", "नमस्ते दुनिया", "\u{7}\u{1b}[31m", &"Überlängenwort".repeat(40)]
        {
            let picture = render_card(title, &profile).unwrap_or_else(|error| panic!("{title}: {error}"));
            let (dark, bright) = luma_spread(&picture, &profile);
            assert!(dark < 50 && bright > 120, "{title}: {dark} {bright}");
        }
    }

    #[test]
    fn an_image_is_fitted_and_rubbish_is_refused() {
        gst::init().unwrap();
        let profile = Profile::named("480p30").unwrap();
        let square =
            br##"<svg xmlns="http://www.w3.org/2000/svg" width="100" height="100"><rect width="100" height="100" fill="#fff"/></svg>"##;
        let picture = render(square.to_vec(), &profile).unwrap();
        let map = picture.map_readable().unwrap();
        let stride = profile.width.next_multiple_of(4) as usize;
        assert!(map[240 * stride + 427] > 200, "the middle is white");
        assert!(map[240 * stride + 20] < 30, "the sides are borders");
        assert_eq!(render(b"no image at all".to_vec(), &profile).unwrap_err().code, "bad_image");
        assert_eq!(render(Vec::new(), &profile).unwrap_err().code, "bad_image");
    }

    #[test]
    fn an_image_says_how_large_it_is() {
        let png = [b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR".as_slice(), &[0, 0, 0x75, 0x30, 0, 0, 1, 0]].concat();
        assert_eq!(image_size(&png), Some((30_000, 256)));
        let jpeg = [&[0xff, 0xd8, 0xff, 0xe0, 0, 4, 1, 2, 0xff, 0xc2, 0, 17, 8, 1, 2, 3, 4][..], &[0; 12]].concat();
        assert_eq!(image_size(&jpeg), Some((0x0304, 0x0102)));
        for cut in 0..png.len() {
            assert_eq!(image_size(&png[..cut]), None);
        }
        assert_eq!(image_size(&[0xff, 0xd8, 0xff, 0xe0, 0, 0]), None);
        assert_eq!(image_size(b"GIF89a"), None);
    }

    #[test]
    fn long_titles_are_cut() {
        assert_eq!(wrap("one two three"), ["one two three"]);
        let lines = wrap(&"word ".repeat(60));
        assert_eq!(lines.len(), LINES);
        assert!(lines[2].ends_with('…'));
    }
}
