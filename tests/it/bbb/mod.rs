//! The BBB client against the double, and the double itself.

mod page;
