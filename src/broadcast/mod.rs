//! The heart: what should be on the air, and making it so.

mod arm;
pub mod capacity;
mod etiquette;
mod evidence;
mod flight;
mod history;
mod launch;
mod listing;
mod load;
mod meeting;
pub mod model;
pub mod news;
pub mod playing;
mod preflight;
pub mod push;
pub mod room_state;
mod routes;
mod rules;
pub mod session;
mod start;
pub mod state;
mod store;
mod supervisor;

pub use launch::Launcher;
pub use meeting::MeetingLink;
pub(crate) use model::{BroadcastView, Row, SourceKind, StartRequest, TargetRequest};
pub(crate) use preflight::{Preflight, check};
pub(crate) use routes::{Glances, check_image, public, routes, show};
pub(crate) use rules::Until;
pub(crate) use start::{Cause, check_shape, checked_target, may_start, start_by};
pub(crate) use store::of_server;
pub use supervisor::Supervisor;
