//! What the end of a full run finds of its own lost answers counts in its report.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::sync::Arc;
use std::time::Duration;

use entrain_model::HandedOver;
use entrain_store::{RunState, SourceChange, UserRow};
use entrain_tests::database::Dialect;
use entrain_tests::memory::{Memory, Next, schema};
use entrain_tests::rig::Rig;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_first_password_that_was_lost_with_its_answer_counts_in_the_run_that_made_it() {
    for dialect in Dialect::all() {
        let memory = Arc::new(Memory::new(schema(), 7));
        memory.hand_over(Some(HandedOver::Delivered));
        let rig = Rig::new(dialect, memory.clone(), |target| target.timing.linger = Duration::from_secs(3)).await.unwrap();
        rig.write(&[SourceChange::PutUser(UserRow::new("u1", "ann@x.example"))]).await.unwrap();
        memory.next([Next::LostAfter]);
        let report = rig.full().await.unwrap();
        assert_eq!(report.held.get("undelivered"), Some(&1), "{dialect:?}: {report:?}");
        assert_eq!(report.state, RunState::Partial, "{dialect:?}: nobody knows the password");
        let again = rig.full().await.unwrap();
        assert_eq!((again.state, again.held.get("undelivered")), (RunState::Partial, Some(&1)), "{dialect:?}: {again:?}");
        assert!(again.done.is_empty(), "{dialect:?}: nothing is made again unasked: {again:?}");
    }
}
