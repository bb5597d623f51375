//! Picture size, frame rate and bit rates by name.
