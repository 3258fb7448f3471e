//! Runs, plans, holds, and what follows a run.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, clippy::cloned_ref_to_slice_refs)]

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use common::*;
use entrain_model::*;
use entrain_store::*;
use serde_json::json;

on_both!(
    a_run_is_kept,
    only_the_held_plan_that_was_seen_is_approved,
    lines_are_kept_in_order,
    lines_come_by_phase_and_rank,
    the_first_members_of_each_group_are_found,
    the_work_of_a_plan_is_what_will_be_sent,
    whoever_waits_for_a_value_that_became_free_is_found,
    a_line_becomes_a_hold,
    contested_values_name_holder_and_release,
    holds_are_many_and_keep_their_beginning,
    the_echo_of_a_run_is_no_drift,
    what_one_look_shows_otherwise_is_doubted,
    an_object_waits_longer_each_time,
    an_object_of_which_nothing_new_can_be_said_waits_unless_it_changes,
    a_full_run_ends_what_it_covered,
    those_who_depend_on_a_manager_are_found,
    reports_have_native_types,
);

fn change(object: &ObjectRef, phase: Phase, action: Action) -> Decision {
    Decision::Change(Change { object: object.clone(), phase, action, basis: Basis { source: 1, link: 0, epoch: 1 } })
}

fn line(decision: Decision, claims: &[(Claim, &str)], counted: Option<Operation>) -> PlannedLine {
    PlannedLine {
        decision,
        claims: claims.iter().map(|(claim, value)| (*claim, "login".into(), (*value).into())).collect(),
        counted: counted.map(counts).into_iter().collect(),
        drift: Vec::new(),
    }
}

fn counts(operation: Operation) -> Counted {
    Counted { operation, about: String::new(), fingerprint: String::new() }
}

fn update(id: &str) -> Action {
    Action::Update { id: id.into(), edits: vec![Edit { attribute: "login".into(), was: Some(json!("a'b")), to: json!(null) }] }
}

async fn a_run_is_kept(database: Arc<Database>) {
    let store = with_target(&database).await;
    let scope = Scope::Only(BTreeSet::from([ObjectRef::user("u1")]));
    let first = store.begin_run(&target(), &scope, Reason::Event, "me", RunKind::DryRun, "m1").await.unwrap();
    let second = begin(&store).await;
    let row = store.run(&first).await.unwrap().unwrap();
    assert_eq!(
        (row.scope.as_str(), row.reason, row.kind, row.state),
        ("user u1", Reason::Event, RunKind::DryRun, RunState::Running)
    );
    assert_eq!((row.holder.as_str(), row.finished_at, row.report), ("me", None, json!(null)));
    store.set_run_digest(&first, "d1").await.unwrap();
    store.finish_run(&first, RunState::Converged, &json!({ "writes": 2 })).await.unwrap();
    let row = store.run(&first).await.unwrap().unwrap();
    assert_eq!((row.state, row.report, row.digest.as_deref()), (RunState::Converged, json!({ "writes": 2 }), Some("d1")));
    assert!(row.finished_at.unwrap() >= row.started_at);
    let ids: Vec<_> = store.runs(Some(&target()), 10).await.unwrap().into_iter().map(|row| row.id).collect();
    assert_eq!(ids, vec![second, first], "newest first");
    assert_eq!(store.runs(Some(&"other".into()), 10).await.unwrap(), vec![]);
    assert_eq!(store.runs(None, 1).await.unwrap().len(), 1);
    assert_eq!(store.run(&"none".into()).await.unwrap(), None);
}

async fn only_the_held_plan_that_was_seen_is_approved(database: Arc<Database>) {
    let store = with_target(&database).await;
    let run = begin(&store).await;
    store.set_run_digest(&run, "seen").await.unwrap();
    assert!(store.approve(&run, "seen", "me", &Choice::All).await.is_err(), "it still runs");
    store.finish_run(&run, RunState::Held, &json!({})).await.unwrap();
    let error = store.approve(&run, "other", "me", &Choice::All).await.unwrap_err().to_string();
    assert!(error.contains(run.as_str()), "{error}");
    store.approve(&run, "seen", "me", &Choice::All).await.unwrap();
    let row = store.run(&run).await.unwrap().unwrap();
    assert_eq!(row.approved_by.as_deref(), Some("me"));
    assert!(store.approve(&run, "seen", "me", &Choice::All).await.is_err(), "once");
}

