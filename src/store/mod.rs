//! The two databases behind one face: the same SQL text, with `$1`, runs on both.
//!
//! Reads go to [`Store::all`], [`Store::optional`] and [`Store::one`], single writes to [`Store::run`], and writes that belong together
//! into a transaction from [`Store::begin`], which has the same four. On `SQLite` all writes pass one connection, so a transaction should
//! hold no wait for anything but the database.

mod arg;
pub mod bus;
pub mod dialect;
mod error;
mod key;
mod migrate;
mod postgres;
mod query;
mod sqlite;
pub mod vault;

use std::sync::Arc;

use sqlx::{PgPool, SqlitePool};

pub use self::arg::{Arg, Flag};
pub use self::dialect::Dialect;
pub use self::error::{OpenError, StoreError};
pub use self::key::open_vault;
pub use self::query::{Record, Transaction};
use crate::config::{Database, Settings};

/// A list of [`Arg`]s for a statement: `args![id, name, 5]`.
#[macro_export]
macro_rules! args {
    ($($value:expr),* $(,)?) => { vec![$($crate::store::Arg::from($value)),*] };
}
pub use crate::args;

/// What a process opens the database for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// To serve: on `SQLite` no second process may.
    Serve,
    /// For one command, perhaps beside a serving process.
    Command,
}

/// An open database. Clones share its connections.
#[derive(Clone)]
pub enum Store {
    /// A file: many readers, one writer.
    Sqlite(SqliteStore),
    /// A server.
    Postgres(PgPool),
}

/// The connections to a `SQLite` file.
#[derive(Clone)]
pub struct SqliteStore {
    readers: SqlitePool,
    writer: SqlitePool,
    bus: bus::Local,
    /// Held as long as anybody holds the store; `None` in a command beside a serving process.
    lock: Option<Arc<sqlite::Lock>>,
}

/// Tries whether the database of the settings can be used, without a change to it; says what was found.
pub async fn probe(settings: &Settings) -> Result<String, OpenError> {
    match &settings.database {
        Database::Sqlite(path) => sqlite::probe(path).await,
        Database::Postgres(url) => postgres::probe(url).await,
    }
}

impl Store {
    /// Opens the database of the settings and brings its tables up to date.
    pub async fn open(settings: &Settings, purpose: Purpose) -> Result<Self, OpenError> {
        match &settings.database {
            Database::Sqlite(path) => sqlite::open(path, purpose).await,
            Database::Postgres(url) => postgres::open(url).await,
        }
    }

    /// Which of the two this is.
    pub fn dialect(&self) -> Dialect {
        match self {
            Self::Sqlite(_) => Dialect::Sqlite,
            Self::Postgres(_) => Dialect::Postgres,
        }
    }

    /// The same database by a connection of its own, for what must not wait behind everybody else; the next call is another connection.
    #[must_use]
    pub fn apart(&self) -> Self {
        match self {
            Self::Sqlite(_) => self.clone(),
            Self::Postgres(pool) => Self::Postgres(postgres::apart(pool)),
        }
    }

    /// Ends all connections, waiting for what is under way.
    pub async fn close(&self) {
        match self {
            Self::Sqlite(sqlite) => {
                sqlite.readers.close().await;
                sqlite.writer.close().await;
                if let Some(lock) = &sqlite.lock {
                    lock.release();
                }
            }
            Self::Postgres(pool) => pool.close().await,
        }
    }
}
