//! BBB servers: base URL and shared secret.
