//! Groups that are made with their first members.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::disallowed_methods)]

use std::sync::Arc;
use std::time::Duration;

use entrain_model::{Hold, Kind, ObjectRef, Write};
use entrain_store::{AuditScope, GroupRow, Membership, Role, SourceChange, UserRow};
use entrain_tests::database::Dialect;
use entrain_tests::memory::{Arrived, Memory, Next, schema};
use entrain_tests::rig::Rig;

async fn rig(dialect: Dialect) -> (Rig, Arc<Memory>) {
    let memory = Arc::new(Memory::new(schema(), 7));
    memory.take_with_new_groups(3);
    (Rig::new(dialect, memory.clone(), |_| {}).await.unwrap(), memory)
}

fn users(count: usize) -> Vec<SourceChange> {
    (0..count).map(|n| SourceChange::PutUser(UserRow::new(format!("u{n}"), format!("user{n}@x.example")))).collect()
}

fn group(id: &str, members: usize) -> Vec<SourceChange> {
    let group = SourceChange::PutGroup(GroupRow::new(id, id.to_uppercase()));
    let joins = (0..members).map(|n| join(id, &ObjectRef::user(format!("u{n}"))));
    std::iter::once(group).chain(joins).collect()
}

fn join(group: &str, member: &ObjectRef) -> SourceChange {
    SourceChange::PutMembership(Membership { group: group.into(), member: member.clone(), role: Role::Member })
}

/// Which writes arrived, in short.
fn arrived(memory: &Memory) -> Vec<&'static str> {
    let name = |arrived: Arrived| {
        if let Write::Create(new) = arrived.write { new.kind.as_str() } else { "member" }
    };
    memory.take_log().into_iter().map(name).collect()
}

#[tokio::test]
async fn the_first_members_go_with_the_group_and_the_others_follow() {
    for dialect in Dialect::all() {
        let (rig, memory) = rig(dialect).await;
        rig.write(&[users(5), group("a", 5), group("b", 1)].concat()).await.unwrap();
        let report = rig.full().await.unwrap();
        assert_eq!((report.count("create"), report.count("add_reference")), (7, 6), "{dialect:?}: {report:?}");
        let writes = arrived(&memory);
        assert_eq!(writes[5..], ["group", "group", "member", "member", "member", "member", "member", "member"], "{dialect:?}");
        assert_eq!(memory.dump().iter().map(|record| record.references.len()).sum::<usize>(), 6);
        let audited = rig.store().audit(&AuditScope::default(), 0, 99).await.unwrap();
        let mut joins = audited.iter().filter(|row| row.action == "add_reference");
        assert!(joins.all(|row| row.record.is_some() && row.outcome == "done"), "{dialect:?}: {audited:?}");
        let again = rig.full().await.unwrap();
        assert_eq!((again.planned.len(), again.held.len(), arrived(&memory).len()), (0, 0, 0), "{dialect:?}: {again:?}");
    }
}

#[tokio::test]
async fn members_wait_for_a_group_that_is_refused_and_come_with_it_later() {
    let (rig, memory) = rig(Dialect::Sqlite).await;
    rig.write(&[users(2), group("a", 2)].concat()).await.unwrap();
    memory.next([Next::Works, Next::Works, Next::Throttled(None)]);
    let report = rig.full().await.unwrap();
    assert_eq!(report.count("add_reference"), 0, "{report:?}");
    let held = rig.store().holds(None, None, 9).await.unwrap();
    let waits = Hold::WaitingFor(ObjectRef::group("a"));
    assert!(!held.is_empty() && held.iter().all(|row| row.hold == waits), "{held:?}");
    rig.clock.advance(Duration::from_secs(10));
    rig.direct().await.unwrap();
    assert_eq!(memory.dump().iter().map(|record| record.references.len()).sum::<usize>(), 2);
    assert_eq!(rig.full().await.unwrap().held.len(), 0);
}

#[tokio::test]
async fn a_group_whose_answer_was_lost_is_found_with_its_members() {
    for lost in [Next::LostAfter, Next::LostBefore] {
        let (rig, memory) = rig(Dialect::Sqlite).await;
        rig.write(&[users(2), group("a", 2)].concat()).await.unwrap();
        memory.next([Next::Works, Next::Works, lost]);
        rig.full().await.unwrap();
        rig.clock.advance(Duration::from_secs(10));
        rig.direct().await.unwrap();
        let report = rig.full().await.unwrap();
        assert_eq!((report.planned.len(), report.held.len()), (0, 0), "{report:?}");
        let groups: Vec<_> = memory.dump().into_iter().filter(|record| record.kind == Kind::Group).collect();
        assert_eq!((groups.len(), groups[0].references.len()), (1, 2));
    }
}

#[tokio::test]
async fn a_member_that_has_no_record_yet_does_not_keep_the_others() {
    let (rig, memory) = rig(Dialect::Sqlite).await;
    let nested = join("a", &ObjectRef::group("z"));
    rig.write(&[users(2), group("a", 2), group("z", 0), vec![nested]].concat()).await.unwrap();
    let report = rig.full().await.unwrap();
    assert_eq!((report.count("add_reference"), report.held.len()), (3, 0), "{report:?}");
    assert_eq!(memory.dump().iter().map(|record| record.references.len()).sum::<usize>(), 3);
}
