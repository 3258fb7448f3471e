//! What the engine learns from a refusal, from an absence and from a value that it did not expect, and does about it by itself.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::disallowed_methods, clippy::wildcard_enum_match_arm)]

use std::sync::Arc;
use std::time::Duration;

use entrain_model::{Fault, Hold, Kind, ObjectRef, Observed, Reason, Relation, Scope, Write};
use entrain_store::{GroupRow, Membership, Role, RunKind, RunState, SourceChange, UserRow};
use entrain_sync::{Ask, Silent, Target};
use entrain_tests::database::Dialect;
use entrain_tests::memory::{Lag, Memory, Next, schema};
use entrain_tests::rig::{MovableClock, Rig};
use serde_json::{Value as Json, json};

async fn rig(change: impl FnOnce(&mut Target)) -> (Rig, Arc<Memory>) {
    let memory = Arc::new(Memory::new(schema(), 7));
    (Rig::new(Dialect::Sqlite, memory.clone(), change).await.unwrap(), memory)
}

fn user(id: &str, login: &str, title: &str) -> SourceChange {
    let mut row = UserRow::new(id, format!("{login}@x.example"));
    row.display_name = Some(format!("User {id}"));
    row.document = [("title".to_owned(), json!(title))].into();
    SourceChange::PutUser(row)
}

fn record(memory: &Memory, login: &str) -> Option<Observed> {
    let login = json!(format!("{login}@x.example"));
    memory.dump().into_iter().find(|record| record.attributes.get("userPrincipalName") == Some(&login))
}

fn value(memory: &Memory, login: &str, name: &str) -> Option<Json> {
    record(memory, login)?.attributes.get(name).cloned()
}

async fn holds(rig: &Rig) -> Vec<(ObjectRef, Hold)> {
    rig.store().holds(None, None, 20).await.unwrap().into_iter().map(|row| (row.object, row.hold)).collect()
}

#[tokio::test]
async fn who_waits_for_a_login_goes_on_when_another_gives_it_up() {
    let (rig, memory) = rig(|_| {}).await;
    rig.write(&[user("u1", "ann", "A")]).await.unwrap();
    rig.full().await.unwrap();
    rig.write(&[user("u2", "ann", "A")]).await.unwrap();
    rig.direct().await.unwrap();
    assert!(matches!(&holds(&rig).await[..], [(held, Hold::Conflict { .. })] if *held == ObjectRef::user("u2")));
    rig.write(&[user("u1", "anna", "A")]).await.unwrap();
    rig.direct().await.unwrap();
    rig.direct().await.unwrap();
    assert!(record(&memory, "anna").is_some() && record(&memory, "ann").is_some(), "{:?}", memory.dump());
    assert_eq!(holds(&rig).await, []);
}

#[tokio::test]
async fn who_has_a_refused_login_is_looked_up_so_that_it_is_refused_once() {
    let (rig, memory) = rig(|_| {}).await;
    rig.write(&[user("u1", "ann", "A")]).await.unwrap();
    rig.full().await.unwrap();
    memory.seed(Kind::User, "t1", [("userPrincipalName".to_owned(), json!("taken@x.example"))].into());
    memory.take_log();
    let refused = || {
        let log = memory.take_log().into_iter().filter_map(|arrived| arrived.answer?.err());
        log.filter(|error| matches!(error.fault, Fault::AlreadyExists { .. })).count()
    };
    rig.write(&[user("u1", "taken", "A")]).await.unwrap();
    rig.direct().await.unwrap();
    assert_eq!(refused(), 1, "the mirror did not know of the other record");
    rig.write(&[user("u1", "taken", "B")]).await.unwrap();
    rig.direct().await.unwrap();
    assert_eq!(refused(), 0, "it does now");
    let holds = holds(&rig).await;
    assert!(matches!(&holds[..], [(_, hold @ Hold::Conflict { .. })] if hold.to_string().contains("t1")), "{holds:?}");
}

