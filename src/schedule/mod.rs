//! Starts that nobody presses: by the clock, and whenever a meeting runs. Of several processes on one database one acts.

mod auto;
mod claim;
mod clock;
mod plan;
mod routes;
mod store;

pub(crate) use clock::follow;
pub(crate) use routes::routes;
