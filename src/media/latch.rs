//! What goes to the encoder next: the newest picture, the last one again, or the slate.