#[tokio::test]
async fn a_change_of_a_record_that_is_too_new_to_be_found_waits() {
    let (late, settled) = (Duration::from_secs(3600), Duration::from_secs(2 * 3600));
    let (rig, memory) = rig(|target| target.timing.settling = settled).await;
    memory.delay(rig.clock.clone(), Lag { share: 1.0, longest: late, latency: Duration::ZERO });
    rig.write(&[user("u1", "ann", "A")]).await.unwrap();
    rig.direct().await.unwrap();
    rig.write(&[user("u1", "ann", "B")]).await.unwrap();
    rig.direct().await.unwrap();
    assert_eq!(holds(&rig).await, [(ObjectRef::user("u1"), Hold::Settling)]);
    rig.clock.advance(late);
    rig.direct().await.unwrap();
    assert_eq!(value(&memory, "ann", "jobTitle"), Some(json!("B")));
    assert_eq!(holds(&rig).await, []);
}

#[tokio::test]
async fn a_record_that_somebody_deleted_is_restored_without_a_full_run() {
    let (rig, memory) = rig(|_| {}).await;
    rig.write(&[user("u1", "ann", "A")]).await.unwrap();
    rig.full().await.unwrap();
    rig.clock.advance(2 * rig.target.timing.settling);
    let id = record(&memory, "ann").unwrap().id;
    memory.delete(Kind::User, id.as_str());
    rig.write(&[user("u1", "ann", "B")]).await.unwrap();
    rig.direct().await.unwrap();
    rig.clock.advance(Duration::from_secs(10));
    rig.direct().await.unwrap();
    assert_eq!(memory.value(Kind::User, &id, "jobTitle"), Some(json!("B")), "{:?}", memory.dump());
}

#[tokio::test]
async fn what_somebody_changed_is_read_again_before_it_is_changed_back() {
    let (rig, memory) = rig(|_| {}).await;
    rig.write(&[user("u1", "ann", "A")]).await.unwrap();
    rig.full().await.unwrap();
    rig.clock.advance(2 * rig.target.timing.settling);
    let id = record(&memory, "ann").unwrap().id;
    let title = |title: &str| [("jobTitle".to_owned(), json!(title))].into();
    memory.edit(Kind::User, id.as_str(), &title("Drift"));
    let look = Ask { kind: RunKind::DryRun, ..Ask::sync(Scope::Everything, Reason::Operator) };
    let report = rig.engine.reconcile(&rig.target, look, &Silent).await.unwrap();
    assert_eq!(report.planned.get("update"), Some(&1), "{report:?}");
    memory.edit(Kind::User, id.as_str(), &title("A"));
    memory.take_log();
    let SourceChange::PutUser(mut row) = user("u1", "ann", "A") else { unreachable!() };
    row.display_name = Some("Ann".into());
    rig.write(&[SourceChange::PutUser(row)]).await.unwrap();
    rig.direct().await.unwrap();
    let sent: Vec<_> = memory.take_log().into_iter().map(|arrived| arrived.write).collect();
    let only_the_name =
        |write: &Write| matches!(write, Write::Update { attributes, .. } if attributes.keys().eq(["displayName"]));
    assert!(matches!(&sent[..], [write] if only_the_name(write)), "{sent:?}");
}

fn staff(change: fn(Membership) -> SourceChange) -> SourceChange {
    change(Membership { group: "g1".into(), member: ObjectRef::user("u1"), role: Role::Member })
}

fn members(memory: &Memory) -> usize {
    memory.dump().iter().map(|record| record.references.len()).sum()
}

#[tokio::test]
async fn a_removal_that_a_late_replica_calls_needless_is_done_later() {
    let (late, settled) = (Duration::from_secs(3600), Duration::from_secs(2 * 3600));
    let (rig, memory) = rig(|target| target.timing.settling = settled).await;
    rig.write(&[user("u1", "ann", "A"), SourceChange::PutGroup(GroupRow::new("g1", "Staff"))]).await.unwrap();
    rig.full().await.unwrap();
    memory.delay(rig.clock.clone(), Lag { share: 1.0, longest: late, latency: Duration::ZERO });
    rig.write(&[staff(SourceChange::PutMembership)]).await.unwrap();
    rig.direct().await.unwrap();
    rig.write(&[staff(SourceChange::RemoveMembership)]).await.unwrap();
    rig.direct().await.unwrap();
    assert_eq!(members(&memory), 1, "the replica did not show what it was to remove");
    rig.clock.advance(late);
    rig.direct().await.unwrap();
    assert_eq!(members(&memory), 0);
}

