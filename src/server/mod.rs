//! BBB servers: base URL and shared secret.

mod clients;
mod meetings;
mod routes;
mod store;
mod trial;

pub use self::clients::{ClientError, Servers};
pub(crate) use self::routes::routes;
pub use self::store::{Server, find};
