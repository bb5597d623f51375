//! Which hosts people may make us call.
