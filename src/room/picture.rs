//! Uploaded pictures: known by what they are and not by what they are called, read with limits, and written anew, so that nothing of the
//! file that came in goes out. Pure, and slow: not for async threads.

use std::io::Cursor;

use image::codecs::jpeg::JpegEncoder;
use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::imageops::FilterType as Scaling;
use image::{DynamicImage, ImageDecoder, ImageEncoder, ImageFormat, ImageReader, Limits, Rgb, RgbImage};

/// The largest file that is read, in bytes.
pub const FILE_BYTES: usize = 8 * 1024 * 1024;
/// Pixels of a side, and of the whole: a few bytes can stand for gigabytes of them.
const SIDE: u32 = 10_000;
const PIXELS: u64 = 40_000_000;
/// Memory that reading one may take.
const MEMORY_BYTES: u64 = 256 * 1024 * 1024;
const JPEG_QUALITY: u8 = 82;

/// What a picture is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Slot {
    /// Wide, behind the title: 1600×900 at most, JPEG.
    Cover,
    /// Small, see-through where it was: 512×256 at most, PNG.
    Logo,
}

impl Slot {
    /// Its word in the database and the API.
    pub fn word(self) -> &'static str {
        match self {
            Self::Cover => "cover",
            Self::Logo => "logo",
        }
    }

    fn bounds(self) -> (u32, u32) {
        match self {
            Self::Cover => (1600, 900),
            Self::Logo => (512, 256),
        }
    }
}

/// A picture as it is served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    /// Its content type.
    pub kind: &'static str,
    /// The file.
    pub bytes: Vec<u8>,
}

/// Why a file is not taken, in a sentence for the organiser.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PictureError {
    /// Anything that is none of the three. SVG is a document that can run, and point elsewhere.
    #[error("This is no PNG, JPEG or WebP picture.")]
    Kind,
    /// More pixels than are read.
    #[error("The picture is too large: 10,000 pixels a side and 40 million in all at most.")]
    Large,
    /// It cannot be read to its end.
    #[error("The picture is damaged and cannot be read.")]
    Damaged,
}

/// Makes of an uploaded file what is served for a slot.
pub fn remake(file: &[u8], slot: Slot) -> Result<Picture, PictureError> {
    let format = sniff(file).ok_or(PictureError::Kind)?;
    let mut reader = ImageReader::with_format(Cursor::new(file), format);
    let mut limits = Limits::default();
    limits.max_image_width = Some(SIDE);
    limits.max_image_height = Some(SIDE);
    limits.max_alloc = Some(MEMORY_BYTES);
    reader.limits(limits);
    let mut decoder = reader.into_decoder().map_err(|error| said(&error))?;
    let (width, height) = decoder.dimensions();
    if u64::from(width) * u64::from(height) > PIXELS || decoder.total_bytes() > MEMORY_BYTES {
        return Err(PictureError::Large);
    }
    // How a telephone was held.
    let orientation = decoder.orientation().unwrap_or(image::metadata::Orientation::NoTransforms);
    let mut picture = DynamicImage::from_decoder(decoder).map_err(|error| said(&error))?;
    let (most_width, most_height) = slot.bounds();
    let (most_wide, most_high) = if is_turned(orientation) { (most_height, most_width) } else { (most_width, most_height) };
    if picture.width() > most_wide || picture.height() > most_high {
        picture = picture.resize(most_wide, most_high, Scaling::CatmullRom);
    }
    picture.apply_orientation(orientation);
    write(&picture, slot).ok_or(PictureError::Damaged)
}

fn is_turned(orientation: image::metadata::Orientation) -> bool {
    use image::metadata::Orientation::{Rotate90, Rotate90FlipH, Rotate270, Rotate270FlipH};
    matches!(orientation, Rotate90 | Rotate270 | Rotate90FlipH | Rotate270FlipH)
}

/// What a file is by its first bytes.
fn sniff(file: &[u8]) -> Option<ImageFormat> {
    if file.starts_with(b"\x89PNG\r\n\x1a\n") {
        Some(ImageFormat::Png)
    } else if file.starts_with(&[0xff, 0xd8, 0xff]) {
        Some(ImageFormat::Jpeg)
    } else if file.starts_with(b"RIFF") && file.get(8..12) == Some(b"WEBP") {
        Some(ImageFormat::WebP)
    } else {
        None
    }
}

fn said(error: &image::ImageError) -> PictureError {
    match error {
        image::ImageError::Limits(_) => PictureError::Large,
        _ => PictureError::Damaged,
    }
}

fn write(picture: &DynamicImage, slot: Slot) -> Option<Picture> {
    let mut bytes = Vec::new();
    match slot {
        Slot::Cover => {
            let flat = flatten(picture);
            JpegEncoder::new_with_quality(&mut bytes, JPEG_QUALITY).encode_image(&flat).ok()?;
            Some(Picture { kind: "image/jpeg", bytes })
        }
        Slot::Logo => {
            let (width, height) = (picture.width(), picture.height());
            let encoder = PngEncoder::new_with_quality(&mut bytes, CompressionType::Default, FilterType::Adaptive);
            encoder.write_image(&picture.to_rgba8(), width, height, image::ExtendedColorType::Rgba8).ok()?;
            Some(Picture { kind: "image/png", bytes })
        }
    }
}