async fn lines_are_kept_in_order(database: Arc<Database>) {
    let store = with_target(&database).await;
    let run = begin(&store).await;
    let u = |n: u32| ObjectRef::user(format!("u{n:03}").as_str());
    let hold = Hold::WaitingFor(ObjectRef::group("g"));
    let mut lines: Vec<_> = (0..600).map(|n| line(change(&u(n), Phase::Updates, update("t")), &[], None)).collect();
    lines.push(line(Decision::Hold(u(1), hold.clone()), &[], None));
    lines.push(line(
        change(&u(2), Phase::Leavers, Action::Disable { id: "t".into(), sessions: entrain_model::Sessions::End }),
        &[],
        Some(Operation::Disable),
    ));
    lines.push(line(change(&u(3), Phase::Removals, Action::Delete { id: "t".into() }), &[], Some(Operation::Delete)));
    store.put_plan(&run, &lines[..300]).await.unwrap();
    store.put_plan(&run, &lines[300..]).await.unwrap();
    let (mut seen, mut after) = (Vec::new(), 0);
    loop {
        let page = store.plan_lines(&run, after, 250).await.unwrap();
        let Some(last) = page.last() else { break };
        after = last.seq;
        seen.extend(page);
    }
    let decisions: Vec<_> = seen.iter().map(|line| line.decision.clone()).collect();
    assert_eq!(decisions, lines.into_iter().map(|line| line.decision).collect::<Vec<_>>());
    assert_eq!((seen[600].phase, seen[600].state), (None, LineState::Held));
    assert_eq!(seen[601].phase, Some(Phase::Leavers));
    assert_eq!(store.guarded_lines(&run, 0, 10).await.unwrap().iter().map(|line| line.seq).collect::<Vec<_>>(), [602, 603]);
    let counts = store.plan_counts(&run).await.unwrap();
    assert_eq!(counts.holds, 1);
    assert_eq!(counts.by_action, BTreeMap::from([("delete".into(), 1), ("disable".into(), 1), ("update".into(), 600)]));
    let tally = store.tally(&run).await.unwrap();
    assert_eq!((tally.planned["update"], tally.held["waiting_for"], tally.failed), (600, 1, 0));
    assert_eq!(store.lines(&run, &[602, 2]).await.unwrap().len(), 2);
}

async fn the_work_of_a_plan_is_what_will_be_sent(database: Arc<Database>) {
    let store = with_target(&database).await;
    let run = begin(&store).await;
    let u = ObjectRef::user("u1");
    let link = |write_anchor| Action::Link { id: "t".into(), evidence: Evidence::Anchor, write_anchor };
    let record = || DesiredRecord { settings: BTreeMap::new() };
    let add = |group: &str, user: &str| {
        let action = Action::AddReference { relation: Relation::Member, to: ObjectRef::user(user) };
        line(change(&ObjectRef::group(group), Phase::References, action), &[], None)
    };
    let of_user = |phase, action| line(change(&u, phase, action), &[], None);
    let disable = Action::Disable { id: "t".into(), sessions: Sessions::End };
    let lines = [
        of_user(Phase::Leavers, disable),
        of_user(Phase::Users, Action::Restore { id: "t".into(), record: record() }),
        of_user(Phase::Users, Action::Create { record: record() }),
        of_user(Phase::Links, link(true)),
        of_user(Phase::Links, link(false)),
        of_user(Phase::Removals, Action::Unlink { id: "t".into() }),
        add("g1", "u1"),
        add("g1", "u2"),
        add("g2", "u1"),
    ];
    store.put_plan(&run, &lines).await.unwrap();
    // Two each for the first two, one each for the create and the anchor, none for what is only noted here.
    assert_eq!(store.plan_work(&run).await.unwrap(), Work { changes: 6, links: 3, groups: 2 });
    database.shell("update plan_lines set state = 'done' where action = 'disable'");
    assert_eq!(store.plan_work(&run).await.unwrap().changes, 4, "what is done is not to be done");
}

