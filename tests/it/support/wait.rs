//! Waiting for conditions, with a deadline and a message.

use std::time::{Duration, Instant};

/// Polls `condition` every 20 ms until it gives a value.
///
/// # Panics
/// With `what` when `seconds` have passed.
pub async fn until<T>(seconds: u64, what: &str, mut condition: impl AsyncFnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + Duration::from_secs(seconds);
    loop {
        if let Some(value) = condition().await {
            return value;
        }
        assert!(Instant::now() < deadline, "waited {seconds} s in vain for {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// The same, on a plain thread.
///
/// # Panics
/// With `what` when `seconds` have passed.
pub fn until_blocking<T>(seconds: u64, what: &str, mut condition: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + Duration::from_secs(seconds);
    loop {
        if let Some(value) = condition() {
            return value;
        }
        assert!(Instant::now() < deadline, "waited {seconds} s in vain for {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}
