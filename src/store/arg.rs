//! Values that go into a statement.

use sqlx::Arguments;
use sqlx::postgres::PgArguments;
use sqlx::sqlite::SqliteArguments;

use super::StoreError;

/// A value for one `$n`. An absent one keeps its type, since Postgres asks for it.
#[derive(Clone, Debug, PartialEq)]
pub enum Arg {
    /// TEXT.
    Text(Option<String>),
    /// BIGINT.
    Int(Option<i64>),
    /// DOUBLE PRECISION.
    Real(Option<f64>),
}

macro_rules! from {
    ($($from:ty => $variant:ident, $value:ident, $into:expr;)*) => { $(
        impl From<$from> for Arg {
            fn from($value: $from) -> Self {
                Self::$variant(Some($into))
            }
        }
        impl From<Option<$from>> for Arg {
            fn from(value: Option<$from>) -> Self {
                Self::$variant(value.map(|$value| $into))
            }
        }
    )* };
}

from! {
    &str => Text, value, value.to_owned();
    &String => Text, value, value.clone();
    String => Text, value, value;
    i64 => Int, value, value;
    i32 => Int, value, i64::from(value);
    u32 => Int, value, i64::from(value);
    bool => Int, value, i64::from(value);
    f64 => Real, value, value;
}

pub(super) fn for_sqlite(args: Vec<Arg>) -> Result<SqliteArguments, StoreError> {
    let mut arguments = SqliteArguments::default();
    for arg in args {
        match arg {
            Arg::Text(value) => arguments.add(value),
            Arg::Int(value) => arguments.add(value),
            Arg::Real(value) => arguments.add(value),
        }
        .map_err(|error| StoreError::Other(sqlx::Error::Encode(error)))?;
    }
    Ok(arguments)
}

pub(super) fn for_postgres(args: Vec<Arg>) -> Result<PgArguments, StoreError> {
    let mut arguments = PgArguments::default();
    for arg in args {
        match arg {
            Arg::Text(value) => arguments.add(value),
            Arg::Int(value) => arguments.add(value),
            Arg::Real(value) => arguments.add(value),
        }
        .map_err(|error| StoreError::Other(sqlx::Error::Encode(error)))?;
    }
    Ok(arguments)
}

/// A 0 or 1 column in a record: `#[sqlx(try_from = "i64")] field: Flag`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
#[serde(transparent)]
pub struct Flag(pub bool);

impl From<i64> for Flag {
    fn from(value: i64) -> Self {
        Self(value != 0)
    }
}

impl From<Flag> for Arg {
    fn from(flag: Flag) -> Self {
        flag.0.into()
    }
}
