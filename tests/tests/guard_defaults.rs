//! The default limits of links, changes and added references: a first load passes, what many would notice later does not.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::sync::Arc;
use std::time::Duration;

use entrain_model::{Allowance, Attributes, Begins, Kind, Limit, ObjectRef, Operation, Rule, Share};
use entrain_store::{Choice, GroupRow, Membership, Role, RunState, SourceChange, UserRow};
use entrain_sync::{Knowledge, Report, Silent};
use entrain_tests::database::Dialect;
use entrain_tests::memory::{Memory, schema};
use entrain_tests::rig::Rig;
use serde_json::json;

fn row(n: usize, title: &str) -> UserRow {
    let mut row = UserRow::new(format!("u{n:03}"), format!("user{n:03}@x.example"));
    row.display_name = Some(format!("User {n}"));
    row.document = [("title".to_owned(), json!(title))].into();
    row
}

fn user(n: usize, title: &str) -> SourceChange {
    SourceChange::PutUser(row(n, title))
}

fn member(group: &str, n: usize) -> SourceChange {
    let member = ObjectRef::user(format!("u{n:03}"));
    SourceChange::PutMembership(Membership { group: group.into(), member, role: Role::Member })
}

fn group(id: &str) -> SourceChange {
    SourceChange::PutGroup(GroupRow::new(id, format!("Group {id}")))
}

/// So many people whom the tenant knows already, under another title.
async fn known(dialect: Dialect, users: usize) -> (Rig, Arc<Memory>) {
    let memory = Arc::new(Memory::new(schema(), 7));
    for n in 0..users {
        let record = json!({"userPrincipalName": format!("user{n:03}@x.example"), "jobTitle": "Old", "accountEnabled": true});
        let attributes: Attributes = serde_json::from_value(record).unwrap();
        memory.seed(Kind::User, &format!("r{n:03}"), attributes);
    }
    let rig = Rig::new(dialect, memory.clone(), |_| {}).await.unwrap();
    let people: Vec<_> = (0..users).map(|n| user(n, "Clerk")).collect();
    rig.write(&people).await.unwrap();
    (rig, memory)
}

fn held(report: &Report) -> String {
    assert_eq!(report.state, RunState::Held, "{report:?}");
    report.reasons.join("; ")
}

