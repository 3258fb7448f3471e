//! `Prefer: wait=N`: what became of a change in the targets.

use std::time::Duration;

use axum::http::HeaderValue;
use axum::response::Response;
use entrain_model::{Millis, Mode, ObjectRef};
use entrain_store::{About, TargetRow};

use super::answer::Failure;
use super::call::Call;

/// How often the queue is looked at.
const LOOK: Duration = Duration::from_millis(20);

/// Waits until no target has the object in its queue, and nobody works on it, or the time is over; then says how it stands.
pub(super) async fn say(call: &Call, object: &ObjectRef, seconds: u64, response: &mut Response) -> Result<(), Failure> {
    let until = call.scim.inner.clock.now() + i64::try_from(seconds).unwrap_or_default() * 1000;
    let mut said = Vec::new();
    for target in call.store().targets().await? {
        said.push(format!("{}={}", target.name, outcome(call, &target, object, until).await?));
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

async fn outcome(call: &Call, target: &TargetRow, object: &ObjectRef, until: Millis) -> Result<String, Failure> {
    let (store, clock) = (call.store(), &call.scim.inner.clock);
    loop {
        let about = store.about(&target.name, object, 1).await?;
        if about.queued.is_none() && about.lease.is_none() {
            return Ok(settled(target, &about));
        }
        // A halted target takes nothing from its queue.
        if store.target(&target.name).await?.is_some_and(|row| row.halt.is_some()) {
            return Ok("halted".to_owned());
        }
        if clock.now() >= until {
            let failed = about.queued.is_some_and(|queued| queued.error.is_some());
            return Ok(if failed { "failed" } else { "waiting" }.to_owned());
        }
        clock.sleep(LOOK).await;
    }
}

/// How it stands once nobody has anything to do about it.
fn settled(target: &TargetRow, about: &About) -> String {
    match (about.holds.first(), &about.link) {
        _ if target.mode == Mode::Observe => "observed".to_owned(),
        _ if !about.waiting.is_empty() => "approval".to_owned(),
        (Some(row), _) => format!("held:{}", row.hold.code()),
        (None, Some(_)) => "synced".to_owned(),
        (None, None) => "absent".to_owned(),
    }
}
