//! Waiting for conditions, with a deadline and a message.

use std::time::{Duration, Instant};

/// What anything may take on a machine that has much else to do. It is long, as only a test that fails waits so long.
pub const PATIENCE: Duration = Duration::from_mins(2);

/// Polls `condition` every 20 ms until it gives a value.
///
/// # Panics
/// With `what` when [`PATIENCE`] is at its end.
pub async fn until<T>(what: &str, condition: impl AsyncFnMut() -> Option<T>) -> T {
    within(PATIENCE, what, condition).await
}

/// The same where what is waited for would come about by itself later on, so that the time is what is tested.
///
/// # Panics
/// With `what` when `time` has passed.
pub async fn within<T>(time: Duration, what: &str, mut condition: impl AsyncFnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + time;
    loop {
        if let Some(value) = condition().await {
            return value;
        }
        assert!(Instant::now() < deadline, "waited {time:?} in vain for {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// As [`until`], on a plain thread.
///
/// # Panics
/// With `what` when [`PATIENCE`] is at its end.
pub fn until_blocking<T>(what: &str, mut condition: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(value) = condition() {
            return value;
        }
        assert!(Instant::now() < deadline, "waited {PATIENCE:?} in vain for {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}
