//! Identifiers: `UUIDv7` text, so that sorting by id is sorting by age.

/// A new identifier.
pub fn new() -> String {
    uuid::Uuid::now_v7().to_string()
}
