//! Waiting in a test for what a running service does by itself.

use std::time::Duration;

use entrain::wiring::SystemClock;
use entrain_model::Clock as _;

/// How long what must happen may take on a busy machine. Leases of what was interrupted run out after half a minute, and a full
/// sync that could not go on is tried again after one.
const PATIENCE: Duration = Duration::from_secs(90);
const BETWEEN: Duration = Duration::from_millis(50);

/// Looks again and again until it is so.
///
/// # Panics
/// It is not so within 90 seconds.
#[expect(clippy::panic, reason = "it is what a test asserts")]
pub async fn until(what: &str, mut so: impl AsyncFnMut() -> bool) {
    for _ in 0..PATIENCE.as_millis() / BETWEEN.as_millis() {
        if so().await {
            return;
        }
        SystemClock.sleep(BETWEEN).await;
    }
    panic!("not within {} s: {what}", PATIENCE.as_secs());
}