fn reports(results: Vec<Result<Report, entrain_sync::SyncError>>) -> Vec<Report> {
    results.into_iter().map(Result::unwrap).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rewritten_attribute_is_held_and_keeps_no_leaver_waiting() {
    for dialect in Dialect::all() {
        let (mut rig, _memory) = known(dialect, 40).await;
        let first = rig.full().await.unwrap();
        assert_eq!((first.state, first.count("link")), (RunState::Converged, 40), "{:?}", first.reasons);
        assert_eq!(first.count("update"), 40, "a first load is looked at beforehand");

        // The script is edited, and nobody looks at what it changes.
        rig.script(Kind::User, "#{ jobTitle: \"Chief\" }").await.unwrap();
        let stopped = rig.full().await.unwrap();
        let why = held(&stopped);
        assert!(why.starts_with("the run would change jobTitle of 40 users; 25 are allowed in one run"), "{why}");
        let run = stopped.run.unwrap();
        let one = ObjectRef::user("u001");
        let told = rig.engine.explain(&rig.target, &one, Knowledge::Remembered).await.unwrap();
        assert_eq!(told.about.waiting.iter().map(|waiting| &waiting.run).collect::<Vec<_>>(), [&run]);
        assert_eq!(told.about.waiting[0].reasons, [why]);

        let mut leaver = row(2, "Clerk");
        leaver.active = false;
        rig.write(&[SourceChange::PutUser(leaver)]).await.unwrap();
        let blocked = reports(rig.direct().await.unwrap());
        assert_eq!(blocked.iter().map(|report| report.count("update")).sum::<u64>(), 1, "{blocked:?}");

        let done = rig.engine.approve(&rig.target, &run, "ann", &Choice::All, &Silent).await.unwrap();
        assert_eq!((done.state, done.count("update")), (RunState::Converged, 39), "{:?}", done.reasons);
        let told = rig.engine.explain(&rig.target, &one, Knowledge::Remembered).await.unwrap();
        assert_eq!(told.about.waiting, []);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_small_runs_change_no_more_of_one_attribute_than_one_may() {
    let (rig, _memory) = known(Dialect::Sqlite, 30).await;
    rig.full().await.unwrap();
    for n in 0..25 {
        rig.write(&[user(n, "Chief")]).await.unwrap();
        let done = reports(rig.direct().await.unwrap());
        assert_eq!(done.iter().map(|report| report.count("update")).sum::<u64>(), 1, "{n}: {done:?}");
    }
    rig.write(&[user(25, "Chief")]).await.unwrap();
    let last = reports(rig.direct().await.unwrap()).remove(0);
    assert!(held(&last).contains("change jobTitle of 26 users within an hour; 25 are allowed"), "{:?}", last.reasons);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn records_that_are_taken_over_later_are_limited() {
    for dialect in Dialect::all() {
        let (rig, memory) = known(dialect, 1).await;
        assert_eq!(rig.full().await.unwrap().state, RunState::Converged);
        for n in 10..21 {
            let record = json!({"userPrincipalName": format!("user{n:03}@x.example")});
            memory.seed(Kind::User, &format!("r{n:03}"), serde_json::from_value(record).unwrap());
        }
        let people: Vec<_> = (10..21).map(|n| user(n, "Clerk")).collect();
        rig.write(&people).await.unwrap();
        let why = held(&rig.full().await.unwrap());
        assert!(why.starts_with("the run would take over the records of 11 users; 10 are allowed in one run"), "{why}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn added_references_and_managers_are_limited_unless_their_record_is_new() {
    for dialect in Dialect::all() {
        let (mut rig, _memory) = known(dialect, 130).await;
        rig.write(&[group("g1"), group("g2"), member("g1", 0), member("g2", 0)]).await.unwrap();
        assert_eq!(rig.full().await.unwrap().state, RunState::Converged);

        let new: Vec<_> = [group("g3")].into_iter().chain((0..130).map(|n| member("g3", n))).collect();
        rig.write(&new).await.unwrap();
        let done = rig.full().await.unwrap();
        assert_eq!((done.state, done.count("add_reference")), (RunState::Converged, 130), "{:?}", done.reasons);

        let many: Vec<_> = (1..130).map(|n| member("g1", n)).collect();
        rig.write(&many).await.unwrap();
        let stopped = rig.full().await.unwrap();
        let why = held(&stopped);
        assert!(why.contains("the run would add 129 references to groups; 125 are allowed"), "{why}");
        assert!(why.contains("the run would add 129 references to group g1; 100 are allowed"), "{why}");
        rig.engine.approve(&rig.target, &stopped.run.unwrap(), "ann", &Choice::All, &Silent).await.unwrap();

        let allowance = Allowance::of(Limit::of(0));
        let rule = Rule::of(Operation::AddReference, Kind::Group, Share::EachGroup, allowance);
        let rule = Rule { group: Some("g2".into()), begins: Begins::AtOnce, ..rule };
        rig.configure(|target| target.limits.put(rule)).await.unwrap();
        rig.write(&[member("g2", 1)]).await.unwrap();
        let direct = reports(rig.direct().await.unwrap());
        assert!(held(&direct[0]).contains("add 1 reference to group g2; 0 are allowed"), "{:?}", direct[0].reasons);

        let managed = |n| {
            let mut managed = row(n, "Clerk");
            managed.manager = Some("u000".into());
            SourceChange::PutUser(managed)
        };
        rig.engine.reject(direct[0].run.as_ref().unwrap(), "ann").await.unwrap();
        rig.write(&(1..27).map(managed).collect::<Vec<_>>()).await.unwrap();
        let why = held(&rig.full().await.unwrap());
        assert!(why.contains("the run would set the manager of 26 users; 25 are allowed"), "{why}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_sync_in_which_much_failed_is_not_successful() {
    for dialect in Dialect::all() {
        let memory = Arc::new(Memory::new(schema(), 7));
        let rig = Rig::new(dialect, memory, |_| {}).await.unwrap();
        let elsewhere = |n: usize, domain: &str| {
            let mut row = row(n, "Clerk");
            row.user_name = format!("user{n}@{domain}");
            SourceChange::PutUser(row)
        };
        rig.write(&(0..6).map(|n| elsewhere(n, "elsewhere.example")).collect::<Vec<_>>()).await.unwrap();
        let row = async || rig.store().target(&rig.target.name).await.unwrap().unwrap();
        assert_eq!(rig.full().await.unwrap().state, RunState::Partial);
        assert_eq!((row().await.last_full_at, row().await.loaded_in), (None, None), "six of six are refused");
        rig.write(&[elsewhere(0, "x.example")]).await.unwrap();
        assert_eq!(rig.full().await.unwrap().state, RunState::Partial);
        assert!(row().await.last_full_at.is_some() && row().await.loaded_in.is_some(), "five are few");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_domains_of_the_tenant_outlast_the_process() {
    for dialect in Dialect::all() {
        let (mut rig, memory) = known(dialect, 1).await;
        rig.full().await.unwrap();
        rig.restart(None).await;
        let mut stray = row(5, "Clerk");
        stray.user_name = "stray@elsewhere.example".into();
        rig.write(&[SourceChange::PutUser(stray)]).await.unwrap();
        let object = ObjectRef::user("u005");
        let told = rig.engine.explain(&rig.target, &object, Knowledge::Remembered).await.unwrap();
        let line = entrain_plan::line(&told.plan[0].0);
        assert!(line.contains("held (rejected)") && line.contains("elsewhere.example"), "{line}");
        memory.take_log();
        let report = rig.only(&[object]).await.unwrap();
        assert_eq!(report.held.get("rejected"), Some(&1), "{report:?}");
        assert!(memory.take_log().is_empty(), "nothing is sent that must fail");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tenant_that_somebody_emptied_is_not_filled_again_unasked() {
    for dialect in Dialect::all() {
        for purged in [false, true] {
            let memory = Arc::new(Memory::new(schema(), 7));
            let rig = Rig::new(dialect, memory.clone(), |target| target.timing.settling = Duration::ZERO).await.unwrap();
            rig.write(&(0..150).map(|n| user(n, "Clerk")).collect::<Vec<_>>()).await.unwrap();
            assert_eq!(rig.full().await.unwrap().state, RunState::Converged, "the first load is no harm");
            memory.take_log();
            for record in memory.dump().into_iter().filter(|record| record.kind == Kind::User) {
                memory.delete(Kind::User, record.id.as_str());
                if purged {
                    memory.purge(Kind::User, record.id.as_str());
                }
            }
            let said = held(&rig.full().await.unwrap());
            assert!(said.contains("make or restore 150 users"), "{said}");
            assert_eq!(said.contains("give up the records of 150 users"), purged, "{said}");
            assert_eq!(memory.take_log().len(), 0, "nothing was written");
        }
    }
}