async fn whoever_waits_for_a_value_that_became_free_is_found(database: Arc<Database>) {
    let store = with_target(&database).await;
    let (one, two, leaver) = (ObjectRef::user("one"), ObjectRef::user("two"), ObjectRef::user("leaver"));
    write(&store, &[user("one"), user("two")]).await;
    store.put_desired(&target(), &[present(&one, 1, "a"), present(&two, 1, "b")]).await.unwrap();
    let run = begin(&store).await;
    let conflict = Hold::Conflict { attribute: "login".into(), detail: "taken".into() };
    store.put_holds(&target(), &run, &[(one.clone(), conflict.clone()), (two.clone(), conflict)]).await.unwrap();
    let freed = async |claims: &[(Claim, &str)], action: Action| {
        let run = begin(&store).await;
        store.put_plan(&run, &[line(change(&leaver, Phase::Removals, action), claims, None)]).await.unwrap();
        assert_eq!(store.freed_for(&target(), &run).await.unwrap(), [], "it is not done yet");
        database.shell(&format!("update plan_lines set state = 'done' where run = '{run}'"));
        store.freed_for(&target(), &run).await.unwrap()
    };
    let delete = || Action::Delete { id: "t".into() };
    assert_eq!(freed(&[(Claim::Frees, "b")], delete()).await, [two.clone()]);
    assert_eq!(freed(&[(Claim::Frees, "c")], delete()).await, []);
    assert_eq!(freed(&[], delete()).await, [one.clone(), two.clone()], "what it had is not known");
    assert_eq!(freed(&[(Claim::Wants, "c")], update("t")).await, [one, two], "nor what it had before");
    assert_eq!(freed(&[(Claim::Wants, "c"), (Claim::Frees, "d")], update("t")).await, []);
    assert_eq!(freed(&[], update("t")).await, [], "it did not have to do with unique values");
}

async fn lines_come_by_phase_and_rank(database: Arc<Database>) {
    let store = with_target(&database).await;
    let run = begin(&store).await;
    let u = ObjectRef::user("u1");
    let lines: Vec<_> = (0..4).map(|_| line(change(&u, Phase::Updates, update("t")), &[], None)).collect();
    store.put_plan(&run, &lines).await.unwrap();
    store.set_rank(&run, &[(1, Phase::Updates, 2), (2, Phase::Releases, 0), (4, Phase::Updates, 1)]).await.unwrap();
    let next =
        async |phase| store.next_lines(&run, phase, 10).await.unwrap().into_iter().map(|line| line.seq).collect::<Vec<_>>();
    assert_eq!(next(Phase::Updates).await, vec![3]);
    assert_eq!(next(Phase::Releases).await, vec![2]);
    database.shell("update plan_lines set state = 'done' where seq = 3");
    assert_eq!(next(Phase::Updates).await, vec![4], "one rank at a time");
    database.shell("update plan_lines set state = 'dropped' where seq = 4");
    assert_eq!(next(Phase::Updates).await, vec![1]);
    assert_eq!(next(Phase::Removals).await, Vec::<i64>::new());
}

async fn the_first_members_of_each_group_are_found(database: Arc<Database>) {
    let store = with_target(&database).await;
    let run = begin(&store).await;
    let join = |group: &str, n: u32| {
        let to = ObjectRef::user(format!("u{n}").as_str());
        line(
            change(&ObjectRef::group(group), Phase::References, Action::AddReference { relation: Relation::Member, to }),
            &[],
            None,
        )
    };
    let made = |group: &str| line(change(&ObjectRef::group(group), Phase::Groups, update("t")), &[], None);
    let lines = [made("a"), join("a", 1), join("b", 1), join("a", 2), join("c", 1), join("a", 3), join("b", 2), join("a", 4)];
    store.put_plan(&run, &lines).await.unwrap();
    let (other, groups) = (begin(&store).await, ["a", "b", "none"].map(ObjectRef::group));
    store.put_plan(&other, &[join("a", 9)]).await.unwrap();
    let first = async |of_each| {
        let lines = store.first_members(&run, &groups, of_each).await.unwrap();
        lines.into_iter().map(|line| line.seq).collect::<Vec<_>>()
    };
    assert_eq!(first(2).await, [2, 3, 4, 7]);
    database.shell("update plan_lines set state = 'done' where seq = 2");
    assert_eq!(first(2).await, [3, 4, 6, 7], "what was sent is none of them");
    assert_eq!(first(9).await, [3, 4, 6, 7, 8]);
}

