//! The BBB API client against the double.
