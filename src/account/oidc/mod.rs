//! Logins at somebody else's, by OpenID Connect: authorization code with PKCE, state and nonce.

mod accounts;
mod map;
mod pending;
mod provider;
mod routes;

pub use self::map::{GroupMap, Target};
pub use self::provider::Provider;
pub(crate) use self::routes::routes;