async fn a_line_becomes_a_hold(database: Arc<Database>) {
    let store = with_target(&database).await;
    let run = begin(&store).await;
    let u = ObjectRef::user("u1");
    let planned =
        line(change(&u, Phase::Updates, update("t")), &[(Claim::Wants, "x"), (Claim::Frees, "y")], Some(Operation::Disable));
    store.put_plan(&run, &[planned.clone(), planned]).await.unwrap();
    let hold = Hold::Conflict { attribute: "login".into(), detail: "x".into() };
    store.replace_line(&run, 1, &Decision::Hold(u.clone(), hold.clone())).await.unwrap();
    let lines = store.plan_lines(&run, 0, 10).await.unwrap();
    assert_eq!((&lines[0].decision, lines[0].state, lines[0].phase), (&Decision::Hold(u, hold), LineState::Held, None));
    assert_eq!(database.shell("select count(*), min(seq) from plan_claims"), "2|2", "its claims went with it");
    assert_eq!(database.shell("select count(*), min(seq) from plan_counted"), "1|2", "and the guard counts it no more");
    assert_eq!(store.next_lines(&run, Phase::Updates, 10).await.unwrap().len(), 1);
}

async fn contested_values_name_holder_and_release(database: Arc<Database>) {
    let store = with_target(&database).await;
    let (a, b, c) = (ObjectRef::user("a"), ObjectRef::user("b"), ObjectRef::user("c"));
    write(&store, &[user("a"), user("b"), user("c")]).await;
    let rows = [present(&a, 1, "a"), present(&b, 1, "b"), present(&c, 1, "c")];
    store.put_desired(&target(), &rows).await.unwrap();
    link(&store, &a, "ta").await;
    link(&store, &b, "tb").await;
    mirror(
        &store,
        Kind::User,
        Reading::Full,
        1,
        &[
            record(Kind::User, "ta", json!({ "login": "one" })),
            record(Kind::User, "tb", json!({ "login": "TWO" })),
            record(Kind::User, "foreign", json!({ "login": "three" })),
            Observed { condition: Condition::Deleted, ..record(Kind::User, "binned", json!({ "login": "four" })) },
        ],
    )
    .await;
    let run = begin(&store).await;
    store
        .put_plan(
            &run,
            &[
                line(change(&a, Phase::Updates, update("ta")), &[(Claim::Wants, "two"), (Claim::Frees, "one")], None),
                line(change(&b, Phase::Updates, update("tb")), &[(Claim::Wants, "one"), (Claim::Frees, "two")], None),
                line(change(&c, Phase::Users, update("tc")), &[(Claim::Wants, "three")], None),
                line(change(&c, Phase::Users, update("tc")), &[(Claim::Wants, "four"), (Claim::Wants, "five")], None),
                line(change(&a, Phase::Updates, update("ta")), &[(Claim::Wants, "one")], None),
            ],
        )
        .await
        .unwrap();
    let contested = store.contested(&run).await.unwrap();
    let short: Vec<_> = contested
        .iter()
        .map(|line| (line.seq, line.value.as_str(), line.holder.as_str(), line.holder_object.clone(), line.freed_by))
        .collect();
    assert_eq!(
        short,
        vec![(1, "two", "tb", Some(b), Some(2)), (2, "one", "ta", Some(a), Some(1)), (3, "three", "foreign", None, None)]
    );
}

async fn holds_are_many_and_keep_their_beginning(database: Arc<Database>) {
    let store = with_target(&database).await;
    let (run, g) = (begin(&store).await, ObjectRef::group("g"));
    let waits = |id: &str| (g.clone(), Hold::WaitingFor(ObjectRef::user(id)));
    let settling = (ObjectRef::user("u1"), Hold::Settling);
    store.put_holds(&target(), &run, &[waits("u1"), waits("u2"), settling.clone(), settling.clone()]).await.unwrap();
    database.shell("update holds set since = 7");
    let again = begin(&store).await;
    store.put_holds(&target(), &again, &[waits("u2")]).await.unwrap();
    store.prune_holds(&target(), &again, Some(std::slice::from_ref(&g))).await.unwrap();
    let held = store.holds(Some(&target()), None, 10).await.unwrap();
    let short: Vec<_> = held.iter().map(|row| (row.object.clone(), row.hold.clone(), row.since)).collect();
    assert_eq!(short, vec![(g.clone(), waits("u2").1, 7), (settling.0.clone(), Hold::Settling, 7)]);
    assert_eq!((&held[0].run, &held[1].run), (&again, &run));
    assert_eq!(store.holds(None, Some(&held[0]), 10).await.unwrap().len(), 1);
    assert_eq!(store.holds(Some(&"other".into()), None, 10).await.unwrap(), vec![]);
    store.prune_holds(&target(), &again, None).await.unwrap();
    assert_eq!(store.holds(None, None, 10).await.unwrap().len(), 1);
    store.clear_holds(&target(), &[g]).await.unwrap();
    assert_eq!(store.holds(None, None, 10).await.unwrap(), vec![]);
}

