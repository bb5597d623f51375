//! Wires the parts together; start, drain, stop.
