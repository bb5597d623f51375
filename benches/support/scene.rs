//! What stands on the screen while costs are measured: pictures made from arithmetic, the same on every machine and in every run.

/// Pictures of the movie; it is played forwards and backwards, so that it never cuts.
pub const MOVIE: usize = 48;
/// Slides.
pub const SLIDES: usize = 6;
/// Edge of the texture, a power of two; it repeats.
const EDGE: usize = 1024;

/// A camera's picture, as far as an encoder can tell: structure at every scale falling off as 1/f does, a slow pan and zoom, three heads
/// that sway before it, and the grain of a sensor. Pixels are B, G, R, X.
pub struct Movie {
    wall: Vec<f32>,
    skin: Vec<f32>,
}

impl Movie {
    pub fn new() -> Self {
        Self { wall: texture(1), skin: texture(2) }
    }

    /// Picture `index` of [`MOVIE`].
    pub fn picture(&self, index: usize, width: usize, height: usize) -> Vec<u8> {
        let time = index as f32 / 30.0;
        let mut pixels = vec![0; width * height * 4];
        let zoom = 0.85 + 0.05 * (time * 0.7).sin();
        let (pan_x, pan_y) = (60.0 * time, 22.0 * (time * 1.3).sin());
        for y in 0..height {
            for x in 0..width {
                let (fx, fy) = (x as f32, y as f32);
                let mut luma = sample(&self.wall, fx * zoom + pan_x, fy * zoom + pan_y);
                let mut warmth = 0.12;
                for head in 0..3 {
                    let phase = head as f32 * 2.1;
                    let centre_x = width as f32 * (0.2 + 0.3 * head as f32) + 24.0 * (time * 1.9 + phase).sin();
                    let centre_y = height as f32 * 0.55 + 12.0 * (time * 2.7 + phase).cos();
                    let (dx, dy) = ((fx - centre_x) / (width as f32 * 0.11), (fy - centre_y) / (height as f32 * 0.3));
                    if dx * dx + dy * dy < 1.0 {
                        let turn = 0.08 * (time * 1.1 + phase).sin();
                        let (u, v) = (fx - centre_x + turn * (fy - centre_y), fy - centre_y - turn * (fx - centre_x));
                        luma = 0.25 + 0.6 * sample(&self.skin, 300.0 * (phase + 1.0) + u * 0.4, 300.0 + v * 0.4) * (1.0 - 0.5 * dx * dx);
                        warmth = 0.35;
                    }
                }
                let grain = (hash((index * 7919) as u32 ^ (y * width + x) as u32) & 0xff) as f32 / 255.0 - 0.5;
                let luma = luma * 215.0 + 20.0 + grain * 4.0;
                let at = (y * width + x) * 4;
                for (channel, gain) in [1.0 - warmth, 1.0, 1.0 + warmth].into_iter().enumerate() {
                    pixels[at + channel] = (luma * gain).clamp(0.0, 255.0) as u8;
                }
            }
        }
        pixels
    }
}

/// A slide as SVG: heading, lines of text, a table, a diagram.
pub fn slide(index: usize, width: usize, height: usize) -> String {
    use std::fmt::Write;
    const WORDS: [&str; 16] = [
        "energy",
        "of",
        "the",
        "system",
        "remains",
        "while",
        "momentum",
        "changes",
        "with",
        "every",
        "collision",
        "measured",
        "in",
        "two",
        "frames",
        "because",
    ];
    let paper = ["#ffffff", "#fbf8ef", "#f2f6fb"][index % 3];
    let mut svg = format!(
        "<svg xmlns='http://www.w3.org/2000/svg' width='{width}' height='{height}' viewBox='0 0 1360 768'>\
         <rect width='1360' height='768' fill='{paper}'/>\
         <text x='70' y='130' font-family='sans-serif' font-size='52' font-weight='bold' fill='#1d3557'>{}. Conservation laws</text>",
        index + 1
    );
    for line in 0..9 {
        let words: Vec<&str> = (0..7).map(|word| WORDS[(hash((index * 97 + line * 13 + word) as u32) % 16) as usize]).collect();
        let y = 200 + line * 48;
        let _ = write!(svg, "<text x='90' y='{y}' font-family='sans-serif' font-size='24' fill='#222'>• {}</text>", words.join(" "));
    }
    for bar in 0..7 {
        let value = 60 + hash((index * 31 + bar) as u32) % 280;
        let (x, y) = (900 + bar * 58, 640 - value as usize);
        let colour = ["#e76f51", "#2a9d8f", "#264653", "#e9c46a"][(bar + index) % 4];
        let _ = write!(
            svg,
            "<rect x='{x}' y='{y}' width='42' height='{value}' fill='{colour}'/>\
             <text x='{x}' y='{}' font-family='sans-serif' font-size='18' fill='#222'>{value}</text>",
            y - 8
        );
    }
    svg + "<path d='M890 640H1320M890 640V260' stroke='#222' stroke-width='2' fill='none'/></svg>"
}