async fn the_echo_of_a_run_is_no_drift(database: Arc<Database>) {
    let store = with_target(&database).await;
    let u1 = ObjectRef::user("u1");
    write(&store, &[user("u1")]).await;
    store.put_desired(&target(), &[present(&u1, 1, "one")]).await.unwrap();
    link(&store, &u1, "t1").await;
    store.lease(&target(), "me", std::slice::from_ref(&u1), LEASE).await.unwrap();
    let run = begin(&store).await;
    let basis = states(&store, &[u1.clone()]).await[0].basis;
    let action = update("t1");
    let seq = plan(&store, &run, &u1, &action, basis).await;
    let start = Start { seq, object: u1.clone(), basis, action, record: None, blocks: None, hands_over: false, sent: json!({}) };
    assert_eq!(store.start_effects(&target(), &run, "me", &[start.clone()]).await.unwrap(), vec![]);
    let sent = LinkWrite::Sent(attributes(json!({ "title": "a ", "city": "Bern" })));
    store.end_effects(&target(), &run, &[done(&start, Some(sent), Vec::new())]).await.unwrap();
    mirror(&store, Kind::User, Reading::Full, 1, &[record(Kind::User, "t1", json!({ "title": "a", "city": "Bern" }))]).await;
    store.accept_echo(&target(), &begin(&store).await).await.unwrap();
    assert_eq!(states(&store, &[u1.clone()]).await[0].link.as_ref().unwrap().stored, Attributes::new(), "not of this run");
    store.accept_echo(&target(), &run).await.unwrap();
    assert_eq!(states(&store, &[u1]).await[0].link.as_ref().unwrap().stored, attributes(json!({ "title": "a" })));
}

async fn what_one_look_shows_otherwise_is_doubted(database: Arc<Database>) {
    let store = with_target(&database).await;
    let show = async |reading, id: &str, value| mirror(&store, Kind::User, reading, 1, &[record(Kind::User, id, value)]).await;
    for id in ["t1", "t2", "t3"] {
        show(Reading::Changes, id, json!({ "title": "a", "phones": null })).await;
    }
    show(Reading::Changes, "t1", json!({ "title": "b" })).await;
    show(Reading::Lookup, "t2", json!({ "title": "a", "phones": [], "city": "Bern" })).await;
    show(Reading::Lookup, "new", json!({ "title": "a" })).await;
    assert_eq!(store.doubted(&target(), Kind::User, store.now()).await.unwrap(), [] as [TargetId; 0], "nothing known is denied");
    show(Reading::Lookup, "t1", json!({ "title": "a" })).await;
    let away = Observed { condition: Condition::Deleted, ..record(Kind::User, "t3", json!({ "title": "a" })) };
    mirror(&store, Kind::User, Reading::Lookup, 1, &[away]).await;
    let until = store.now();
    let doubted = async |until| store.doubted(&target(), Kind::User, until).await.unwrap();
    assert_eq!(doubted(until).await, [TargetId::from("t1"), "t3".into()]);
    assert_eq!(doubted(until - 60_000).await, [] as [TargetId; 0], "not that long ago");
    assert_eq!(store.doubted(&target(), Kind::Group, until).await.unwrap(), [] as [TargetId; 0]);
    // What is doubted anew after the time stays doubted.
    store.end_doubts(&target(), Kind::User, &["t1".into(), "t3".into()], until - 60_000).await.unwrap();
    assert_eq!(doubted(until).await.len(), 2);
    store.end_doubts(&target(), Kind::User, &["t1".into()], until).await.unwrap();
    assert_eq!(doubted(until).await, [TargetId::from("t3")]);
}

async fn an_object_waits_longer_each_time(database: Arc<Database>) {
    let store = with_target(&database).await;
    let u1 = ObjectRef::user("u1");
    let mut waits = Vec::new();
    for _ in 0..10 {
        store.enqueue_again(&target(), &[u1.clone(), ObjectRef::group("g")], Duration::from_secs(2)).await.unwrap();
        waits.push(database.shell("select not_before - changed_at from queue where id = 'u1'").parse::<i64>().unwrap());
    }
    assert_eq!(waits[0], 2_000);
    assert!(waits.windows(2).all(|pair| pair[1] == pair[0] * 2 || pair[1] == 256_000), "{waits:?}");
    assert_eq!(waits[9], 256_000);
    assert_eq!(store.queue_depth(&target()).await.unwrap().rows, 2);
}

