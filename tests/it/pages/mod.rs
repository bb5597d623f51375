//! The pages: as the server writes them, and in a real Chromium.

mod browser;
mod origin;
mod served;
