//! The program from outside: one module a capability, real parts in `support`.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![expect(clippy::pedantic, reason = "tests are read for what they show, not for how")]
#![expect(unreachable_pub, reason = "a test binary has no outside")]

mod account;
mod admission;
mod bbb;
mod broadcast;
mod browser;
mod comment;
mod deploy;
mod house;
mod node;
mod ome;
mod origin;
mod output;
mod pages;
mod program;
mod room;
mod support;
