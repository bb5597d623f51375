//! Settings, store, accounts, the HTTP base, servers, origins and rooms.

mod account;
mod bus;
mod cli;
mod document;
mod full;
mod http;
mod manners;
mod meetings;
mod resources;
mod store;
mod webhook;
