//! The texts under `pipelines/`, filled and parsed, and pipelines that can be taken down without being waited for.

mod line;
mod text;

pub use line::Line;
pub use text::{Fill, TextError, names, show};

#[cfg(test)]
mod tests;
