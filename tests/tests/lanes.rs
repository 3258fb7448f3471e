//! Who goes first follows from what is done and for how many objects: never from how many changes there are, or from the reason.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::sync::Arc;

use entrain_model::{Lane, ObjectRef, Write};
use entrain_store::{GroupRow, Membership, Role, SourceChange, UserRow};
use entrain_tests::database::Dialect;
use entrain_tests::memory::{Memory, schema};
use entrain_tests::rig::Rig;

fn user(n: usize, active: bool) -> SourceChange {
    let mut row = UserRow::new(format!("u{n}"), format!("u{n}@x.example"));
    row.display_name = Some(format!("User {n}"));
    row.active = active;
    SourceChange::PutUser(row)
}

fn member(n: usize) -> SourceChange {
    let member = ObjectRef::user(format!("u{n}"));
    SourceChange::PutMembership(Membership { group: "g".into(), member, role: Role::Member })
}

fn users(some: impl Iterator<Item = usize>) -> Vec<SourceChange> {
    some.map(|n| user(n, true)).collect()
}

/// In which lanes came what has arrived since this was asked last, and how many writes there were.
fn lanes(memory: &Memory) -> (BTreeSet<Lane>, usize) {
    let log = memory.take_log();
    (log.iter().map(|arrived| arrived.lane).collect(), log.len())
}

#[tokio::test]
async fn lanes_follow_the_kind_of_a_change_and_the_size_of_the_scope() {
    let memory = Arc::new(Memory::new(schema(), 7));
    let rig = Rig::new(Dialect::Sqlite, memory.clone(), |_| {}).await.unwrap();
    rig.write(&users(0..70)).await.unwrap();
    rig.write(&[SourceChange::PutGroup(GroupRow::new("g", "G"))]).await.unwrap();
    rig.full().await.unwrap();
    assert_eq!(lanes(&memory), ([Lane::Bulk].into(), 71), "a full run, whose only group is a phase of one change");

    rig.write(&(0..70).map(member).collect::<Vec<_>>()).await.unwrap();
    rig.only(&[ObjectRef::group("g")]).await.unwrap();
    assert_eq!(lanes(&memory), ([Lane::Direct].into(), 70), "one group, however many members it gets");

    rig.write(&users(70..130)).await.unwrap();
    let many: Vec<_> = (70..130).map(|n| ObjectRef::user(format!("u{n}"))).collect();
    rig.only(&many).await.unwrap();
    assert_eq!(lanes(&memory), ([Lane::Bulk].into(), 60), "more objects than a few");

    rig.write(&[user(3, false)]).await.unwrap();
    let report = rig.full().await.unwrap();
    let log = memory.take_log();
    assert!(log.iter().all(|arrived| arrived.lane == Lane::Leaver && !matches!(arrived.write, Write::Create(_))), "{log:?}");
    assert_eq!(log.len(), 1, "{report:?}");
}
