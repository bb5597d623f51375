//! A clock in the picture that machines can read.
