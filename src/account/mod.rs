//! Users, groups, roles, sessions, tokens, permissions, and the activity log.

pub mod activity;
mod caller;
mod changes;
mod cookie;
mod credential;
pub mod cross_site;
mod doorkeeper;
mod first;
pub mod grants;
pub mod group;
pub mod mail;
pub mod oidc;
pub mod password;
mod permission;
mod reset;
mod rise;
mod role;
mod routes;
pub mod rules;
pub mod scope;
mod second;
mod session;
mod throttle;
pub mod token;
pub mod user;

pub(crate) use self::caller::fingerprint;
pub use self::caller::{Allowed, Caller, Credential, authenticate};
pub use self::changes::AccountChanges;
pub use self::doorkeeper::Doorkeeper;
pub use self::first::{FirstAdmin, first_admin};
pub use self::permission::{Permission, Permissions, UnknownPermission, perm};
pub(crate) use self::routes::routes;
pub use self::scope::{Kind, Sight};