#[tokio::test]
async fn a_removal_that_stays_needless_is_believed_once_the_target_has_settled() {
    let (rig, memory) = rig(|_| {}).await;
    let group = SourceChange::PutGroup(GroupRow::new("g1", "Staff"));
    rig.write(&[user("u1", "ann", "A"), group, staff(SourceChange::PutMembership)]).await.unwrap();
    rig.full().await.unwrap();
    rig.clock.advance(2 * rig.target.timing.settling);
    let ids: Vec<_> = memory.dump().into_iter().map(|record| record.id).collect();
    let (user, group) = (ids[0].as_str(), ids[1].as_str());
    memory.unrefer(Relation::Member, group, Kind::User, user);
    rig.write(&[staff(SourceChange::RemoveMembership)]).await.unwrap();
    rig.direct().await.unwrap();
    assert!(rig.store().queue_depth(&rig.target.name).await.unwrap().rows > 0, "it is asked again");
    rig.clock.advance(rig.target.timing.settling + Duration::from_secs(10));
    rig.direct().await.unwrap();
    assert_eq!(rig.store().queue_depth(&rig.target.name).await.unwrap().rows, 0);
    assert_eq!(rig.full().await.unwrap().state, RunState::Converged);
}

/// The queue of the target, how often anything was sent, and the last effects of the group.
async fn outcome(rig: &Rig, memory: &Memory) -> (i64, usize, Vec<(String, Option<String>)>) {
    let queue = rig.store().queue_depth(&rig.target.name).await.unwrap().rows;
    let about = rig.store().about(&rig.target.name, &ObjectRef::group("g1"), 1).await.unwrap();
    (queue, memory.take_log().len(), about.effects.into_iter().map(|effect| (effect.state, effect.request_id)).collect())
}

#[tokio::test]
async fn a_reference_that_was_changed_by_a_lost_sending_is_done_at_once() {
    let (rig, memory) = rig(|_| {}).await;
    rig.write(&[user("u1", "ann", "A"), SourceChange::PutGroup(GroupRow::new("g1", "Staff"))]).await.unwrap();
    rig.full().await.unwrap();
    for (change, left) in [(staff(SourceChange::PutMembership), 1), (staff(SourceChange::RemoveMembership), 0)] {
        rig.clock.advance(2 * rig.target.timing.settling);
        memory.take_log();
        memory.next([Next::LostAndRepeated]);
        rig.write(&[change]).await.unwrap();
        rig.direct().await.unwrap();
        assert_eq!(members(&memory), left);
        assert_eq!(outcome(&rig, &memory).await, (0, 1, vec![("done".to_owned(), Some("again".to_owned()))]));
    }
}

#[tokio::test]
async fn a_lost_sending_does_not_explain_what_our_own_last_change_contradicts() {
    let (late, settled) = (Duration::from_secs(3600), Duration::from_secs(2 * 3600));
    for (first, then) in [
        (staff(SourceChange::RemoveMembership), staff(SourceChange::PutMembership)),
        (staff(SourceChange::PutMembership), staff(SourceChange::RemoveMembership)),
    ] {
        let (rig, memory) = rig(|target| target.timing.settling = settled).await;
        rig.write(&[user("u1", "ann", "A"), SourceChange::PutGroup(GroupRow::new("g1", "Staff"))]).await.unwrap();
        rig.write(std::slice::from_ref(&then)).await.unwrap();
        rig.full().await.unwrap();
        rig.clock.advance(2 * settled);
        let wanted = members(&memory);
        memory.delay(rig.clock.clone(), Lag { share: 1.0, longest: late, latency: Duration::ZERO });
        rig.write(&[first]).await.unwrap();
        rig.direct().await.unwrap();
        memory.take_log();
        memory.next([Next::LostAndRepeated]);
        rig.write(&[then]).await.unwrap();
        rig.direct().await.unwrap();
        assert_ne!(members(&memory), wanted, "the replica tells what was before our first change");
        assert_eq!(outcome(&rig, &memory).await, (1, 1, vec![("unknown".to_owned(), Some("again".to_owned()))]));
        rig.clock.advance(late);
        rig.direct().await.unwrap();
        assert_eq!(members(&memory), wanted);
    }
}

