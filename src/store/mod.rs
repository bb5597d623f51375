//! The two databases: pools, migrations, dialect.
