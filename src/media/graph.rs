//! The running pipelines of a broadcast as a drawing: elements, states and caps. No properties, so no address and no key.

use std::fmt::Write;

use gstreamer as gst;
use gstreamer::prelude::*;

use super::clock::MediaClock;

const BOX_WIDTH: usize = 150;
const BOX_HEIGHT: usize = 44;
const STEP: usize = 250;
const ROW: usize = 96;
const MARGIN: usize = 24;
/// Longest caps text that is drawn on a line, in characters.
const CAPS: usize = 40;
/// The fields of caps that are drawn.
const SHOWN: [&str; 9] = ["format", "width", "height", "framerate", "profile", "level", "rate", "channels", "stream-format"];

/// All pipelines that go by this clock, as SVG: a row each.
pub fn svg(clock: &MediaClock) -> String {
    let rows: Vec<Vec<gst::Element>> = clock.pipelines().iter().map(in_order).filter(|row| !row.is_empty()).collect();
    let longest = rows.iter().map(Vec::len).max().unwrap_or(0);
    let (width, height) = (2 * MARGIN + longest.saturating_sub(1) * STEP + BOX_WIDTH, 2 * MARGIN + rows.len() * ROW);
    let mut drawing = String::new();
    for (row, elements) in rows.iter().enumerate() {
        for (column, element) in elements.iter().enumerate() {
            // Writing to a String cannot fail.
            let _ = draw(&mut drawing, element, MARGIN + column * STEP, MARGIN + row * ROW, elements.get(column + 1).is_some());
        }
    }
    format!(
        r##"<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="12"><rect width="100%" height="100%" fill="#fff"/>{drawing}</svg>"##
    )
}

/// The elements from source to sink.
fn in_order(pipeline: &gst::Pipeline) -> Vec<gst::Element> {
    let mut elements: Vec<gst::Element> = Vec::new();
    let mut iterator = pipeline.iterate_sorted();
    // A pipeline that changes while it is looked at is drawn as far as it was seen.
    while let Ok(Some(element)) = iterator.next() {
        elements.push(element);
    }
    elements.reverse();
    elements
}

fn draw(out: &mut String, element: &gst::Element, x: usize, y: usize, leads_on: bool) -> std::fmt::Result {
    let factory = element.factory().map_or_else(String::new, |factory| factory.name().to_string());
    let state = format!("{:?}", element.current_state()).to_lowercase();
    let fill = if state == "playing" { "#e8f4ec" } else { "#fdf1d8" };
    let (middle, line, small) = (x + BOX_WIDTH / 2, y + 19, y + 35);
    write!(out, r##"<rect x="{x}" y="{y}" width="{BOX_WIDTH}" height="{BOX_HEIGHT}" rx="6" fill="{fill}" stroke="#45617f"/>"##)?;
    write!(out, r#"<text x="{middle}" y="{line}" text-anchor="middle" font-weight="600">{}</text>"#, escape(&factory))?;
    write!(out, r##"<text x="{middle}" y="{small}" text-anchor="middle" fill="#555">{state}</text>"##)?;
    if leads_on {
        let (from, to, at) = (x + BOX_WIDTH, x + STEP, y + BOX_HEIGHT / 2);
        write!(out, r##"<path d="M {from} {at} H {to}" stroke="#45617f"/>"##)?;
        for (index, part) in caps(element).into_iter().enumerate() {
            let below = y + BOX_HEIGHT + 14 + index * 13;
            write!(out, r##"<text x="{from}" y="{below}" font-size="10" fill="#555">{}</text>"##, escape(&part))?;
        }
    }
    Ok(())
}

/// What flows out of an element, in two short lines.
fn caps(element: &gst::Element) -> Vec<String> {
    let pad = element.src_pads().into_iter().find_map(|pad| pad.current_caps());
    let Some(structure) = pad.as_ref().and_then(|caps| caps.structure(0)) else { return Vec::new() };
    let values = SHOWN.iter().filter_map(|name| structure.value(*name).ok()?.serialize().ok()).map(|value| value.to_string());
    let cut = |text: String| text.chars().take(CAPS).collect();
    vec![cut(structure.name().to_string()), cut(values.collect::<Vec<_>>().join(" "))]
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
