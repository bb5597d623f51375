//! What can go wrong with a database, in the kinds that callers tell apart.

use std::path::PathBuf;

/// An error while the program runs.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A row like this exists already.
    #[error("a row with this value exists already")]
    Taken,
    /// Another row is needed, or this one is needed by another.
    #[error("another row depends on this one, or this one on a missing row")]
    Referenced,
    /// One row was asked for and none is there.
    #[error("no such row")]
    Missing,
    /// The disk is full.
    #[error("the disk that holds the database is full")]
    Full,
    /// The file or the server takes no writes.
    #[error("the database cannot be written to: it is read-only")]
    ReadOnly,
    /// The database does not answer, or not in time.
    #[error("the database does not answer: {0}")]
    Away(sqlx::Error),
    /// Anything else: a mistake of ours or a broken database.
    #[error("the database refused a statement: {0}")]
    Other(sqlx::Error),
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        let database_error = match &error {
            sqlx::Error::RowNotFound => return Self::Missing,
            sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed | sqlx::Error::WorkerCrashed | sqlx::Error::Io(_) | sqlx::Error::Tls(_) => {
                return Self::Away(error);
            }
            sqlx::Error::Database(database_error) => database_error,
            _ => return Self::Other(error),
        };
        if database_error.is_unique_violation() {
            return Self::Taken;
        }
        if database_error.is_foreign_key_violation() {
            return Self::Referenced;
        }
        let code = database_error.code().unwrap_or_default().into_owned();
        let is_sqlite = database_error.try_downcast_ref::<sqlx::sqlite::SqliteError>().is_some();
        match if is_sqlite { sqlite_kind(&code) } else { postgres_kind(&code) } {
            Kind::Full => Self::Full,
            Kind::ReadOnly => Self::ReadOnly,
            Kind::Away => Self::Away(error),
            Kind::Other => Self::Other(error),
        }
    }
}

enum Kind {
    Full,
    ReadOnly,
    Away,
    Other,
}

/// By the primary result code, which is the low byte of the extended one.
fn sqlite_kind(code: &str) -> Kind {
    match code.parse::<u32>().unwrap_or_default() & 0xff {
        13 => Kind::Full,
        8 => Kind::ReadOnly,
        // Busy, locked, input/output error, cannot open.
        5 | 6 | 10 | 14 => Kind::Away,
        _ => Kind::Other,
    }
}

/// By SQLSTATE.
fn postgres_kind(code: &str) -> Kind {
    match code {
        "53100" => Kind::Full,
        "25006" => Kind::ReadOnly,
        // Statement and lock time-outs, connections refused or cut, servers that stop or start.
        "57014" | "55P03" => Kind::Away,
        _ if ["08", "53", "57"].iter().any(|class| code.starts_with(class)) => Kind::Away,
        _ => Kind::Other,
    }
}

/// Why a database cannot be opened, in words for the person who starts the program.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process serves from this file.
    #[error("another Bluecast process uses {}; stop it first, or give this one a BLUECAST_DATA_DIR of its own", .0.display())]
    InUse(PathBuf),
    /// The folder or file cannot be used.
    #[error("the database {} cannot be used: {reason}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// The server cannot be used.
    #[error("the database of BLUECAST_DATABASE_URL cannot be used: {0}")]
    Server(String),
    /// The tables belong to another version of the program.
    #[error("{0}")]
    Version(String),
    /// The key for the secrets at rest does not fit.
    #[error("{0}")]
    Key(String),
    /// A statement failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}
