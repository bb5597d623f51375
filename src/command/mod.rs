//! What each sub-command does.

pub(crate) mod doctor;
pub(crate) mod pipeline;
pub(crate) mod push;
pub(crate) mod serve;
pub(crate) mod token;
pub(crate) mod user;

use std::future::Future;

use bluecast::config::Settings;
use bluecast::store::{Purpose, Store};

/// Runs something that waits, on one thread.
fn wait_for<T>(work: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(work)
}

pub(crate) fn migrate() -> anyhow::Result<()> {
    let settings = Settings::from_env()?;
    wait_for(async {
        Store::open(&settings, Purpose::Serve).await?.close().await;
        println!("The database is up to date.");
        Ok(())
    })
}
