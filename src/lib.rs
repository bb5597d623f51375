//! Bluecast puts a `BigBlueButton` meeting on the air. This is the map of the house; `ARCHITECTURE.md` walks through it.
//!
//! Arrows point one way: `routes → session and rules → store`, and `broadcast → media, bbb, origin`.
//! `media` and `bbb` know nobody above them.

pub mod account;
pub mod app;
pub mod bbb;
pub mod broadcast;
pub mod chance;
pub mod comment;
pub mod config;
pub mod doctor;
pub mod http;
pub mod id;
pub mod media;
pub mod memory;
pub mod moment;
pub mod node;
pub mod origin;
pub mod page;
mod preset;
pub mod reach;
pub mod room;
mod schedule;
pub mod secret;
pub mod server;
pub mod stamp;
pub mod store;
pub mod telemetry;
pub mod webhook;
