//! The heart: what should be on the air, and making it so.

pub mod state;
