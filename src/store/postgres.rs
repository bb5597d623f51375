//! Opens a Postgres database.

use std::str::FromStr;
use std::time::Duration;

use sqlx::PgPool;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};

use super::migrate::{self, MIGRATOR};
use super::{OpenError, Store};
use crate::secret::Secret;

/// How long anybody waits for a connection.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(8);
const CONNECTIONS: u32 = 16;

pub(super) async fn open(url: &Secret) -> Result<Store, OpenError> {
    let pool = connect(url).await?;
    MIGRATOR.run(&pool).await.map_err(|error| migrate::explain(error, |error| OpenError::Server(error.to_string())))?;
    Ok(Store::Postgres(pool))
}

/// A pool of one.
pub(super) fn apart(pool: &PgPool) -> PgPool {
    PgPoolOptions::new()
        .max_connections(1)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .idle_timeout(None)
        .max_lifetime(None)
        .connect_lazy_with((*pool.connect_options()).clone())
}

/// Asks for its version, and changes nothing.
pub(super) async fn probe(url: &Secret) -> Result<String, OpenError> {
    let pool = connect(url).await?;
    let version = sqlx::query_as::<_, (String,)>("SHOW server_version").fetch_one(&pool).await;
    pool.close().await;
    version.map(|(version,)| format!("Postgres {version} answers")).map_err(|error| OpenError::Server(error.to_string()))
}

async fn connect(url: &Secret) -> Result<PgPool, OpenError> {
    let options = PgConnectOptions::from_str(url.reveal())
        .map_err(|_| OpenError::Server("it is no valid address".to_owned()))?
        .application_name("bluecast")
        // A statement, a lock or a forgotten transaction holds nobody up for longer.
        .options([("statement_timeout", "20s"), ("lock_timeout", "10s"), ("idle_in_transaction_session_timeout", "60s")]);
    // A server that refuses connections is tried again until the time-out: it may be starting, too.
    PgPoolOptions::new()
        .max_connections(CONNECTIONS)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .connect_with(options)
        .await
        .map_err(|error| OpenError::Server(error.to_string()))
}
