//! RTMP, SRT and WHEP to real receivers.
