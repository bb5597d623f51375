//! The browser source against the double.

mod authority;
mod ends;
mod joining;
mod left_behind;
mod measured;
pub mod running;
mod stranger;
mod trouble;

use running::{Running, processes_of};
