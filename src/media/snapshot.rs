//! A JPEG of what is going out.
