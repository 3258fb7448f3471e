//! A target is filled with one approval where many are there whom nobody claims, grows steadily without any, and is not filled again unasked after somebody emptied it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::sync::Arc;
use std::time::Duration;

use entrain_model::{Kind, ObjectRef};
use entrain_store::{Choice, GroupRow, Membership, Role, RunState, SourceChange, UserRow};
use entrain_sync::{Report, Silent};
use entrain_tests::database::Dialect;
use entrain_tests::memory::{Crash, Memory, Next, schema};
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

fn members(group: &str, numbers: std::ops::Range<usize>) -> Vec<SourceChange> {
    let member = |n| Membership { group: group.into(), member: ObjectRef::user(format!("u{n:03}")), role: Role::Member };
    numbers.map(|n| SourceChange::PutMembership(member(n))).collect()
}

fn groups(numbers: std::ops::Range<usize>) -> Vec<SourceChange> {
    numbers.map(|n| SourceChange::PutGroup(GroupRow::new(format!("g{n}"), format!("g{n}")))).collect()
}

/// Whether full runs succeed, and whether the target counts as filled.
async fn counts(rig: &Rig) -> (bool, bool) {
    let row = rig.store().target(&rig.target.name).await.unwrap().unwrap();
    (row.last_full_at.is_some(), row.loaded_in.is_some())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_remains_of_a_first_load_passes_before_the_target_counts_as_filled() {
    for dialect in Dialect::all() {
        let (mut rig, memory) = rig(dialect, 640).await;
        let settling = Duration::from_secs(if dialect == Dialect::Postgres { 20 } else { 900 });
        rig.configure(|target| target.timing.settling = settling).await.unwrap();
        rig.write(&groups(0..7)).await.unwrap();
        for group in 0..6 {
            rig.write(&members(&format!("g{group}"), 0..30)).await.unwrap();
        }
        memory.next((0..30).map(|_| Next::LostBefore));
        let report = rig.full().await.unwrap();
        assert_eq!((report.state, report.held.get("waiting_for")), (RunState::Partial, Some(&180)), "{dialect:?}: {report:?}");
        assert_eq!(counts(&rig).await, (true, false), "{dialect:?}: it succeeded, and much is on its way");

        rig.pass(settling).await;
        rig.pass(Duration::from_secs(1)).await;
        for _ in 0..3 {
            for report in rig.direct().await.unwrap().into_iter().map(Result::unwrap) {
                assert_ne!(report.state, RunState::Held, "{dialect:?}: {:?}", report.reasons);
            }
        }
        let references: usize = memory.dump().iter().map(|record| record.references.len()).sum();
        assert_eq!(references, 180, "{dialect:?}: what waited was added with those that were made at last");
        converges(&rig).await;
        assert_eq!(counts(&rig).await, (true, true), "{dialect:?}");

        rig.write(&members("g6", 30..160)).await.unwrap();
        let reasons = why(&rig.full().await.unwrap());
        assert!(reasons.contains("add 130 references to groups; 125 are allowed"), "{dialect:?}: {reasons}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_create_without_an_answer_does_not_keep_a_target_from_being_filled_for_long() {
    let (mut rig, memory) = rig(Dialect::Sqlite, 3).await;
    rig.configure(|target| target.timing.settling = Duration::from_secs(900)).await.unwrap();
    let loses_one = async || {
        memory.next([Next::LostBefore]);
        let report = rig.full().await.unwrap();
        assert_eq!(report.state, RunState::Partial, "{report:?}");
        counts(&rig).await
    };
    assert_eq!(loses_one().await, (true, false));
    rig.pass(Duration::from_secs(20 * 3600)).await;
    assert_eq!(loses_one().await, (true, false), "it was sent again, and its answer was lost again");
    rig.pass(Duration::from_secs(5 * 3600)).await;
    assert_eq!(loses_one().await, (true, true), "a day is over");
}
