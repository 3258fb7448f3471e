//! `Prefer: wait=N`: what became of a change in the targets.

use std::time::Duration;

use axum::http::HeaderValue;
use axum::response::Response;
use entrain_model::ObjectRef;

use super::answer::Failure;
use super::call::Call;

/// How often the queue is looked at.
const LOOK: Duration = Duration::from_millis(20);

/// Waits until no target has the object in its queue, and nobody works on it, or the time is over; then says how it stands.
pub(super) async fn say(call: &Call, object: &ObjectRef, seconds: u64, response: &mut Response) -> Result<(), Failure> {
    let (store, clock) = (call.store(), &call.scim.inner.clock);
    let until = clock.now() + i64::try_from(seconds).unwrap_or_default() * 1000;
    let mut said = Vec::new();
    for target in store.targets().await? {
        let outcome = loop {
            let about = store.about(&target.name, object, 1).await?;
            if about.queued.is_none() && about.lease.is_none() {
                break match (about.holds.first(), about.link) {
                    (Some(row), _) => format!("held:{}", row.hold.code()),
                    (None, Some(_)) => "synced".to_owned(),
                    (None, None) => "absent".to_owned(),
                };
            }
            if clock.now() >= until {
                break "waiting".to_owned();
            }
            clock.sleep(LOOK).await;
        };
        said.push(format!("{}={outcome}", target.name));
    }
    let headers = response.headers_mut();
    if let Ok(value) = HeaderValue::try_from(format!("wait={seconds}")) {
        headers.insert("preference-applied", value);
    }
    if let Ok(value) = HeaderValue::try_from(said.join(", ")) {
        headers.insert("entrain-outcome", value);
    }
    Ok(())
}
