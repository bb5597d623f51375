//! Talks to BBB: its HTTP API, checksums, join addresses. Knows no database.
//!
//! A [`Client`] is made for each server and may be cloned and shared. [`BaseUrl`] takes the address in the forms people have it,
//! [`JoinParams`] says how somebody enters a meeting, [`MeetingWatch`] decides when a meeting is over. Every failure is a [`BbbError`].

mod address;
mod answer;
mod calls;
mod checksum;
mod client;
mod error;
mod fault;
mod join;
mod query;
mod watch;
mod xml;

pub use address::BaseUrl;
pub use answer::{Attendee, Created, Generation, Index, Meeting, Role};
pub use calls::{CreateParams, Document};
pub use checksum::Algorithm;
pub use client::{Client, ClientOptions};
pub use error::BbbError;
pub use join::{DEFAULT_CSS, JoinParams, Layout};
pub use watch::{MeetingWatch, Sighting};
