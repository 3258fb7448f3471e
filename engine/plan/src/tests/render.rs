use entrain_model::{Action, Change, Decision, Hold, Kind, ObjectRef, Phase, Relation};
use serde_json::json;

use super::builder::{One, conflict};
use crate::{PlanDigest, digest, json as render, line};

fn change(object: ObjectRef, phase: Phase, action: Action) -> Decision {
    Decision::Change(Change { object, phase, action, basis: entrain_model::Basis::default() })
}

#[test]
fn references_read_as_sentences() {
    let (ann, staff) = (ObjectRef::user("u1"), ObjectRef::group("g1"));
    let table = [
        (Action::AddReference { relation: Relation::Member, to: ann.clone() }, "+ group g1: add member user u1"),
        (Action::AddReference { relation: Relation::Manager, to: ann.clone() }, "~ group g1: manager user u1"),
        (
            Action::RemoveReference { relation: Relation::Owner, to_kind: Kind::User, to: "r1".into() },
            "- group g1: remove owner user r1",
        ),
    ];
    for (action, expected) in table {
        assert_eq!(line(&change(staff.clone(), Phase::References, action)), expected);
    }
}

#[test]
fn a_new_record_shows_the_values_that_it_gets() {
    let one = One::user("u1").wants(
        json!({"name": "Ann", "title": null, "phones": [], "box": {"one": "1", "two": null}, "nick": {"create_only": "ann"}}),
    );
    one.expect(&["Users + user u1: create box {\"one\":\"1\"}, name \"Ann\", nick \"ann\""]);
}

#[test]
fn a_hold_names_its_code_once() {
    let text = |hold| line(&Decision::Hold(ObjectRef::user("u1"), hold));
    assert_eq!(text(Hold::Parked { detail: "by Ann".into() }), "! user u1: held (parked): by Ann");
    assert_eq!(
        text(Hold::WaitingFor(ObjectRef::user("u2"))),
        "! user u1: held (waiting_for): user u2 has no record in the target yet"
    );
}

#[test]
fn nothing_in_a_value_reaches_the_terminal_as_a_control() {
    let text = line(&Decision::Hold(ObjectRef::user("u\u{1b}[31m1"), conflict("login", "a\nb\u{202e}c")));
    assert_eq!(text, "! user u\\u{1b}[31m1: held (conflict): login: a\\u{a}b\\u{202e}c");
}

#[test]
fn programs_get_objects() {
    let update = One::user("u1").wants(json!({"title": "B"})).linked(json!({})).has(json!({"title": "A"})).plan();
    assert_eq!(
        render(&update[0]),
        json!({
            "object": {"kind": "user", "id": "u1"},
            "phase": "updates",
            "action": {"do": "update", "id": "r1", "edits": [{"attribute": "title", "was": "A", "to": "B"}]},
        })
    );
    assert_eq!(render(&Decision::Hold(ObjectRef::user("u1"), Hold::Settling))["hold"]["code"], json!("settling"));
}

#[test]
fn the_digest_follows_the_content_and_the_order_and_not_the_versions() {
    let one = One::user("u1").wants(json!({"name": "Ann", "title": "B"}));
    let two = One::user("u2").wants(json!({"name": "Bob"}));
    let plan: Vec<_> = [one.plan(), two.plan()].concat();
    let reverse: Vec<_> = [two.plan(), one.plan()].concat();
    let mut later = one.clone();
    later.state.basis.source += 1;
    let again: Vec<_> = [later.plan(), two.plan()].concat();
    assert_eq!(digest(plan.iter()).len(), 64);
    assert_eq!(digest(plan.iter()), digest(again.iter()));
    assert_ne!(digest(plan.iter()), digest(reverse.iter()));
    assert_ne!(digest(plan.iter()), digest(plan[..1].iter()));
    let mut paged = PlanDigest::default();
    plan.iter().for_each(|decision| paged.add(decision));
    assert_eq!(paged.finish(), digest(plan.iter()));
}

#[test]
fn the_digest_is_over_canonical_lines() {
    let hold = Decision::Hold(ObjectRef::user("u1"), Hold::Settling);
    let text = "{\"hold\":{\"code\":\"settling\",\"detail\":{\"hold\":\"settling\"},\
                \"text\":\"an earlier change has an unknown outcome; it is looked for until the target has settled\"},\
                \"object\":{\"id\":\"u1\",\"kind\":\"user\"}}\n";
    let expected: String = <sha2::Sha256 as sha2::Digest>::digest(text).iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(digest([&hold].into_iter()), expected);
}
