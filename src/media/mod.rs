//! The media path: sources, the program, outputs. Knows no HTTP and no database.

pub mod audio;
pub mod clock;
pub mod error;
pub mod graph;
pub mod hub;
pub mod latch;
pub mod output;
pub mod packet;
pub mod permit;
pub mod pipeline;
pub mod profile;
pub mod program;
pub mod slate;
pub mod snapshot;
pub mod source;
pub mod strip;