fn texture(seed: u32) -> Vec<f32> {
    let mut values = vec![0.0; EDGE * EDGE];
    for octave in 1..9_u32 {
        let cells = 2_usize << octave;
        let size = EDGE / cells;
        let weight = 0.72_f32.powi(octave as i32);
        let knot = |x: usize, y: usize| {
            let value = hash(seed * 65_537 + octave * 8191 + ((y % cells) * cells + x % cells) as u32);
            (value & 0xffff) as f32 / 65_535.0 - 0.5
        };
        for y in 0..EDGE {
            let (row, v) = (y / size, smooth((y % size) as f32 / size as f32));
            for x in 0..EDGE {
                let (column, u) = (x / size, smooth((x % size) as f32 / size as f32));
                let upper = knot(column, row) * (1.0 - u) + knot(column + 1, row) * u;
                let lower = knot(column, row + 1) * (1.0 - u) + knot(column + 1, row + 1) * u;
                values[y * EDGE + x] += weight * (upper * (1.0 - v) + lower * v);
            }
        }
    }
    // Hard edges, as of books on a shelf: every few cells a brightness of its own.
    for (at, value) in values.iter_mut().enumerate() {
        let (x, y) = (at % EDGE, at / EDGE);
        let shelf = y / 128;
        let book = hash(seed * 31 + shelf as u32 * 977 + (x / (16 + 8 * (shelf % 3))) as u32);
        let gap = if y % 128 > 118 { -0.35 } else { 0.0 };
        *value = *value * 1.1 + ((book & 0xff) as f32 / 255.0 - 0.5) * 0.5 + gap;
    }
    values.iter().map(|value| (0.5 + value * 0.9).clamp(0.0, 1.0)).collect()
}

fn smooth(t: f32) -> f32 {
    t * t * (3.0 - 2.0 * t)
}

fn sample(texture: &[f32], x: f32, y: f32) -> f32 {
    let (left, top) = (x.floor(), y.floor());
    let (u, v) = (x - left, y - top);
    let wrap = |value: f32, more: i32| (value as i32 + more).rem_euclid(EDGE as i32) as usize;
    let at = |dx: i32, dy: i32| texture[wrap(top, dy) * EDGE + wrap(left, dx)];
    let upper = at(0, 0) * (1.0 - u) + at(1, 0) * u;
    let lower = at(0, 1) * (1.0 - u) + at(1, 1) * u;
    upper * (1.0 - v) + lower * v
}

fn hash(value: u32) -> u32 {
    let mut value = value.wrapping_add(0x9e37_79b9);
    value = (value ^ (value >> 16)).wrapping_mul(0x85eb_ca6b);
    value = (value ^ (value >> 13)).wrapping_mul(0xc2b2_ae35);
    value ^ (value >> 16)
}

/// An SVG as pixels.
pub fn render(svg: &str, width: usize, height: usize) -> Vec<u8> {
    use gstreamer::prelude::*;
    let text = format!(
        "appsrc name=in ! rsvgdec ! videoconvert ! video/x-raw,format=BGRx,width={width},height={height} ! appsink name=out sync=false"
    );
    let pipeline: gstreamer::Pipeline = gstreamer::parse::launch(&text).unwrap().downcast().unwrap();
    let input: gstreamer_app::AppSrc = pipeline.by_name("in").unwrap().downcast().unwrap();
    let output: gstreamer_app::AppSink = pipeline.by_name("out").unwrap().downcast().unwrap();
    pipeline.set_state(gstreamer::State::Playing).unwrap();
    input.push_buffer(gstreamer::Buffer::from_mut_slice(svg.to_owned().into_bytes())).unwrap();
    input.end_of_stream().unwrap();
    let sample = output.pull_sample().expect("the slide is drawn");
    let pixels = sample.buffer().unwrap().map_readable().unwrap().to_vec();
    pipeline.set_state(gstreamer::State::Null).unwrap();
    pixels
}
