//! The browser source against the double.
