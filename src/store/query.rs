//! The four ways to ask, on a store and inside a transaction.

use sqlx::postgres::PgRow;
use sqlx::sqlite::SqliteRow;
use sqlx::{FromRow, Postgres, SqlSafeStr, Sqlite};

use super::arg::{for_postgres, for_sqlite};
use super::bus::{Local, Word};
use super::{Arg, Store, StoreError};

/// What a row can become: anything with `#[derive(sqlx::FromRow)]`, and tuples of columns.
pub trait Record: for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow> + Send + Unpin {}

impl<T> Record for T where T: for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow> + Send + Unpin {}

/// Writes that happen together or not at all. Dropped without [`commit`](Transaction::commit), none of them happens.
pub enum Transaction {
    /// Holds the one writer, and what is told on the bus once it is committed.
    Sqlite(sqlx::Transaction<'static, Sqlite>, Words),
    /// On a connection of its own.
    Postgres(sqlx::Transaction<'static, Postgres>),
}

impl Store {
    /// All rows of a read.
    pub async fn all<T: Record>(&self, sql: impl SqlSafeStr, args: Vec<Arg>) -> Result<Vec<T>, StoreError> {
        let sql = sql.into_sql_str();
        Ok(match self {
            Self::Sqlite(store) => sqlx::query_as_with(sql, for_sqlite(args)?).fetch_all(&store.readers).await?,
            Self::Postgres(pool) => sqlx::query_as_with(sql, for_postgres(args)?).fetch_all(pool).await?,
        })
    }

    /// The row of a read, if there is one.
    pub async fn optional<T: Record>(&self, sql: impl SqlSafeStr, args: Vec<Arg>) -> Result<Option<T>, StoreError> {
        let sql = sql.into_sql_str();
        Ok(match self {
            Self::Sqlite(store) => sqlx::query_as_with(sql, for_sqlite(args)?).fetch_optional(&store.readers).await?,
            Self::Postgres(pool) => sqlx::query_as_with(sql, for_postgres(args)?).fetch_optional(pool).await?,
        })
    }

    /// The row of a read, or [`StoreError::Missing`].
    pub async fn one<T: Record>(&self, sql: impl SqlSafeStr, args: Vec<Arg>) -> Result<T, StoreError> {
        self.optional(sql, args).await?.ok_or(StoreError::Missing)
    }

    /// A write by itself; gives the number of rows it touched.
    pub async fn run(&self, sql: impl SqlSafeStr, args: Vec<Arg>) -> Result<u64, StoreError> {
        let sql = sql.into_sql_str();
        Ok(match self {
            Self::Sqlite(store) => sqlx::query_with(sql, for_sqlite(args)?).execute(&store.writer).await?.rows_affected(),
            Self::Postgres(pool) => sqlx::query_with(sql, for_postgres(args)?).execute(pool).await?.rows_affected(),
        })
    }

    /// Begins a transaction that may write.
    pub async fn begin(&self) -> Result<Transaction, StoreError> {
        Ok(match self {
            // Immediate: a transaction that reads first and writes later would otherwise fail when it turns into a writer.
            Self::Sqlite(store) => {
                Transaction::Sqlite(store.writer.begin_with("BEGIN IMMEDIATE").await?, Words { bus: store.bus.clone(), words: Vec::new() })
            }
            Self::Postgres(pool) => Transaction::Postgres(pool.begin().await?),
        })
    }
}

/// What a transaction has to tell on the bus of its process.
pub struct Words {
    bus: Local,
    words: Vec<Word>,
}

impl Words {
    pub(super) fn push(&mut self, word: Word) {
        self.words.push(word);
    }

    fn tell(self) {
        for word in self.words {
            // Nobody listens: nobody is told.
            let _ = self.bus.send(word);
        }
    }
}

impl Transaction {
    /// All rows of a statement.
    pub async fn all<T: Record>(&mut self, sql: impl SqlSafeStr, args: Vec<Arg>) -> Result<Vec<T>, StoreError> {
        let sql = sql.into_sql_str();
        Ok(match self {
            Self::Sqlite(inner, _) => sqlx::query_as_with(sql, for_sqlite(args)?).fetch_all(&mut **inner).await?,
            Self::Postgres(inner) => sqlx::query_as_with(sql, for_postgres(args)?).fetch_all(&mut **inner).await?,
        })
    }

    /// The row of a statement, if there is one.
    pub async fn optional<T: Record>(&mut self, sql: impl SqlSafeStr, args: Vec<Arg>) -> Result<Option<T>, StoreError> {
        let sql = sql.into_sql_str();
        Ok(match self {
            Self::Sqlite(inner, _) => sqlx::query_as_with(sql, for_sqlite(args)?).fetch_optional(&mut **inner).await?,
            Self::Postgres(inner) => sqlx::query_as_with(sql, for_postgres(args)?).fetch_optional(&mut **inner).await?,
        })
    }

    /// The row of a statement, or [`StoreError::Missing`].
    pub async fn one<T: Record>(&mut self, sql: impl SqlSafeStr, args: Vec<Arg>) -> Result<T, StoreError> {
        self.optional(sql, args).await?.ok_or(StoreError::Missing)
    }

    /// A write; gives the number of rows it touched.
    pub async fn run(&mut self, sql: impl SqlSafeStr, args: Vec<Arg>) -> Result<u64, StoreError> {
        let sql = sql.into_sql_str();
        Ok(match self {
            Self::Sqlite(inner, _) => sqlx::query_with(sql, for_sqlite(args)?).execute(&mut **inner).await?.rows_affected(),
            Self::Postgres(inner) => sqlx::query_with(sql, for_postgres(args)?).execute(&mut **inner).await?.rows_affected(),
        })
    }

    /// Makes it all so.
    pub async fn commit(self) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(inner, words) => {
                inner.commit().await?;
                words.tell();
            }
            Self::Postgres(inner) => inner.commit().await?,
        }
        Ok(())
    }
}
