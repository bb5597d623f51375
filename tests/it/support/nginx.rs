//! A real RTMP server: nginx with its rtmp module.
