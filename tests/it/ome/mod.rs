//! Against OvenMediaEngine: its double, and what is tried with it.

mod access;
mod double;
mod real;
mod real_address;
mod real_doors;
mod real_room;
mod rest;
mod viewing;
