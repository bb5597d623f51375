//! Settings, store, accounts, the HTTP base, servers, origins and rooms.

mod account;
mod store;
