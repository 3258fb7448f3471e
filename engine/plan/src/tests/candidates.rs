use entrain_model::{Anchor, Condition, ObjectRef};
use serde_json::json;

use super::builder::{One, schema};
use crate::fits;

fn hire() -> One {
    One::user("u1").wants(json!({"name": "Ann", "login": "ann@x.example"}))
}

#[track_caller]
fn codes(one: &One, expected: &[&str]) {
    let fits = fits(&one.state, schema().of(one.state.object.kind));
    assert_eq!(fits.iter().map(crate::Fit::code).collect::<Vec<_>>(), expected);
    let linked = one.lines().iter().any(|line| line.contains("link to") || line.contains("restore"));
    assert_eq!(linked, expected.contains(&"chosen"), "the planner agrees: {:?}", one.lines());
}

#[test]
fn the_strongest_key_is_chosen_and_weaker_ones_say_so() {
    codes(&hire().found(2, "r2", |_| {}).found(1, "r1", |_| {}), &["weaker_key", "chosen"]);
}

#[test]
fn what_does_not_count_says_why() {
    let deleted = |anchor: Anchor| {
        move |c: &mut entrain_model::Candidate| {
            c.actual.condition = Condition::Deleted;
            c.actual.anchor = anchor;
        }
    };
    codes(&hire().found(2, "r1", deleted(Anchor::Absent)).found(2, "r2", |_| {}), &["recycle_bin", "chosen"]);
    codes(&hire().found(0, "r1", deleted(Anchor::Ours)), &["chosen"]);
    codes(&hire().found(0, "r1", deleted(Anchor::Ours)).found(0, "r2", |_| {}), &["recycle_bin", "chosen"]);
    let others = |c: &mut entrain_model::Candidate| c.linked_to = Some(ObjectRef::user("u2"));
    codes(&hire().found(3, "r1", others), &["namesake"]);
    let contested = hire().contest("login", "ann@x.example", &[], &[("r1", Some("u2"))]);
    codes(&contested.found(2, "r1", others), &["value_in_contest"]);
}

#[test]
fn what_must_not_be_taken_is_refused_for_the_planners_reason() {
    codes(&hire().found(2, "r1", |_| {}).found(2, "r2", |_| {}), &["refused", "refused"]);
    codes(&hire().found(2, "r1", |c| _ = c.actual.protection.insert(entrain_model::Protection::Role)), &["refused"]);
}
