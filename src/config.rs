//! Settings, from the environment.
