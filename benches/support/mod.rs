//! What the benches share: a screen to paint on, the two that push it, what receives it, and tables.
#![expect(dead_code, unreachable_pub, reason = "each bench uses a part of this")]

pub mod display;
pub mod process;
pub mod push;
pub mod quality;
pub mod receive;
pub mod scene;
pub mod sound;
pub mod table;