/// A minute is a fifth of a second.
const RATE: u32 = 300;

/// A target that settles in so many seconds, of which a full run waits so many at its end.
async fn hurried(settling: u64, linger: u64) -> (Rig, Arc<Memory>) {
    let memory = Arc::new(Memory::new(schema(), 7));
    let rig = Rig::at(Arc::new(MovableClock::fast(RATE)), Dialect::Sqlite, memory.clone(), |target| {
        (target.timing.settling, target.timing.linger) = (Duration::from_secs(settling), Duration::from_secs(linger));
        target.timing.lease = Duration::from_secs(24 * 3600);
    });
    (rig.await.unwrap(), memory)
}

#[tokio::test]
async fn a_full_run_waits_a_little_for_a_lost_create_to_show_and_comes_to_its_references() {
    let (rig, memory) = hurried(24 * 3600, 3600).await;
    let group = SourceChange::PutGroup(GroupRow::new("g1", "Staff"));
    rig.write(&[user("u1", "ann", "A"), group, staff(SourceChange::PutMembership)]).await.unwrap();
    memory.delay(rig.clock.clone(), Lag { share: 1.0, longest: Duration::from_secs(900), latency: Duration::ZERO });
    memory.next([Next::LostAfter]);
    let mut report = rig.full().await.unwrap();
    assert_eq!((report.failed, report.count("create")), (0, 2), "nothing is of unknown outcome: {report:?}");
    let runs: Vec<_> = rig.store().runs(None, 10).await.unwrap().into_iter().map(|run| run.scope).collect();
    assert_eq!(runs, ["2 objects", "everything"], "what referred to it was reconciled again");
    // The reference may have been too early for the replica that it met; nobody had to look for the create again.
    while report.state != RunState::Converged {
        rig.clock.advance(Duration::from_secs(900));
        report = rig.full().await.unwrap();
    }
    assert_eq!(members(&memory), 1);
}

#[tokio::test]
async fn a_create_that_was_not_done_is_repeated_by_the_same_full_run_once_the_target_has_settled() {
    let (rig, memory) = hurried(30, 3600).await;
    let group = SourceChange::PutGroup(GroupRow::new("g1", "Staff"));
    rig.write(&[user("u1", "ann", "A"), group, staff(SourceChange::PutMembership)]).await.unwrap();
    memory.next([Next::LostBefore]);
    let report = rig.full().await.unwrap();
    assert_eq!(report.state, RunState::Converged, "{report:?}");
    assert_eq!((memory.dump().len(), members(&memory)), (2, 1));
}

#[tokio::test]
async fn a_run_that_wrote_for_long_waits_a_little_longer_for_a_create_that_may_be_sent_again() {
    let (rig, memory) = hurried(1_370, 0).await;
    let users: Vec<_> = (0..20).map(|n| user(&format!("u{n}"), &format!("user{n}"), "A")).collect();
    rig.write(&users).await.unwrap();
    // Twenty writes take 1,310 seconds, of which a twentieth is 65.
    memory.delay(rig.clock.clone(), Lag { latency: Duration::from_secs(60), ..Lag::default() });
    memory.next([Next::LostBefore]);
    let report = rig.full().await.unwrap();
    assert_eq!((report.state, memory.dump().len()), (RunState::Converged, 20), "{report:?}");
}
