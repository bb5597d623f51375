//! Against OvenMediaEngine: its double, and what is tried with it.

mod double;
mod viewing;
