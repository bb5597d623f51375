//! What went wrong in the media path, whose fault it is, and whether to try again.

/// Whose fault an error is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Side {
    /// Bluecast or its machine.
    Ours,
    /// The meeting, its server, or the browser showing it.
    Source,
    /// The place a broadcast is sent to.
    Target,
}

/// An error of the media path.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{message}")]
pub struct MediaError {
    /// Whose fault.
    pub side: Side,
    /// Whether trying again can help.
    pub retry: bool,
    /// A stable word for programs (`refused`, `stalled`, `missing_element`…).
    pub code: &'static str,
    /// A sentence an admin can act on. Holds no secret.
    pub message: String,
}

impl MediaError {
    /// An error of our own that trying again may mend.
    pub fn ours(code: &'static str, message: impl Into<String>) -> Self {
        Self { side: Side::Ours, retry: true, code, message: message.into() }
    }

    /// An error of the source that trying again may mend.
    pub fn source(code: &'static str, message: impl Into<String>) -> Self {
        Self { side: Side::Source, retry: true, code, message: message.into() }
    }

    /// An error of a target that trying again may mend.
    pub fn target(code: &'static str, message: impl Into<String>) -> Self {
        Self { side: Side::Target, retry: true, code, message: message.into() }
    }

    /// The same error, but final.
    #[must_use]
    pub fn fatal(mut self) -> Self {
        self.retry = false;
        self
    }
}
