use entrain_model::{Anchor, Condition, Desired, Protection, Removal, Why};
use serde_json::json;

use super::builder::One;

fn left(removal: Removal) -> One {
    One::user("u1").removal(removal).linked(json!({"enabled": true})).has(json!({"enabled": true}))
}

#[test]
fn without_a_link_there_is_nothing_to_remove() {
    One::user("u1").removal(Removal::Delete).found(2, "r1", |_| {}).expect(&[]);
    One::user("u1").removal(Removal::Delete).desired(Desired::OutOfScope(Why::Predicate)).expect(&[]);
}

#[test]
fn leave_leaves() {
    left(Removal::Leave).expect(&[]);
    left(Removal::Leave).record(|r| r.condition = Condition::Gone).expect(&[]);
}

#[test]
fn disable_blocks_the_sign_in_once() {
    let block = "Leavers - user u1: block sign-in of r1 and revoke its sessions";
    left(Removal::Disable).expect(&[block]);
    left(Removal::Disable).has(json!({"enabled": false})).expect(&[]);
    left(Removal::Disable).has(json!({})).expect(&[block]);
    One::user("u1").removal(Removal::Disable).linked(json!({"enabled": true})).expect(&[block]);
    One::user("u1").removal(Removal::Disable).linked(json!({"enabled": false})).expect(&[]);
}

#[test]
fn disable_leaves_groups() {
    One::group("g1").removal(Removal::Disable).linked(json!({})).has(json!({})).expect(&[]);
}

#[test]
fn delete_comes_last() {
    left(Removal::Delete).expect(&["Removals - user u1: delete r1 (to the recycle bin)"]);
    One::group("g1")
        .removal(Removal::Delete)
        .linked(json!({}))
        .has(json!({}))
        .expect(&["Removals - group g1: delete r1 (to the recycle bin)"]);
}

#[test]
fn every_reason_to_leave_counts_alike() {
    for why in [Why::Tombstone, Why::NotInCompleteRead] {
        assert_eq!(left(Removal::Delete).desired(Desired::Absent(why)).lines().len(), 1);
    }
    for why in [Why::NotInScopeGroup, Why::Predicate, Why::ServiceAccount, Why::GroupsOut, Why::Skipped("x".into())] {
        assert_eq!(left(Removal::Delete).desired(Desired::OutOfScope(why)).lines().len(), 1);
    }
}

#[test]
fn what_carries_no_anchor_of_ours_is_never_deleted() {
    let unanchored = left(Removal::Delete).unanchored().record(|r| r.anchor = Anchor::Absent);
    assert!(unanchored.held("protected").contains("record r1 carries no anchor of this object and is never deleted"));
    let lost = left(Removal::Delete).has(json!({"anchor": null})).record(|r| r.anchor = Anchor::Absent);
    lost.held("protected");
    left(Removal::Delete).record(|r| r.anchor = Anchor::Foreign("theirs".into())).held("foreign_anchor");
}

#[test]
fn what_was_never_seen_is_not_deleted() {
    One::user("u1").removal(Removal::Delete).linked(json!({})).held("incomplete_read");
}

#[test]
fn protected_records_are_not_removed() {
    for removal in [Removal::Disable, Removal::Delete] {
        left(removal).record(|r| _ = r.protection.insert(Protection::Role)).held("protected");
        left(removal).record(|r| r.mastered_elsewhere = true).held("on_premises_mastered");
        left(removal).record(|r| r.unwritable = Some("odd".into())).held("unwritable");
    }
}

#[test]
fn a_link_to_what_is_gone_is_forgotten() {
    for removal in [Removal::Disable, Removal::Delete] {
        for condition in [Condition::Deleted, Condition::Gone] {
            left(removal).record(|r| r.condition = condition).expect(&["Removals = user u1: forget the link to r1"]);
        }
    }
}
