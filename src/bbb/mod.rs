//! Talks to BBB: its HTTP API, checksums, join addresses. Knows no database.