/// On white where it is see-through: JPEG knows nothing of that.
fn flatten(picture: &DynamicImage) -> RgbImage {
    if !picture.color().has_alpha() {
        return picture.to_rgb8();
    }
    let picture = picture.to_rgba8();
    RgbImage::from_fn(picture.width(), picture.height(), |x, y| {
        let [red, green, blue, alpha] = picture.get_pixel(x, y).0;
        let mix = |colour: u8| {
            let mixed = u32::from(colour) * u32::from(alpha) + 255 * (255 - u32::from(alpha));
            u8::try_from(mixed / 255).unwrap_or(u8::MAX)
        };
        Rgb([mix(red), mix(green), mix(blue)])
    })
}

#[cfg(test)]
mod tests {
    use image::{Rgba, RgbaImage};

    use super::*;

    fn png(width: u32, height: u32, colour: [u8; 4]) -> Vec<u8> {
        let mut bytes = Vec::new();
        let picture = RgbaImage::from_pixel(width, height, Rgba(colour));
        PngEncoder::new(&mut bytes).write_image(&picture, width, height, image::ExtendedColorType::Rgba8).unwrap();
        bytes
    }

    fn read(picture: &Picture) -> DynamicImage {
        image::load_from_memory(&picture.bytes).unwrap()
    }

    #[test]
    fn pictures_become_ours_and_fit() {
        let cover = remake(&png(2000, 500, [200, 30, 30, 255]), Slot::Cover).unwrap();
        let made = read(&cover).to_rgb8();
        assert_eq!((cover.kind, made.dimensions()), ("image/jpeg", (1600, 400)));
        let [red, green, _] = made.get_pixel(800, 200).0;
        assert!(red > 180 && green < 60, "it is still red");
        let logo = remake(&png(100, 100, [0, 0, 255, 128]), Slot::Logo).unwrap();
        assert_eq!((logo.kind, read(&logo).to_rgba8().get_pixel(5, 5).0), ("image/png", [0, 0, 255, 128]));
        let on_white = read(&remake(&png(10, 10, [0, 0, 0, 0]), Slot::Cover).unwrap()).to_rgb8();
        assert!(on_white.get_pixel(5, 5).0.iter().all(|colour| *colour > 250));
    }

    #[test]
    fn what_is_no_picture_is_refused() {
        let svg = b"<svg xmlns=\"http://www.w3.org/2000/svg\"><script>alert(1)</script></svg>";
        for (file, why) in [
            (&svg[..], PictureError::Kind),
            (b"<?xml version=\"1.0\"?><svg/>", PictureError::Kind),
            (b"GIF89a;", PictureError::Kind),
            (b"", PictureError::Kind),
            (b"BM", PictureError::Kind),
            (b"RIFF\x10\0\0\0WAVEfmt ", PictureError::Kind),
            (b"\x89PNG\r\n\x1a\n", PictureError::Damaged),
            (b"\xff\xd8\xff\xe0 nonsense", PictureError::Damaged),
            (b"RIFF\x10\0\0\0WEBPVP8 nonsense", PictureError::Damaged),
        ] {
            assert_eq!(remake(file, Slot::Cover), Err(why), "{}", String::from_utf8_lossy(file));
        }
        let whole = png(64, 64, [1, 2, 3, 255]);
        assert_eq!(remake(&whole[..whole.len() / 2], Slot::Cover), Err(PictureError::Damaged));
    }

    #[test]
    fn what_stands_behind_a_picture_stays_outside() {
        for slot in [Slot::Cover, Slot::Logo] {
            let mut file = png(32, 32, [9, 9, 9, 255]);
            file.extend_from_slice(b"<script>alert(1)</script>PK\x03\x04");
            let made = remake(&file, slot).unwrap();
            let has = |what: &[u8]| made.bytes.windows(what.len()).any(|window| window == what);
            assert!(!has(b"<script>") && !has(b"PK\x03\x04"));
        }
    }

    /// A PNG that says how large it is, and whose pixels are not there.
    fn promising(width: u32, height: u32) -> Vec<u8> {
        let mut file = png(1, 1, [0, 0, 0, 255]);
        file[16..20].copy_from_slice(&width.to_be_bytes());
        file[20..24].copy_from_slice(&height.to_be_bytes());
        let crc = crc32(&file[12..29]);
        file[29..33].copy_from_slice(&crc.to_be_bytes());
        file
    }

    fn crc32(bytes: &[u8]) -> u32 {
        !bytes.iter().fold(!0u32, |crc, byte| {
            (0..8).fold(crc ^ u32::from(*byte), |crc, _| if crc & 1 == 1 { (crc >> 1) ^ 0xedb8_8320 } else { crc >> 1 })
        })
    }

    #[test]
    fn bombs_are_not_set_off() {
        for (width, height) in [(30_000, 30_000), (10_001, 1), (9_000, 9_000), (u32::MAX >> 1, u32::MAX >> 1)] {
            assert_eq!(remake(&promising(width, height), Slot::Cover), Err(PictureError::Large), "{width}×{height}");
        }
    }
}
