//! Presets: saved Starts, so that what happens every week takes one press. And what is known of common services.

mod model;
mod routes;
mod services;
mod slate;
mod start;
mod store;

pub(crate) use routes::routes;
pub(crate) use start::{Begin, begin, may_begin};
pub(crate) use store::{Auto, auto, find};
