//! What carries the encoded program to one place: RTMP, SRT, WHEP.
