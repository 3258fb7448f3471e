//! Who owns what: two engines in one tenant, and somebody else who writes what is managed here.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::disallowed_methods)]

use std::sync::Arc;
use std::time::Duration;

use entrain::alarms::settle_fights;
use entrain::config::FightConfig;
use entrain_emulator::{Emulator, Options};
use entrain_model::{Attributes, Authorities, Authority, Desired, Kind, ObjectRef, Relation, Setting};
use entrain_store::{AlarmRow, GroupRow, Membership, Role, RunState, SourceChange, Turn, UserRow};
use entrain_sync::{Knowledge, Report};
use entrain_tests::database::Dialect;
use entrain_tests::memory::{Memory, schema};
use entrain_tests::rig::Rig;
use entrain_tests::tenant::entra;
use serde_json::{Value as Json, json};

const HOUR: Duration = Duration::from_secs(3600);

fn user(id: &str, login: &str, title: &str) -> SourceChange {
    let mut row = UserRow::new(id, login);
    row.display_name = Some(login.split('@').next().unwrap().to_owned());
    row.document = [("title".to_owned(), json!(title))].into();
    SourceChange::PutUser(row)
}

fn held(report: &Report) -> u64 {
    report.held.get("foreign_anchor").copied().unwrap_or(0)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_engines_in_one_tenant_leave_each_others_records_alone() {
    let emulator = Emulator::start(Options::default()).await.unwrap();
    let ours = Rig::new(Dialect::Sqlite, entra(&emulator).unwrap(), |_| {}).await.unwrap();
    let theirs = Rig::new(Dialect::Sqlite, entra(&emulator).unwrap(), |_| {}).await.unwrap();
    let group = |id: &str, about: &str| {
        let mut row = GroupRow::new(id, "Staff");
        row.description = Some(about.to_owned());
        SourceChange::PutGroup(row)
    };
    ours.write(&[user("u1", "ann@contoso.example", "Analyst"), group("g1", "ours")]).await.unwrap();
    theirs.write(&[user("b2", "bob@contoso.example", "Baker")]).await.unwrap();
    assert_eq!(ours.full().await.unwrap().count("create"), 2);
    assert_eq!(theirs.full().await.unwrap().count("create"), 1);

    // Each now claims what the other made, and says otherwise.
    ours.write(&[user("u2", "bob@contoso.example", "Boss")]).await.unwrap();
    theirs.write(&[user("b1", "ann@contoso.example", "Artist"), group("h1", "theirs")]).await.unwrap();
    let writes = emulator.stats().writes;
    for _ in 0..2 {
        let report = ours.full().await.unwrap();
        assert_eq!((report.state, held(&report), report.done.len()), (RunState::Partial, 1, 0), "{report:?}");
        assert!(report.drift_found.is_empty(), "{report:?}");
        let report = theirs.full().await.unwrap();
        assert_eq!((report.state, held(&report), report.done.len()), (RunState::Partial, 2, 0), "{report:?}");
        assert!(report.drift_found.is_empty(), "{report:?}");
    }
    // A direct sync finds the same.
    theirs.write(&[user("b1", "ann@contoso.example", "Actor")]).await.unwrap();
    let report = theirs.only(&[ObjectRef::user("b1")]).await.unwrap();
    assert_eq!((held(&report), report.done.len()), (1, 0), "{report:?}");
    assert_eq!(emulator.stats().writes, writes, "somebody was overwritten");
}

/// An engine between a source with two users in a group and a tenant in memory that shows at once what is written.
async fn stage(dialect: Dialect) -> (Rig, Arc<Memory>) {
    let memory = Arc::new(Memory::new(schema(), 1));
    let rig = Rig::new(dialect, memory.clone(), |target| target.timing.settling = Duration::ZERO).await.unwrap();
    let member = |id: &str| Membership { group: "g1".into(), member: ObjectRef::user(id), role: Role::Member };
    let group = SourceChange::PutGroup(GroupRow::new("g1", "Staff"));
    let members = ["u1", "u2"].map(|id| SourceChange::PutMembership(member(id)));
    rig.write(&[user("u1", "ann@x.example", "Analyst"), user("u2", "bob@x.example", "Baker"), group]).await.unwrap();
    rig.write(&members).await.unwrap();
    rig.full().await.unwrap();
    (rig, memory)
}

/// Somebody writes a title, and a run over everything puts it right. Records are `r0001` and on, in order.
async fn round(rig: &Rig, memory: &Memory) -> Report {
    // PostgreSQL has a clock of its own, and a millisecond tells a write from what comes after it.
    rig.pass(Duration::from_millis(5)).await;
    memory.edit(Kind::User, "r0001", &Attributes::from([("jobTitle".to_owned(), json!("Queen"))]));
    rig.full().await.unwrap()
}

async fn look(rig: &Rig) -> Vec<(Turn, AlarmRow)> {
    settle_fights(rig.store(), &rig.target.name, FightConfig::default()).await.unwrap()
}

fn one(counts: &[(&str, u64)]) -> std::collections::BTreeMap<String, u64> {
    counts.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect()
}

async fn a_value_that_is_put_right_thrice_is_a_fight(dialect: Dialect) {
    let (rig, memory) = stage(dialect).await;
    for _ in 0..2 {
        let report = round(&rig, &memory).await;
        assert_eq!((report.drift_found, report.drift_repaired), (one(&[("user jobTitle", 1)]), one(&[("user jobTitle", 1)])));
        assert_eq!(look(&rig).await, []);
    }
    // A change of the source is none of somebody else's.
    rig.write(&[user("u1", "ann@x.example", "Artist")]).await.unwrap();
    let report = rig.full().await.unwrap();
    assert_eq!((report.count("update"), report.drift_found.len()), (1, 0), "{report:?}");
    assert_eq!(look(&rig).await, []);

    let report = round(&rig, &memory).await;
    assert_eq!(report.to_json()["drift"]["repaired"], json!({ "user jobTitle": 1 }));
    let turned = look(&rig).await;
    let [(Turn::Raised, row)] = turned.as_slice() else { panic!("{turned:?}") };
    assert_eq!((row.alarm.kind.as_str(), row.alarm.about.as_str()), ("fight", "user jobTitle"));
    for part in ["user u1 3 times", "within 24 hours", "jobTitle = \"yield\" in [target.authority] users"] {
        assert!(row.alarm.message.contains(part), "`{part}` is not in: {}", row.alarm.message);
    }
    assert!(!row.alarm.message.contains("Queen") && !row.alarm.body.to_string().contains("Queen"), "values stay out of it");
    assert_eq!(
        (&row.alarm.body["objects"][0]["object"]["id"], &row.alarm.body["objects"][0]["times"]),
        (&json!("u1"), &json!(3))
    );
    round(&rig, &memory).await;
    assert_eq!(look(&rig).await, [], "it is told once");
    assert_eq!(rig.store().alarms(None).await.unwrap()[0].alarm.body["objects"][0]["times"], json!(4), "and kept up to date");
    let lines = rig.store().runs(None, 1).await.unwrap();
    let lines = rig.store().plan_lines(&lines[0].id, 0, 10).await.unwrap();
    assert_eq!(lines.iter().map(|line| line.drift.clone()).collect::<Vec<_>>(), [["jobTitle".to_owned()]]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fight_is_told_once_and_names_what_to_do() {
    for dialect in Dialect::all() {
        a_value_that_is_put_right_thrice_is_a_fight(dialect).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fight_is_over_when_nothing_was_put_right_for_a_window() {
    let (rig, memory) = stage(Dialect::Sqlite).await;
    for _ in 0..3 {
        round(&rig, &memory).await;
        rig.clock.advance(HOUR);
    }
    assert_eq!(look(&rig).await.len(), 1);
    // One of the three is older than a day by now: that alone ends nothing.
    rig.clock.advance(22 * HOUR + HOUR / 2);
    assert_eq!(look(&rig).await, []);
    assert_eq!(rig.store().alarms(None).await.unwrap().len(), 1);
    rig.clock.advance(HOUR);
    let turned = look(&rig).await;
    assert!(matches!(turned.as_slice(), [(Turn::Cleared, _)]), "{turned:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn repairs_far_apart_are_no_fight_and_what_is_left_to_the_tenant_is_none() {
    let (mut rig, memory) = stage(Dialect::Sqlite).await;
    for _ in 0..4 {
        round(&rig, &memory).await;
        rig.clock.advance(13 * HOUR);
        assert_eq!(look(&rig).await, []);
    }
    let users = [("jobTitle".to_owned(), Authority::Yield)].into();
    rig.configure(|target| target.policy.authority = Authorities { users, ..Authorities::default() }).await.unwrap();
    for _ in 0..4 {
        let report = round(&rig, &memory).await;
        assert_eq!((report.planned.len(), &report.left_to_target), (0, &one(&[("user jobTitle", 1)])), "{report:?}");
    }
    assert_eq!(look(&rig).await, []);
    let explained = rig.engine.explain(&rig.target, &ObjectRef::user("u1"), Knowledge::Remembered).await.unwrap();
    assert_eq!((explained.plan.len(), explained.left_to_target), (0, vec!["jobTitle".to_owned()]));
    let Some(Ok(Desired::Present(record))) = explained.mapping else { panic!("it is not mapped") };
    assert_eq!(record.settings["jobTitle"], Setting::Yield(json!("Analyst")));
}

async fn a_member_that_is_taken_out_thrice_is_a_fight(dialect: Dialect) {
    let (rig, memory) = stage(dialect).await;
    for _ in 0..3 {
        assert_eq!(look(&rig).await, []);
        rig.pass(Duration::from_millis(5)).await;
        memory.unrefer(Relation::Member, "r0003", Kind::User, "r0002");
        let report = rig.full().await.unwrap();
        assert_eq!(report.drift_repaired, one(&[("group member", 1)]), "{report:?}");
    }
    let turned = look(&rig).await;
    let [(Turn::Raised, row)] = turned.as_slice() else { panic!("{turned:?}") };
    assert!(row.alarm.message.contains("group g1 (member user u2) 3 times"), "{}", row.alarm.message);
    assert!(!row.alarm.message.contains("yield"), "references cannot be left: {}", row.alarm.message);
    let object: &Json = &row.alarm.body["objects"][0];
    assert_eq!((&object["object"]["id"], &object["other"]), (&json!("g1"), &json!("user u2")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fight_about_a_member_names_both_ends() {
    for dialect in Dialect::all() {
        a_member_that_is_taken_out_thrice_is_a_fight(dialect).await;
    }
}
