//! The pages: as the server writes them, and in a real Chromium.

mod browser;
mod comments;
mod origin;
mod served;
