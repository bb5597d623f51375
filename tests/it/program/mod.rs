//! Latch, encoder, test source, slate: what comes out, decoded.
