use entrain_model::{Anchor, Condition, Desired, Outstanding, Protection, Removal, Step, Why};
use serde_json::json;

use super::builder::One;

fn left(removal: Removal) -> One {
    One::user("u1").removal(removal).linked(json!({"enabled": true})).has(json!({"enabled": true}))
}

#[test]
fn without_a_link_there_is_nothing_to_remove() {
    One::user("u1").removal(Removal::DELETE).found(2, "r1", |_| {}).expect(&[]);
    One::user("u1").removal(Removal::DELETE).desired(Desired::OutOfScope(Why::Predicate)).expect(&[]);
}

#[test]
fn leave_leaves() {
    left(Removal::LEAVE).expect(&[]);
    left(Removal::LEAVE).record(|r| r.condition = Condition::Gone).expect(&[]);
}

#[test]
fn disable_blocks_the_sign_in_once() {
    let block = "Leavers - user u1: block sign-in of r1 and revoke its sessions";
    left(Removal::DISABLE).expect(&[block]);
    left(Removal::DISABLE).has(json!({"enabled": false})).sessions_ended().expect(&[]);
    left(Removal::DISABLE).has(json!({})).expect(&[block]);
    One::user("u1").removal(Removal::DISABLE).linked(json!({"enabled": true})).expect(&[block]);
    One::user("u1").removal(Removal::DISABLE).linked(json!({"enabled": false})).expect(&[]);
}

#[test]
fn disable_leaves_groups() {
    One::group("g1").removal(Removal::DISABLE).linked(json!({})).has(json!({})).expect(&[]);
}

#[test]
fn delete_comes_last() {
    left(Removal::DELETE).expect(&["Removals - user u1: delete r1 (to the recycle bin)"]);
    One::group("g1")
        .removal(Removal::DELETE)
        .linked(json!({}))
        .has(json!({}))
        .expect(&["Removals - group g1: delete r1 (to the recycle bin)"]);
}

#[test]
fn every_reason_to_leave_counts_alike() {
    for why in [Why::Tombstone, Why::NotInCompleteRead] {
        assert_eq!(left(Removal::DELETE).desired(Desired::Absent(why)).lines().len(), 1);
    }
    for why in [Why::NotInScopeGroup, Why::Predicate, Why::ServiceAccount, Why::GroupsOut, Why::Skipped("x".into())] {
        assert_eq!(left(Removal::DELETE).desired(Desired::OutOfScope(why)).lines().len(), 1);
    }
}

#[test]
fn what_carries_no_anchor_of_ours_is_never_deleted() {
    let unanchored = left(Removal::DELETE).unanchored().record(|r| r.anchor = Anchor::Absent);
    assert!(unanchored.held("protected").contains("record r1 carries no anchor of this object and is never deleted"));
    let lost = left(Removal::DELETE).has(json!({"anchor": null})).record(|r| r.anchor = Anchor::Absent);
    lost.held("protected");
    left(Removal::DELETE).record(|r| r.anchor = Anchor::Foreign("theirs".into())).held("foreign_anchor");
}

#[test]
fn what_was_never_seen_is_not_deleted() {
    One::user("u1").removal(Removal::DELETE).linked(json!({})).held("incomplete_read");
}

#[test]
fn protected_records_are_not_removed() {
    for removal in [Removal::DISABLE, Removal::DELETE] {
        left(removal).record(|r| _ = r.protection.insert(Protection::Role)).held("protected");
        left(removal).record(|r| r.mastered_elsewhere = true).held("on_premises_mastered");
        left(removal).record(|r| r.unwritable = Some("odd".into())).held("unwritable");
    }
}

#[test]
fn a_link_to_what_is_gone_is_forgotten() {
    for removal in [Removal::DISABLE, Removal::DELETE] {
        for condition in [Condition::Deleted, Condition::Gone] {
            left(removal).record(|r| r.condition = condition).expect(&["Removals = user u1: forget the link to r1"]);
        }
    }
}

/// Blocked at once, deleted after 30 days.
fn in_steps() -> One {
    left(Removal { remove_from_groups: Step::Take, delete_after_days: Some(30), ..Removal::DISABLE })
}

const BLOCK: &str = "Leavers - user u1: block sign-in of r1 and revoke its sessions";
const DELETE: &str = "Removals - user u1: delete r1 (to the recycle bin)";

#[test]
fn a_deletion_comes_so_many_days_after_the_object_left() {
    in_steps().left_days_ago(0).expect(&[BLOCK]);
    let blocked = |days| in_steps().left_days_ago(days).sessions_ended().has(json!({"enabled": false}));
    blocked(29).expect(&[]);
    blocked(30).expect(&[DELETE]);
    in_steps().left_days_ago(31).expect(&[BLOCK, DELETE]);
    // No run has noted it yet: the days begin now.
    in_steps().expect(&[BLOCK]);
}

#[test]
fn a_row_that_returns_cancels_what_is_not_done_yet() {
    let back = in_steps().left_days_ago(31).has(json!({"enabled": false, "login": "a@x.example", "name": "A"}));
    back.wants(json!({"enabled": true, "login": "a@x.example", "name": "A"}))
        .expect(&["Updates ~ user u1: enabled false -> true"]);
}

#[test]
fn a_retained_leaver_is_blocked_and_never_deleted() {
    let retained = || in_steps().left_days_ago(31).retained("case 7");
    retained().expect(&[BLOCK, "! user u1: held (retained): case 7"]);
    in_steps().left_days_ago(3).retained("case 7").expect(&[BLOCK]);
    retained().parked("by Ann").expect(&["! user u1: held (parked): by Ann"]);
}

#[test]
fn each_step_stands_alone() {
    let only = |removal| left(removal).left_days_ago(0);
    only(Removal { disable: Step::Take, ..Removal::LEAVE }).expect(&["Leavers - user u1: block sign-in of r1"]);
    let revoke = Removal { revoke_sessions: Step::Take, ..Removal::LEAVE };
    only(revoke).expect(&["Leavers - user u1: revoke the sessions of r1"]);
    only(revoke).sessions_ended().expect(&[]);
    only(Removal { remove_from_groups: Step::Take, ..Removal::LEAVE }).expect(&[]);
}

#[test]
fn who_was_blocked_by_somebody_else_loses_the_sessions_too() {
    left(Removal::DISABLE).has(json!({"enabled": false})).expect(&["Leavers - user u1: revoke the sessions of r1"]);
    One::user("u1").removal(Removal::DISABLE).linked(json!({"enabled": false})).expect(&[]);
}

#[test]
fn a_first_credential_that_reached_nobody_is_held_until_somebody_asks_for_another() {
    let one = || {
        One::user("u1").wants(json!({"login": "a@x.example", "name": "A"})).linked(json!({"login": "a@x.example", "name": "A"}))
    };
    let one = || one().has(json!({"login": "a@x.example", "name": "A"}));
    one()
        .outstanding(Outstanding::Lost { detail: "no answer".into() })
        .expect(&["! user u1: held (undelivered): no answer; `entrain password reissue \"user u1\"` makes another one"]);
    one().outstanding(Outstanding::Due).expect(&["Updates ~ user u1: issue a new first credential for r1"]);
    left(Removal::DISABLE).has(json!({"enabled": false})).sessions_ended().outstanding(Outstanding::Due).expect(&[]);
}
