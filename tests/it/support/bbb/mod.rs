//! A double of a BBB server.
