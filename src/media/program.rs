//! The always-running encoder of a broadcast.
