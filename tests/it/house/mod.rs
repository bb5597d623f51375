//! Settings, store, accounts, routes.
