//! Pictures of a display: `XDamage` says when, MIT-SHM brings them.

use std::sync::Arc;
use std::time::Duration;

use gstreamer as gst;
use gstreamer::prelude::*;
use gstreamer_video as gst_video;
use rustix::fs::{MemfdFlags, SealFlags};
use x11rb::connection::Connection;
use x11rb::protocol::Event;
use x11rb::protocol::damage::{ConnectionExt as _, ReportLevel};
use x11rb::protocol::shm::ConnectionExt as _;
use x11rb::protocol::xproto::{ConnectionExt as _, ImageFormat};
use x11rb::rust_connection::RustConnection;

use super::super::display::Address;
use super::stream::{Patience, PatientStream};
use super::yuv::SharedPicture;

/// Pictures that may be on their way at once; when all are, none is taken.
const PICTURES: u32 = 16;

/// What can go wrong between us and the display.
#[derive(Debug, thiserror::Error)]
pub(super) enum GrabError {
    #[error("the display does not let us in: {0}")]
    Connect(#[from] x11rb::errors::ConnectError),
    #[error("the connection to the display broke: {0}")]
    Connection(#[from] x11rb::errors::ConnectionError),
    #[error("the display refused: {0}")]
    Reply(#[from] x11rb::errors::ReplyError),
    #[error("the display has no identifiers left: {0}")]
    Ids(#[from] x11rb::errors::ReplyOrIdError),
    #[error("no memory to share with the display: {0}")]
    Memory(#[from] std::io::Error),
    #[error("the display is not as it was asked for: {0}")]
    Display(&'static str),
    #[error("no memory for pictures: {0}")]
    Pool(#[from] gst::glib::BoolError),
}

impl From<rustix::io::Errno> for GrabError {
    fn from(error: rustix::io::Errno) -> Self {
        Self::Memory(error.into())
    }
}

/// A connection that takes pictures.
pub(super) struct Grabber {
    x: RustConnection<PatientStream>,
    root: u32,
    damage: u32,
    segment: u32,
    size: (u16, u16),
    shared: SharedPicture,
    layout: gst_video::VideoInfo,
    pool: gst::BufferPool,
}

impl Grabber {
    pub(super) fn connect(address: &Address, (width, height): (u16, u16), patience: Arc<Patience>) -> Result<Self, GrabError> {
        let (name, data) = address.authorization();
        let stream = PatientStream::new(address.connect()?, patience)?;
        let x = RustConnection::connect_to_stream_with_auth_info(stream, 0, name, data)?;
        let screen = &x.setup().roots[0];
        if (screen.width_in_pixels, screen.height_in_pixels, screen.root_depth) != (width, height, 24) {
            return Err(GrabError::Display("its size or depth is another"));
        }
        let root = screen.root;
        x.shm_query_version()?.reply()?;
        x.damage_query_version(1, 1)?.reply()?;

        let file = rustix::fs::memfd_create("bluecast-screen", MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING)?;
        rustix::fs::ftruncate(&file, SharedPicture::bytes(width, height) as u64)?;
        rustix::fs::fcntl_add_seals(&file, SealFlags::SHRINK | SealFlags::GROW)?;
        let shared = SharedPicture::map(&file, width, height)?;
        let segment = x.generate_id()?;
        x.shm_attach_fd(segment, file, false)?.check()?;
        let damage = x.generate_id()?;
        x.damage_create(damage, root, ReportLevel::NON_EMPTY)?.check()?;

        let layout = gst_video::VideoInfo::builder(gst_video::VideoFormat::I420, width.into(), height.into()).build()?;
        let pool = gst::BufferPool::new();
        let mut config = pool.config();
        let bytes = u32::try_from(layout.size()).map_err(|_| GrabError::Display("too large"))?;
        config.set_params(Some(&layout.to_caps()?), bytes, 2, PICTURES);
        pool.set_config(config)?;
        pool.set_active(true)?;
        Ok(Self { x, root, damage, segment, size: (width, height), shared, layout, pool })
    }

    /// Whether anything was drawn since the last call, as far as we were told by now.
    pub(super) fn drain(&self) -> Result<bool, GrabError> {
        let mut damaged = false;
        while let Some(event) = self.x.poll_for_event()? {
            damaged |= matches!(event, Event::DamageNotify(_));
        }
        Ok(damaged)
    }

    /// Waits for the server to say something, for at most `time`.
    pub(super) fn wait(&self, time: Duration) -> Result<(), GrabError> {
        self.x.flush()?;
        self.x.stream().wait_readable(time)?;
        Ok(())
    }

    /// A round trip: what was drawn before it has been told after it.
    pub(super) fn ask(&self) -> Result<(), GrabError> {
        self.x.get_input_focus()?.reply()?;
        Ok(())
    }

    /// What the screen shows. `None` where all pictures are still on their way to the program.
    ///
    /// The order matters: events that come after the damage was taken back must stay in the queue, or the one that tells of the next change
    /// is lost and no further one ever comes.
    pub(super) fn grab(&self) -> Result<Option<gst::Buffer>, GrabError> {
        self.drain()?;
        self.x.damage_subtract(self.damage, x11rb::NONE, x11rb::NONE)?;
        let (width, height) = self.size;
        let format = u8::from(ImageFormat::Z_PIXMAP);
        self.x.shm_get_image(self.root, 0, 0, width, height, !0, format, self.segment, 0)?.reply()?;
        let when_full = gst::BufferPoolAcquireParams::with_flags(gst::BufferPoolAcquireFlags::DONTWAIT);
        let Ok(mut buffer) = self.pool.acquire_buffer(Some(&when_full)) else { return Ok(None) };
        let converted = buffer
            .get_mut()
            .and_then(|buffer| buffer.map_writable().ok())
            .is_some_and(|mut memory| self.shared.convert(&mut memory, &self.layout));
        if converted { Ok(Some(buffer)) } else { Err(GrabError::Display("its picture cannot be converted")) }
    }

    /// The layout of the pictures.
    pub(super) fn layout(&self) -> &gst_video::VideoInfo {
        &self.layout
    }
}

impl Drop for Grabber {
    fn drop(&mut self) {
        let _ = self.pool.set_active(false);
    }
}

/// Whether two pictures show the same.
pub(super) fn same(one: &gst::Buffer, other: &gst::Buffer) -> bool {
    match (one.map_readable(), other.map_readable()) {
        (Ok(one), Ok(other)) => one.as_slice() == other.as_slice(),
        _ => false,
    }
}
