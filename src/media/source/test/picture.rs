//! The picture: a still ground with a strip, a clock in digits, something that moves, and a flash.

use gstreamer as gst;
use gstreamer::glib;
use gstreamer::prelude::*;

use super::MARK_MS;
use crate::media::strip;

/// Segments of the digits 0 to 9: top, upper left, upper right, middle, lower left, lower right, bottom.
const DIGITS: [u8; 10] =
    [0b111_0111, 0b001_0010, 0b101_1101, 0b101_1011, 0b011_1010, 0b110_1011, 0b110_1111, 0b101_0010, 0b111_1111, 0b111_1011];

/// Pictures that may be under way at once.
const PICTURES: u32 = 16;

/// Paints I420 pictures.
pub(super) struct Painter {
    width: usize,
    height: usize,
    stride: usize,
    ground: Vec<u8>,
    /// A picture of a size of its own would be asked of the kernel each time, page by page.
    pool: gst::BufferPool,
}

impl Drop for Painter {
    fn drop(&mut self) {
        let _ = self.pool.set_active(false);
    }
}

struct Area {
    x: usize,
    y: usize,
    width: usize,
    height: usize,
}

impl Painter {
    pub(super) fn new(width: usize, height: usize) -> Result<Self, glib::BoolError> {
        let stride = width.next_multiple_of(4);
        let chroma_stride = (width / 2).next_multiple_of(4);
        let mut ground = vec![0; stride * height + chroma_stride * height];
        let (luma, chroma) = ground.split_at_mut(stride * height);
        for (y, row) in luma.chunks_mut(stride).enumerate() {
            for (x, pixel) in row.iter_mut().enumerate() {
                *pixel = u8::try_from(40 + (x * 40 / width) + (y * 40 / height)).unwrap_or(120);
            }
        }
        let (blue, red) = chroma.split_at_mut(chroma_stride * height / 2);
        blue.fill(150);
        red.fill(110);
        let pool = gst::BufferPool::new();
        let mut config = pool.config();
        config.set_params(None, u32::try_from(ground.len()).map_err(|_| glib::bool_error!("too large a picture"))?, 2, PICTURES);
        pool.set_config(config)?;
        pool.set_active(true)?;
        Ok(Self { width, height, stride, ground, pool })
    }

    /// The picture for a Unix time. `None` where all pictures are still on their way.
    pub(super) fn paint(&self, unix_ms: u64) -> Option<gst::Buffer> {
        let when_full = gst::BufferPoolAcquireParams::with_flags(gst::BufferPoolAcquireFlags::DONTWAIT);
        let mut buffer = self.pool.acquire_buffer(Some(&when_full)).ok()?;
        let mut picture = buffer.get_mut()?.map_writable().ok()?;
        picture.copy_from_slice(&self.ground);
        let luma = &mut picture[..self.stride * self.height];
        strip::paint(luma, self.stride, self.width, self.height, unix_ms);
        self.clock(luma, unix_ms);
        self.ball(luma, unix_ms);
        if unix_ms % 1000 < MARK_MS {
            let (width, height) = (self.width / 6, self.height / 6);
            let area = Area { x: self.width - width * 3 / 2, y: self.height - height * 3 / 2, width, height };
            self.fill(luma, &area, 235);
        }
        drop(picture);
        Some(buffer)
    }

    fn fill(&self, luma: &mut [u8], area: &Area, value: u8) {
        for row in luma.chunks_mut(self.stride).skip(area.y).take(area.height) {
            row[area.x..(area.x + area.width).min(self.width)].fill(value);
        }
    }

    fn ball(&self, luma: &mut [u8], unix_ms: u64) {
        let size = self.height / 12;
        let span = (self.width - size) as u64;
        // Once across and back in eight seconds.
        let phase = unix_ms % 8000;
        let across = if phase < 4000 { phase } else { 8000 - phase } * span / 4000;
        let area = Area { x: usize::try_from(across).unwrap_or(0), y: self.height * 2 / 3, width: size, height: size };
        self.fill(luma, &area, 210);
    }

    /// UTC as `HH:MM:SS.mmm`.
    fn clock(&self, luma: &mut [u8], unix_ms: u64) {
        let day = unix_ms % 86_400_000;
        let parts = [(day / 3_600_000, 2), (day / 60_000 % 60, 2), (day / 1000 % 60, 2), (day % 1000, 3)];
        let (digit, gap) = (self.width / 22, self.width / 60);
        let mut x = (self.width - 9 * digit - 12 * gap) / 2;
        for (index, (value, count)) in parts.into_iter().enumerate() {
            for place in (0..count).rev() {
                let figure = value / 10u64.pow(place) % 10;
                self.digit(luma, x, self.height / 3, digit, DIGITS[usize::try_from(figure).unwrap_or(0)]);
                x += digit + gap / 2;
            }
            if index < 3 {
                let dot = digit / 5;
                self.fill(luma, &Area { x: x + gap / 2, y: self.height / 3 + 2 * digit - dot, width: dot, height: dot }, 225);
                if index < 2 {
                    self.fill(luma, &Area { x: x + gap / 2, y: self.height / 3 + digit / 2, width: dot, height: dot }, 225);
                }
                x += dot + gap * 3 / 2;
            }
        }
    }

    fn digit(&self, luma: &mut [u8], x: usize, y: usize, width: usize, segments: u8) {
        let (thick, half) = (width / 5, width);
        let right = x + width - thick;
        let areas = [
            Area { x, y, width, height: thick },
            Area { x, y, width: thick, height: half },
            Area { x: right, y, width: thick, height: half },
            Area { x, y: y + half - thick / 2, width, height: thick },
            Area { x, y: y + half, width: thick, height: half },
            Area { x: right, y: y + half, width: thick, height: half },
            Area { x, y: y + 2 * half - thick, width, height: thick },
        ];
        for (index, area) in areas.iter().enumerate() {
            if segments >> (6 - index) & 1 == 1 {
                self.fill(luma, area, 225);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::profile::{Profile, names};

    #[test]
    fn every_profile_gets_a_picture_with_a_readable_strip() {
        gst::init().unwrap();
        for name in names() {
            let profile = Profile::named(name).unwrap();
            let (width, height) = (profile.width as usize, profile.height as usize);
            let picture = Painter::new(width, height).unwrap().paint(1_700_000_000_040).unwrap();
            assert_eq!(picture.size(), profile.picture_bytes());
            let map = picture.map_readable().unwrap();
            assert_eq!(strip::read(&map, width.next_multiple_of(4), width, height), Some(1_700_000_000_040 % strip::MODULUS_MS));
        }
    }
    #[test]
    fn pictures_that_nobody_gives_back_run_out_and_come_again() {
        gst::init().unwrap();
        let painter = Painter::new(64, 48).unwrap();
        let mut held: Vec<_> = (0..PICTURES).map(|at| painter.paint(at.into()).unwrap()).collect();
        assert!(painter.paint(9).is_none());
        held.pop();
        assert!(painter.paint(10).is_some());
    }
}
