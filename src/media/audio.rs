//! The audio side of the latch: a steady clock of samples out of whatever comes in.
