//! An X server of the bench's own, and painters on it.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use bluecast::media::strip;
use x11rb::connection::Connection;
use x11rb::protocol::xproto::{ConnectionExt as _, CreateGCAux, ImageFormat, Rectangle};
use x11rb::rust_connection::RustConnection;
use x11rb::wrapper::ConnectionExt as _;

use crate::support::decode::unix_ms;

/// A running Xvfb that lets every local program in.
pub struct Display {
    child: Child,
    pub number: u32,
    pub width: u16,
    pub height: u16,
}

impl Display {
    pub fn start(width: u16, height: u16) -> Self {
        let mut child = Command::new("Xvfb")
            .args(["-displayfd", "1", "-nolisten", "tcp", "-nocursor", "-noreset", "-screen", "0"])
            .arg(format!("{width}x{height}x24"))
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("xvfb is installed");
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        Self { child, number: line.trim().parse().expect("Xvfb says its number"), width, height }
    }

    pub fn name(&self) -> String {
        format!(":{}", self.number)
    }

    /// Uploads pictures (B, G, R, X) and shows one after the other: `schedule` says which picture stands at which time.
    pub fn show(&self, pictures: &[Vec<u8>], schedule: impl Fn(Duration) -> usize + Send + 'static) -> Painter {
        let canvas = Canvas::new(self);
        let pixmaps: Vec<u32> = pictures.iter().map(|pixels| canvas.upload(pixels)).collect();
        let mut shown = usize::MAX;
        Painter::every(Duration::from_millis(3), move |elapsed| {
            let index = schedule(elapsed).min(pixmaps.len() - 1);
            if index != shown {
                shown = index;
                canvas.copy(pixmaps[index], 0, canvas.height);
            }
        })
    }

    /// The clock strip, painted 250 times a second, over a still picture.
    pub fn clock(&self, picture: &[u8]) -> Painter {
        let canvas = Canvas::new(self);
        let below = canvas.upload(picture);
        canvas.copy(below, 0, canvas.height);
        let line = canvas.pixmap();
        let height = u16::try_from(strip::height(self.height.into())).unwrap();
        Painter::every(Duration::from_millis(4), move |_| {
            canvas.paint_strip(line, unix_ms(), height);
            canvas.copy(line, 0, height);
        })
    }
}

impl Drop for Display {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Paints the strip into pixels (B, G, R, X).
pub fn stamp(pixels: &mut [u8], width: usize, height: usize, value: u64) {
    let cells = strip::cells(value);
    for row in pixels.chunks_mut(width * 4).take(strip::height(height)) {
        for (x, pixel) in row.chunks_mut(4).enumerate() {
            pixel.fill(if cells[x * strip::CELLS / width] { 255 } else { 0 });
        }
    }
}

/// A connection that draws.
struct Canvas {
    x: RustConnection,
    root: u32,
    white: u32,
    black: u32,
    width: u16,
    height: u16,
}

impl Canvas {
    fn new(display: &Display) -> Self {
        let (x, _) = RustConnection::connect(Some(&display.name())).unwrap();
        let root = x.setup().roots[0].root;
        let (white, black) = (x.generate_id().unwrap(), x.generate_id().unwrap());
        x.create_gc(white, root, &CreateGCAux::new().foreground(0xff_ff_ff).graphics_exposures(0)).unwrap();
        x.create_gc(black, root, &CreateGCAux::new().foreground(0).graphics_exposures(0)).unwrap();
        Self { x, root, white, black, width: display.width, height: display.height }
    }

    fn pixmap(&self) -> u32 {
        let id = self.x.generate_id().unwrap();
        self.x.create_pixmap(24, id, self.root, self.width, self.height).unwrap();
        id
    }

    fn upload(&self, pixels: &[u8]) -> u32 {
        let id = self.pixmap();
        self.x.put_image(ImageFormat::Z_PIXMAP, id, self.white, self.width, self.height, 0, 0, 0, 24, pixels).unwrap();
        self.x.sync().unwrap();
        id
    }

    /// One request, so that no grab sees half of it.
    fn copy(&self, from: u32, top: i16, height: u16) {
        // Fails only when the display goes down before its painter.
        let _ = self.x.copy_area(from, self.root, self.white, 0, top, 0, top, self.width, height);
        let _ = self.x.flush();
    }

    fn paint_strip(&self, on: u32, value: u64, height: u16) {
        let whole = Rectangle { x: 0, y: 0, width: self.width, height };
        let _ = self.x.poly_fill_rectangle(on, self.black, &[whole]);
        let edge = |index: usize| (index * usize::from(self.width)).div_ceil(strip::CELLS);
        let cells = strip::cells(value);
        let white: Vec<Rectangle> = (0..strip::CELLS)
            .filter(|index| cells[*index])
            .map(|index| {
                let (from, to) = (edge(index), edge(index + 1));
                Rectangle { x: i16::try_from(from).unwrap(), y: 0, width: u16::try_from(to - from).unwrap(), height }
            })
            .collect();
        let _ = self.x.poly_fill_rectangle(on, self.white, &white);
    }
}

/// A thread that paints; dropping it ends it.
pub struct Painter {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Painter {
    fn every(interval: Duration, mut paint: impl FnMut(Duration) + Send + 'static) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = std::thread::spawn(move || {
            let began = Instant::now();
            let mut next = began;
            while !stopped.load(Ordering::Relaxed) {
                paint(began.elapsed());
                // What was missed while others had the machine is not made up for.
                next = (next + interval).max(Instant::now());
                std::thread::sleep(next.saturating_duration_since(Instant::now()).max(Duration::from_millis(1)));
            }
        });
        Self { stop, thread: Some(thread) }
    }
}

impl Drop for Painter {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
