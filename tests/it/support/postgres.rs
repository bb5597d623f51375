//! A throw-away Postgres cluster.
