//! What the guard counts, lets through and remembers.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

mod common;

use std::collections::BTreeSet;
use std::sync::Arc;

use common::*;
use entrain_model::{
    Action, Basis, Change, Counted, Decision, Kind, Limit, ObjectRef, Operation, Phase, Reason, Relation, RunId, Scope, Sessions,
};
use entrain_store::{Choice, GuardedGroups, PlannedLine, RunKind, RunState, Store};
use serde_json::json;

on_both!(
    what_was_let_through_counts_for_a_day,
    the_same_change_is_counted_once,
    two_runs_that_looked_at_once_do_not_both_pass,
    an_approval_is_carried_to_the_same_changes,
    what_is_not_approved_is_parked,
    a_refused_plan_is_not_approved_any_more,
    changes_wait_with_the_plan_that_has_them,
    a_group_that_loses_much_is_found,
    a_plan_over_everything_replaces_those_held_before,
);

fn disable(id: &str) -> PlannedLine {
    let counted = Counted { operation: Operation::Disable, about: String::new(), fingerprint: format!("f-{id}") };
    line(ObjectRef::user(id), Phase::Leavers, Action::Disable { id: "r".into(), sessions: Sessions::End }, vec![counted])
}

fn removal(group: &str, n: usize) -> PlannedLine {
    let (relation, to_kind, to) = (Relation::Member, Kind::User, format!("r{n}").into());
    let counted = Counted { operation: Operation::RemoveReference, about: format!("member r{n}"), fingerprint: String::new() };
    line(ObjectRef::group(group), Phase::ReferenceRemovals, Action::RemoveReference { relation, to_kind, to }, vec![counted])
}

fn line(object: ObjectRef, phase: Phase, action: Action, counted: Vec<Counted>) -> PlannedLine {
    let basis = Basis { source: 1, link: 0, epoch: 1 };
    PlannedLine {
        decision: Decision::Change(Change { object, phase, action, basis }),
        claims: Vec::new(),
        counted,
        drift: Vec::new(),
    }
}

async fn planned(store: &Store, lines: &[PlannedLine]) -> RunId {
    let run = begin(store).await;
    store.put_plan(&run, lines).await.unwrap();
    run
}

/// A run that the guard let through.
async fn passed(store: &Store, lines: &[PlannedLine]) -> RunId {
    let run = planned(store, lines).await;
    let (_, mark) = store.guard_counts(&target(), &run).await.unwrap();
    assert!(store.guard_pass(&target(), &run, mark).await.unwrap());
    run
}

async fn held(store: &Store, lines: &[PlannedLine]) -> RunId {
    let run = planned(store, lines).await;
    store.set_run_digest(&run, "d").await.unwrap();
    store.finish_run(&run, RunState::Held, &json!({})).await.unwrap();
    run
}

/// How many would be disabled: in the run, an hour, a day.
async fn disables(store: &Store, run: &RunId) -> Option<(u64, u64, u64)> {
    let (counts, _) = store.guard_counts(&target(), run).await.unwrap();
    counts.iter().find(|c| c.operation == Operation::Disable).map(|c| (c.run, c.hour, c.day))
}

async fn what_was_let_through_counts_for_a_day(database: Arc<Database>) {
    let store = with_target(&database).await;
    passed(&store, &[disable("a"), disable("b")]).await;
    let run = planned(&store, &[disable("c")]).await;
    assert_eq!(disables(&store, &run).await, Some((1, 3, 3)));
    database.shell("update guarded set at = at - 3600001");
    assert_eq!(disables(&store, &run).await, Some((1, 1, 3)));
    database.shell("update guarded set at = at - 86400000");
    assert_eq!(disables(&store, &run).await, Some((1, 1, 1)));
    passed(&store, &[disable("d")]).await;
    assert_eq!(database.shell("select count(*) from guarded"), "1", "what is older than a day is forgotten");
}

