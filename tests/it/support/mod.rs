//! Doubles and real servers that the tests run against. Each says on itself what it assumes.

pub mod app;
pub mod bbb;
pub mod chromium;
#[expect(dead_code, reason = "the benches read more of it")]
pub mod decode;
pub mod hub_decode;
pub mod nginx;
pub mod oidc;
#[expect(dead_code, reason = "the double can do more than is asked of it yet")]
pub mod ome;
pub mod postgres;
pub mod process;
pub mod smtp;
pub mod socket;
pub mod srt;
pub mod tls;
pub mod wait;
