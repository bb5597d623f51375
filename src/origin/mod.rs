//! OvenMediaEngine origins: addresses, playback addresses.
