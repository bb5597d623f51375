//! The program from outside: one module a capability.
