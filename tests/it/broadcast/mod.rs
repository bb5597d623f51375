//! Broadcasts from Start to Stop, over the API.