async fn an_object_of_which_nothing_new_can_be_said_waits_unless_it_changes(database: Arc<Database>) {
    let store = with_target(&database).await;
    write(&store, &[user("u1"), user("u2")]).await;
    store.put_desired(&target(), &["u1", "u2"].map(|id| present(&ObjectRef::user(id), 1, id))).await.unwrap();
    // Somebody changes it while a run that mapped it before goes on.
    database.shell("update users set display_name = 'x' where id = 'u2'");
    let late = store.now() + 900_000;
    let both = [ObjectRef::user("u1"), ObjectRef::user("u2")];
    store.enqueue_late(&target(), &both, Duration::from_secs(2), late).await.unwrap();
    let wait = |id: &str| database.shell(&format!("select not_before - changed_at from queue where id = '{id}'")).parse::<i64>();
    assert_eq!(database.shell("select not_before from queue where id = 'u1'"), late.to_string());
    assert!(wait("u2").unwrap() <= 4_000, "{:?}", wait("u2"));
    database.shell("update users set display_name = 'x' where id = 'u1'");
    assert_eq!(database.shell("select not_before from queue where id = 'u1'"), "0", "a change does not wait");
}

async fn a_full_run_ends_what_it_covered(database: Arc<Database>) {
    let store = with_target(&database).await;
    write(&store, &[user("u1"), user("u2"), user("u3"), user("u4")]).await;
    let mapped = |id: &str| present(&ObjectRef::user(id), 1, id);
    store.put_desired(&target(), &["u1", "u2", "u3", "u4"].map(mapped)).await.unwrap();
    // As by a transaction that began before the run and ended after it looked.
    database.shell("update users set display_name = 'x' where id = 'u4'");
    store.enqueue(&target(), &[ObjectRef::user("u3")], store.now() + 60_000).await.unwrap();
    tokio::time::sleep(Duration::from_millis(20)).await;
    let began = store.now();
    tokio::time::sleep(Duration::from_millis(20)).await;
    database.shell("update users set display_name = 'x' where id = 'u2'");
    store.done_before(&target(), began).await.unwrap();
    let left = database.shell("select id from queue order by id");
    assert_eq!(left, "u2\nu3\nu4", "what changed since, what waits for its time, what was not mapped as it is");
}

async fn those_who_depend_on_a_manager_are_found(database: Arc<Database>) {
    let store = with_target(&database).await;
    let (boss, other) = (ObjectRef::user("boss"), ObjectRef::user("other"));
    let report = |id: &str, manager: &ObjectRef| {
        SourceChange::PutUser(UserRow { manager: Some(manager.id.clone()), ..UserRow::new(id, id) })
    };
    write(&store, &[user("boss"), user("other"), report("r1", &boss), report("r2", &other)]).await;
    let rows = [present(&boss, 1, "boss"), present(&other, 1, "other")];
    store.put_desired(&target(), &rows).await.unwrap();
    assert_eq!(store.dependents(&target(), &[boss.clone(), other.clone()]).await.unwrap(), vec![]);
    database.shell("update users set display_name = 'x' where id = 'boss'");
    assert_eq!(store.dependents(&target(), &[boss.clone(), other]).await.unwrap(), vec![ObjectRef::user("r1")]);
    let bases = store.bases(&target(), &[boss.clone()]).await.unwrap();
    assert_eq!(bases[&boss], Basis { source: 1, link: 0, epoch: 1 }, "as it was mapped");
    store.park(&target(), &boss, Some("asked")).await.unwrap();
    assert_eq!(store.parked(&target()).await.unwrap(), BTreeMap::from([(boss, "asked".to_owned())]));
}

async fn reports_have_native_types(database: Arc<Database>) {
    if database.sort == Sort::Sqlite {
        return;
    }
    let store = with_target(&database).await;
    write(
        &store,
        &[SourceChange::PutUser(UserRow { document: attributes(json!({ "title": "x" })), ..UserRow::new("u1", "one") })],
    )
    .await;
    link(&store, &ObjectRef::user("u1"), "t1").await;
    assert_eq!(
        database.shell("select active, document->>'title', created_at > now() - interval '1 hour' from report_users"),
        "t|x|t"
    );
    assert_eq!(database.shell("select anchored, linked_at > now() - interval '1 hour', sent from report_links"), "t|t|{}");
    assert_eq!(
        database.shell("select state, finished_at is null, started_at > now() - interval '1 hour' from report_runs limit 1"),
        "running|t|t"
    );
}
