//! A target is filled with one approval where many are there whom nobody claims, grows steadily without any, and is not filled again unasked after somebody emptied it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::sync::Arc;
use std::time::Duration;

use entrain_model::Kind;
use entrain_store::{Choice, RunState, SourceChange, UserRow};
use entrain_sync::{Report, Silent};
use entrain_tests::database::Dialect;
use entrain_tests::memory::{Crash, Memory, schema};
use entrain_tests::rig::Rig;
use serde_json::json;

fn users(numbers: std::ops::Range<usize>) -> Vec<SourceChange> {
    numbers.map(|n| SourceChange::PutUser(UserRow::new(format!("u{n:03}"), format!("user{n:03}@x.example")))).collect()
}

/// So many people whom nobody knows in the target.
async fn rig(dialect: Dialect, people: usize) -> (Rig, Arc<Memory>) {
    let memory = Arc::new(Memory::new(schema(), 7));
    let change = |target: &mut entrain_sync::Target| {
        target.timing.settling = Duration::ZERO;
        if dialect == Dialect::Postgres {
            // Its time cannot be moved, so it is short.
            target.timing.lease = Duration::from_millis(1200);
        }
    };
    let rig = Rig::new(dialect, memory.clone(), change).await.unwrap();
    rig.write(&users(0..people)).await.unwrap();
    (rig, memory)
}

/// People of the target whom the source does not know.
fn strangers(memory: &Memory, people: usize) {
    for n in 0..people {
        let record = json!({"userPrincipalName": format!("stranger{n}@x.example")});
        memory.seed(Kind::User, &format!("s{n}"), serde_json::from_value(record).unwrap());
    }
}

fn why(report: &Report) -> String {
    assert_eq!(report.state, RunState::Held, "{report:?}");
    report.reasons.join("; ")
}

async fn converges(rig: &Rig) -> Report {
    for _ in 0..3 {
        let report = rig.full().await.unwrap();
        if report.state == RunState::Converged {
            return report;
        }
        assert_ne!(report.state, RunState::Held, "{:?}", report.reasons);
    }
    panic!("three runs did not converge: {:?}", rig.store().holds(None, None, 10).await.unwrap());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_first_load_that_finds_nobody_is_approved_once_also_if_it_dies_on_the_way() {
    for dialect in Dialect::all() {
        let (mut rig, memory) = rig(dialect, 230).await;
        strangers(&memory, 101);
        let held = rig.full().await.unwrap();
        let reasons = why(&held);
        assert!(reasons.contains("make or restore 230 users; 100 are allowed in one run"), "{reasons}");
        assert!(reasons.contains("that no full run has filled yet, and 101 are there that nobody claims"), "{reasons}");
        assert_eq!(memory.dump().len(), 101, "{dialect:?}: nothing is written unasked");

        let run = held.run.unwrap();
        let crashed = memory.crash_at(20, Crash::Before);
        tokio::select! {
            result = rig.engine.approve(&rig.target, &run, "ann", &Choice::All, &Silent) => panic!("it must not end: {result:?}"),
            signal = crashed => signal.unwrap(),
        }
        rig.restart(None).await;
        memory.recover();
        let made = memory.dump().len() - 101;
        assert!(made < 60, "{dialect:?}: it died on the way: {made}");
        converges(&rig).await;
        assert_eq!(memory.dump().len(), 101 + 230, "{dialect:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn steady_growth_passes_and_a_flood_does_not() {
    let (rig, memory) = rig(Dialect::Sqlite, 50).await;
    strangers(&memory, 500);
    converges(&rig).await;
    rig.write(&users(50..150)).await.unwrap();
    converges(&rig).await;
    rig.write(&users(150..151)).await.unwrap();
    let direct: Vec<_> = rig.direct().await.unwrap().into_iter().map(Result::unwrap).collect();
    let reasons = why(&direct[0]);
    assert!(reasons.contains("make or restore 101 users within an hour; 100 are allowed"), "{reasons}");
    assert!(!reasons.contains("no full run"), "it was filled: {reasons}");
    rig.pass(Duration::from_secs(24 * 3_600)).await;
    rig.write(&users(151..250)).await.unwrap();
    converges(&rig).await;
    assert_eq!(memory.dump().len(), 500 + 250);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_gone_from_the_target_is_made_anew_but_not_everybody_unasked() {
    for dialect in Dialect::all() {
        let (rig, memory) = rig(dialect, 3).await;
        converges(&rig).await;
        let purge = || {
            let ids: Vec<_> = memory.dump().into_iter().map(|record| record.id).collect();
            ids.iter().for_each(|id| memory.purge(Kind::User, id.as_str()));
        };
        let first = memory.dump()[0].id.clone();
        memory.purge(Kind::User, first.as_str());
        let one = rig.full().await.unwrap();
        assert_eq!((one.state, one.count("create")), (RunState::Converged, 1), "{dialect:?}: {one:?}");
        purge();
        memory.take_log();
        let held = rig.full().await.unwrap();
        assert!(why(&held).starts_with("not one record of the 3 linked users is in the target any more"), "{:?}", held.reasons);
        assert_eq!(memory.take_log().len(), 0, "{dialect:?}: nothing is written unasked");
        let done = rig.engine.approve(&rig.target, &held.run.unwrap(), "ann", &Choice::All, &Silent).await.unwrap();
        assert_eq!((done.state, done.count("create")), (RunState::Converged, 3), "{dialect:?}: {done:?}");

        rig.write(&users(3..30)).await.unwrap();
        converges(&rig).await;
        let some: Vec<_> = memory.dump().into_iter().map(|record| record.id).take(4).collect();
        some.iter().for_each(|id| memory.purge(Kind::User, id.as_str()));
        let reasons = why(&rig.full().await.unwrap());
        assert!(reasons.contains("give up the records of 4 users; 3 are allowed in one run"), "{reasons}");
    }
}
