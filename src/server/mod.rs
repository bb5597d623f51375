//! BBB servers: base URL and shared secret.

mod clients;
mod store;

pub use self::clients::{ClientError, Servers};
pub use self::store::{Server, find};
