//! The BBB client against the double, and the double itself.

mod api;
mod failure;
mod page;
mod reach;
mod tls;

use bluecast::bbb::{BaseUrl, Client, ClientOptions};
use bluecast::reach::Reach;
use bluecast::secret::Secret;

use crate::support::bbb::Bbb;

/// A client with short time-outs, so that the tests of silence do not take long.
fn client(bbb: &Bbb) -> Client {
    client_with(&bbb.url(), bbb.secret(), "loopback")
}

fn client_with(url: &str, secret: Secret, allow: &str) -> Client {
    let options = ClientOptions { whole: std::time::Duration::from_secs(2), ..ClientOptions::default() };
    Client::new(BaseUrl::parse(url).unwrap(), secret, Reach::parse(allow).unwrap(), &options).unwrap()
}
