//! Opens a `SQLite` file: one writer, several readers, one serving process.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{Connection, SqliteConnection};

use super::migrate::{self, MIGRATOR};
use super::{OpenError, Purpose, SqliteStore, Store};

/// How long a statement waits for a lock that another process holds.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// How long anybody waits for a connection of the pool.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(10);
const READERS: u32 = 4;

pub(super) async fn open(path: &Path, purpose: Purpose) -> Result<Store, OpenError> {
    let failed = |reason: String| OpenError::File { path: path.to_owned(), reason };
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        std::fs::create_dir_all(folder).map_err(|error| failed(format!("its folder cannot be made: {error}")))?;
    }
    let lock = lock(path, purpose)?;

    let options = SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Normal)
        .foreign_keys(true)
        .busy_timeout(BUSY_TIMEOUT);
    let pool = || SqlitePoolOptions::new().acquire_timeout(ACQUIRE_TIMEOUT).idle_timeout(None).max_lifetime(None);
    let writer = pool()
        .max_connections(1)
        // On a full disk SQLite takes a transaction back by itself, the ROLLBACK that follows fails, and sqlx counts the transaction as open
        // for ever. The ping waits for that ROLLBACK; what is then still open goes, and a new connection comes.
        .after_release(|connection, _| {
            Box::pin(async move {
                connection.ping().await?;
                Ok(!connection.is_in_transaction())
            })
        })
        .connect_with(options.clone())
        .await
        .map_err(|error| failed(reason(&error)))?;
    if lock.is_some() {
        MIGRATOR.run(&writer).await
    } else {
        // Beside a serving process, which has brought the tables up to date.
        migrate::check(&mut *writer.acquire().await.map_err(|error| failed(reason(&error)))?).await
    }
    .map_err(|error| migrate::explain(error, |error| failed(reason(&error))))?;

    let readers = pool()
        .max_connections(READERS)
        .connect_with(options.create_if_missing(false).read_only(true))
        .await
        .map_err(|error| failed(reason(&error)))?;
    Ok(Store::Sqlite(SqliteStore { readers, writer, bus: super::bus::local(), lock }))
}

/// Reads from the file if there is one, and changes nothing.
pub(super) async fn probe(path: &Path) -> Result<String, OpenError> {
    if !path.exists() {
        return Ok(format!("{} will be made", path.display()));
    }
    let options = SqliteConnectOptions::new().filename(path).read_only(true).busy_timeout(BUSY_TIMEOUT);
    let read = async {
        let mut connection = SqliteConnection::connect_with(&options).await?;
        sqlx::query("SELECT name FROM sqlite_master LIMIT 1").fetch_optional(&mut connection).await?;
        connection.close().await
    };
    let failed = |error: sqlx::Error| OpenError::File { path: path.to_owned(), reason: reason(&error) };
    read.await.map(|()| format!("{} can be read", path.display())).map_err(failed)
}

/// The lock of the process that serves. Given back by name, not only by closing the file: a child that is just being started still holds a
/// copy of every open file, and with it the lock.
pub(super) struct Lock(File);

impl Lock {
    /// Gives it back; a second time changes nothing.
    pub(super) fn release(&self) {
        if let Err(error) = self.0.unlock() {
            tracing::warn!(%error, "the database's lock could not be given back");
        }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        self.release();
    }
}

/// Takes the lock that keeps a second serving process out.
fn lock(path: &Path, purpose: Purpose) -> Result<Option<Arc<Lock>>, OpenError> {
    let mut lock_path = path.as_os_str().to_owned();
    lock_path.push(".lock");
    let cannot = |error: std::io::Error| OpenError::File { path: path.to_owned(), reason: error.to_string() };
    let file = OpenOptions::new().create(true).truncate(false).write(true).open(&lock_path).map_err(cannot)?;
    match (file.try_lock(), purpose) {
        (Ok(()), _) => Ok(Some(Arc::new(Lock(file)))),
        (Err(TryLockError::WouldBlock), Purpose::Command) => Ok(None),
        (Err(TryLockError::WouldBlock), Purpose::Serve) => Err(OpenError::InUse(path.to_owned())),
        (Err(TryLockError::Error(error)), _) => Err(cannot(error)),
    }
}

fn reason(error: &sqlx::Error) -> String {
    match error {
        sqlx::Error::Database(error) => error.message().to_owned(),
        other => other.to_string(),
    }
}
