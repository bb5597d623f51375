//! Users, sessions, tokens, permissions, and the activity log.

pub mod activity;
mod caller;
mod cookie;
mod credential;
pub mod cross_site;
mod doorkeeper;
mod first;
pub mod password;
mod permission;
mod routes;
mod session;
mod throttle;
pub mod token;
pub mod user;

pub use self::caller::{Allowed, Caller, authenticate};
pub use self::doorkeeper::Doorkeeper;
pub use self::first::{FirstAdmin, first_admin};
pub use self::permission::{Permission, Permissions, UnknownPermission, perm};
pub(crate) use self::routes::routes;
