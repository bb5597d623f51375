//! From the screen's pixels to the encoder's: the one place where memory is shared with the X server and C.
#![expect(unsafe_code, reason = "memory mapped from the X server, read by libyuv: neither has a safe form")]

use std::ffi::{c_int, c_void};
use std::io;
use std::os::fd::AsFd;
use std::ptr;

use gstreamer_video as gst_video;
use rustix::mm::{MapFlags, ProtFlags, mmap, munmap};

#[link(name = "yuv")]
unsafe extern "C" {
    /// "ARGB" is a little-endian word, so in memory it is B, G, R, X: what an X server with 24 bits draws. BT.601, video range.
    fn ARGBToI420(
        argb: *const u8,
        argb_stride: c_int,
        y: *mut u8,
        y_stride: c_int,
        u: *mut u8,
        u_stride: c_int,
        v: *mut u8,
        v_stride: c_int,
        width: c_int,
        height: c_int,
    ) -> c_int;
}

/// A picture in memory that the X server writes to.
pub(super) struct SharedPicture {
    memory: *mut c_void,
    width: u16,
    height: u16,
}

// SAFETY: the mapping belongs to this value alone and is tied to no thread.
unsafe impl Send for SharedPicture {}

impl SharedPicture {
    /// Bytes of a picture of this size, four a pixel.
    pub(super) fn bytes(width: u16, height: u16) -> usize {
        usize::from(width) * usize::from(height) * 4
    }

    /// Maps a file of at least [`bytes`](Self::bytes).
    pub(super) fn map(file: impl AsFd, width: u16, height: u16) -> io::Result<Self> {
        let length = Self::bytes(width, height);
        if rustix::fs::fstat(&file)?.st_size.try_into().unwrap_or(0_usize) < length {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "the file is too small for the picture"));
        }
        // SAFETY: a fresh mapping at an address of the kernel's choice; the file is large enough and cannot shrink (it is sealed).
        let memory = unsafe { mmap(ptr::null_mut(), length, ProtFlags::READ, MapFlags::SHARED, file, 0)? };
        Ok(Self { memory, width, height })
    }

    /// Converts it to I420 in GStreamer's layout. `false` where `into` is not of that layout.
    pub(super) fn convert(&self, into: &mut [u8], layout: &gst_video::VideoInfo) -> bool {
        let (width, height) = (usize::from(self.width), usize::from(self.height));
        let (offsets, strides) = (layout.offset(), layout.stride());
        let planes = [(width, height), (width.div_ceil(2), height.div_ceil(2)), (width.div_ceil(2), height.div_ceil(2))];
        if layout.format() != gst_video::VideoFormat::I420 || into.len() < layout.size() {
            return false;
        }
        for (plane, (columns, rows)) in planes.into_iter().enumerate() {
            let Ok(stride) = usize::try_from(strides[plane]) else { return false };
            if stride < columns || offsets[plane] + stride * (rows - 1) + columns > into.len() {
                return false;
            }
        }
        let base = into.as_mut_ptr();
        // SAFETY: each plane was checked to lie within `into`; the source holds width x height pixels of four bytes. The X server may write
        // to the source meanwhile: libyuv then reads some mix of both pictures, and no reference of ours points there.
        let outcome = unsafe {
            ARGBToI420(
                self.memory.cast::<u8>(),
                c_int::from(self.width) * 4,
                base.add(offsets[0]),
                strides[0],
                base.add(offsets[1]),
                strides[1],
                base.add(offsets[2]),
                strides[2],
                c_int::from(self.width),
                c_int::from(self.height),
            )
        };
        outcome == 0
    }
}

impl Drop for SharedPicture {
    fn drop(&mut self) {
        // SAFETY: mapped in `map` with this length, and nothing points there any more.
        let _ = unsafe { munmap(self.memory, Self::bytes(self.width, self.height)) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn picture(width: u16, height: u16, bgrx: [u8; 4]) -> SharedPicture {
        let mut file = std::fs::File::from(rustix::fs::memfd_create("test", rustix::fs::MemfdFlags::CLOEXEC).unwrap());
        file.write_all(&bgrx.repeat(usize::from(width) * usize::from(height))).unwrap();
        SharedPicture::map(&file, width, height).unwrap()
    }

    fn layout(width: u32, height: u32) -> gst_video::VideoInfo {
        gstreamer::init().unwrap();
        gst_video::VideoInfo::builder(gst_video::VideoFormat::I420, width, height).build().unwrap()
    }

    #[test]
    fn colours_come_out_in_video_range() {
        for (bgrx, yuv) in [([255, 255, 255, 0], [235, 128, 128]), ([0, 0, 0, 0], [16, 128, 128]), ([0, 0, 255, 0], [82, 90, 240])] {
            let layout = layout(64, 32);
            let mut into = vec![0; layout.size()];
            assert!(picture(64, 32, bgrx).convert(&mut into, &layout));
            for (plane, expected) in yuv.into_iter().enumerate() {
                let found = into[layout.offset()[plane]];
                assert!(found.abs_diff(expected) <= 1, "plane {plane}: {found} is not {expected}");
            }
        }
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let shared = picture(64, 32, [0; 4]);
        let small = layout(64, 32);
        assert!(!shared.convert(&mut vec![0; small.size() - 1], &small));
        let narrow = layout(32, 32);
        assert!(!shared.convert(&mut vec![0; narrow.size()], &narrow));
        let file = rustix::fs::memfd_create("test", rustix::fs::MemfdFlags::CLOEXEC).unwrap();
        assert!(SharedPicture::map(&file, 64, 32).is_err());
    }
}