async fn the_same_change_is_counted_once(database: Arc<Database>) {
    let store = with_target(&database).await;
    for _ in 0..3 {
        passed(&store, &[disable("a")]).await;
    }
    let run = planned(&store, &[disable("a"), disable("b")]).await;
    assert_eq!(disables(&store, &run).await, Some((2, 2, 2)), "a change that is tried again is still one change");
}

async fn two_runs_that_looked_at_once_do_not_both_pass(database: Arc<Database>) {
    let store = with_target(&database).await;
    let (one, other) = (planned(&store, &[disable("a")]).await, planned(&store, &[disable("b")]).await);
    let (_, seen_by_one) = store.guard_counts(&target(), &one).await.unwrap();
    let (_, seen_by_other) = store.guard_counts(&target(), &other).await.unwrap();
    assert!(store.guard_pass(&target(), &one, seen_by_one).await.unwrap());
    assert!(!store.guard_pass(&target(), &other, seen_by_other).await.unwrap());
    assert_eq!(disables(&store, &other).await, Some((1, 2, 2)));
}

async fn an_approval_is_carried_to_the_same_changes(database: Arc<Database>) {
    let store = with_target(&database).await;
    let run = held(&store, &[disable("a"), disable("b"), disable("c")]).await;
    store.approve(&run, "d", "me", &Choice::All).await.unwrap();
    let mut moved = disable("b");
    moved.counted[0].fingerprint = "another record".into();
    let again = planned(&store, &[disable("a"), moved, disable("x")]).await;
    store.carry_approval(&run, &again).await.unwrap();
    assert_eq!(disables(&store, &again).await, Some((2, 2, 2)), "what came out otherwise and what is new are not approved");
    let (_, mark) = store.guard_counts(&target(), &again).await.unwrap();
    assert!(store.guard_pass(&target(), &again, mark).await.unwrap());
    assert_eq!(database.shell("select id from guarded order by id"), "b\nx", "what is approved does not fill the window");
}

async fn what_is_not_approved_is_parked(database: Arc<Database>) {
    let store = with_target(&database).await;
    let (a, b) = (ObjectRef::user("a"), ObjectRef::user("b"));
    write(&store, &[user("a"), user("b")]).await;
    link(&store, &a, "ra").await;
    link(&store, &b, "rb").await;
    let versions = "select version from links order by id";
    let before = database.shell(versions);
    let lines = [disable("a"), disable("b")];
    let run = held(&store, &lines).await;
    let stranger = Choice::Only(BTreeSet::from([a.clone(), ObjectRef::user("z")]));
    let error = store.approve(&run, "d", "me", &stranger).await.unwrap_err().to_string();
    assert!(error.contains("no change of user z"), "{error}");
    assert_eq!(store.run(&run).await.unwrap().unwrap().state, RunState::Held, "a wrong name changes nothing");
    store.approve(&run, "d", "me", &Choice::Only(BTreeSet::from([a.clone()]))).await.unwrap();
    assert_eq!(database.shell("select id from parked"), "b");
    assert_ne!(database.shell(versions), before, "a run under way finds the link of the parked object moved");
    let run = held(&store, &lines).await;
    store.approve(&run, "d", "me", &Choice::Except(BTreeSet::from([a]))).await.unwrap();
    assert_eq!(database.shell("select id from parked order by id"), "a\nb");
    let again = planned(&store, &lines).await;
    store.carry_approval(&run, &again).await.unwrap();
    assert_eq!(disables(&store, &again).await, Some((1, 1, 1)), "a is not approved, b is");
}

async fn a_refused_plan_is_not_approved_any_more(database: Arc<Database>) {
    let store = with_target(&database).await;
    let run = held(&store, &[disable("a")]).await;
    assert!(store.reject(&run, "other", "me").await.is_err(), "another plan was looked at");
    store.reject(&run, "d", "me").await.unwrap();
    let row = store.run(&run).await.unwrap().unwrap();
    assert_eq!((row.state, row.approved_by.as_deref()), (RunState::Rejected, Some("me")));
    assert!(store.approve(&run, "d", "me", &Choice::All).await.is_err());
    assert_eq!(database.shell("select count(*) from parked"), "0");
}

