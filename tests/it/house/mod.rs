//! Settings, store, accounts, the HTTP base, servers, origins and rooms.

mod account;
mod http;
mod resources;
mod store;
