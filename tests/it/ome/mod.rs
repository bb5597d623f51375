//! Against OvenMediaEngine: its double, and what is tried with it.

mod access;
mod double;
mod viewing;
