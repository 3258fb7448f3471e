//! What travels together, and who waits for whom.

use std::sync::Arc;

use async_trait::async_trait;
use entrain_model::WritableDirectory as _;
use serde_json::{Value as Json, json};
use tokio::sync::Notify;

use super::*;
use crate::testing::{Say, Script, behind, entra, error};
use crate::wire::{Incoming, Outgoing, Wire, WireError};

/// Two writes to each of so many records.
fn twice(records: usize) -> Vec<Write> {
    let update = |record: usize, title: &str| Write::Update {
        kind: Kind::User,
        id: format!("u{record:02}").into(),
        attributes: [("jobTitle".to_owned(), json!(title))].into(),
    };
    (0..records).flat_map(|record| [update(record, "first"), update(record, "second")]).collect()
}

/// Keeps the first batch that names a record until everything else was asked.
struct Slow {
    script: Arc<Script>,
    record: &'static str,
    others: usize,
    done: Notify,
}

#[async_trait]
impl Wire for Slow {
    async fn exchange(&self, request: Outgoing) -> Result<Incoming, WireError> {
        let body = String::from_utf8(request.body.clone().unwrap_or_default()).unwrap();
        if body.contains(self.record) && body.contains("first") {
            self.done.notified().await;
        }
        let answer = self.script.exchange(request).await;
        if self.script.lines().len() == self.others {
            self.done.notify_one();
        }
        answer
    }
}

#[tokio::test]
async fn a_slow_batch_holds_up_only_whoever_travels_in_it() {
    let script = Script::new(|_| Say::Status(204, Json::Null));
    // Twenty records travel in the slow one; those of the two others are written twice meanwhile.
    let slow = Arc::new(Slow { script: script.clone(), record: "/users/u25", others: 80, done: Notify::new() });
    let (entra, _) = behind(slow);
    let writes = twice(60);
    let done = tokio::time::timeout(std::time::Duration::from_secs(20), entra.write(Lane::Direct, &writes)).await;
    assert!(done.expect("the others waited for the slow one").iter().all(Result::is_ok));
    assert_eq!((script.lines().len(), script.posted.lock().unwrap().len()), (120, 6), "and all travel in full batches");
}

#[tokio::test]
async fn a_request_that_is_asked_again_keeps_no_other_waiting() {
    let mut refused = false;
    let script = Script::new(move |asked| match asked.url.as_str() {
        "/users/u01" if !std::mem::replace(&mut refused, true) => error(409, "Directory_ConcurrencyViolation", "try again"),
        _ => Say::Status(204, Json::Null),
    });
    let (entra, clock) = entra(&script);
    assert!(entra.write(Lane::Direct, &twice(2)).await.iter().all(Result::is_ok));
    let titles: Vec<String> = script.asked.lock().unwrap().iter().map(|a| format!("{} {}", a.url, a.body["jobTitle"])).collect();
    let expected = [
        "/users/u00 \"first\"",
        "/users/u01 \"first\"",
        "/users/u00 \"second\"",
        "/users/u01 \"first\"",
        "/users/u01 \"second\"",
    ];
    assert_eq!(titles, expected);
    assert_eq!(clock.slept().len(), 1);
}