async fn changes_wait_with_the_plan_that_has_them(database: Arc<Database>) {
    let store = with_target(&database).await;
    let waiting = held(&store, &[disable("a"), disable("b"), disable("c")]).await;
    let direct = planned(&store, &[disable("b"), disable("x")]).await;
    assert_eq!(store.awaited(&target(), &direct).await.unwrap(), Some((waiting.clone(), 1)));
    let named = BTreeSet::from([ObjectRef::user("b"), ObjectRef::user("y")]);
    assert_eq!(store.guarded_objects(&direct, &named).await.unwrap(), BTreeSet::from([ObjectRef::user("b")]));
    assert_eq!(store.guarded_lines(&direct, 1, 10).await.unwrap().len(), 1);
    store.reject(&waiting, "d", "me").await.unwrap();
    assert_eq!(store.awaited(&target(), &direct).await.unwrap(), None);
}

async fn a_group_that_loses_much_is_found(database: Arc<Database>) {
    let store = with_target(&database).await;
    write(&store, &[group("g1"), group("g2")]).await;
    for (id, record_id) in [("g1", "t1"), ("g2", "t2")] {
        link(&store, &ObjectRef::group(id), record_id).await;
        let mut seen = record(Kind::Group, record_id, json!({}));
        seen.references = (0..6).map(|n| refers(Relation::Member, &format!("r{n}"), true)).collect();
        mirror(&store, Kind::Group, entrain_store::Reading::Full, 1, &[seen]).await;
    }
    passed(&store, &[removal("g2", 5)]).await;
    let run = planned(&store, &[removal("g1", 0), removal("g1", 1), removal("g1", 2), removal("g2", 0), removal("g2", 5)]).await;
    let found = async |run_limit, hour, day| {
        let limits = [run_limit, hour, day].map(Limit::of);
        let limits = [&limits[0], &limits[1], &limits[2]];
        let groups = store
            .guard_groups(&target(), &run, Operation::RemoveReference, limits, GuardedGroups::AllBut(&[]), 10)
            .await
            .unwrap();
        groups.into_iter().map(|g| (g.about, g.run, g.hour, g.references)).collect::<Vec<_>>()
    };
    assert_eq!(found(2, 9, 9).await, [("g1".to_owned(), 3, 3, 6)]);
    assert_eq!(found(3, 9, 9).await, []);
    assert_eq!(found(9, 9, 2).await, [("g1".to_owned(), 3, 3, 6)], "what the run does again is not counted twice for g2");
}

async fn a_plan_over_everything_replaces_those_held_before(database: Arc<Database>) {
    let store = with_target(&database).await;
    let small = async |lines: &[PlannedLine]| {
        let scope = Scope::Only(BTreeSet::from([ObjectRef::user("a"), ObjectRef::user("b")]));
        let run = store.begin_run(&target(), &scope, Reason::Event, "me", RunKind::Sync, "m1").await.unwrap();
        store.put_plan(&run, lines).await.unwrap();
        store.finish_run(&run, RunState::Held, &json!({})).await.unwrap();
        run
    };
    let state = async |run: &RunId| store.run(run).await.unwrap().unwrap().state;
    let first = small(&[disable("a"), disable("b")]).await;
    let other = small(&[disable("c")]).await;
    assert_eq!((state(&first).await, state(&other).await), (RunState::Held, RunState::Held), "they are about different changes");
    let more = small(&[disable("a"), disable("b"), disable("d")]).await;
    assert_eq!((state(&first).await, state(&other).await), (RunState::Superseded, RunState::Held));
    let full = begin(&store).await;
    store.finish_run(&full, RunState::Failed, &json!({})).await.unwrap();
    assert_eq!(state(&more).await, RunState::Held, "a run that failed decided nothing");
    let full = begin(&store).await;
    store.finish_run(&full, RunState::Converged, &json!({})).await.unwrap();
    assert_eq!((state(&more).await, state(&other).await), (RunState::Superseded, RunState::Superseded));
}
