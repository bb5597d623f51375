//! The picture that goes out while the source is away.
