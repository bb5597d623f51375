//! Public watch pages.
