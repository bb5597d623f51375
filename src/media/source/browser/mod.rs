//! The `browser` source: a Chromium of its own shows the meeting, its screen and sound are captured.
