//! Broadcasts from Start to Stop, over the API.

mod test_source;
