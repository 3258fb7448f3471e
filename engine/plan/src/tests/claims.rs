use entrain_model::{
    Action, Allowance, Change, Claim, Condition, Decision, Kind, Limit, Limits, ObjectRef, Operation, Removal, Rule, Share,
};
use serde_json::json;

use super::builder::{One, schema};
use crate::{Claimed, claims, counted};

fn changes(one: &One) -> Vec<Change> {
    let change = |decision| match decision {
        Decision::Change(change) => Some(change),
        Decision::Hold(..) => None,
    };
    one.plan().into_iter().filter_map(change).collect()
}

fn claimed(one: &One) -> Vec<Claimed> {
    changes(one).iter().flat_map(|change| claims(change, &one.state, &schema())).collect()
}

fn claim(claim: Claim, attribute: &str, value: &str) -> Claimed {
    (claim, attribute.into(), value.into())
}

#[test]
fn a_new_record_wants_its_unique_values() {
    let one = One::user("u1")
        .wants(json!({"name": "Ann", "login": "Ann@X.example", "mails": ["A@x.example", "b@x.example"], "anchor": "mine"}));
    assert_eq!(
        claimed(&one),
        [
            claim(Claim::Wants, "login", "ann@x.example"),
            claim(Claim::Wants, "mails", "a@x.example"),
            claim(Claim::Wants, "mails", "b@x.example"),
        ]
    );
}

#[test]
fn an_update_wants_the_new_and_frees_the_old() {
    let one = One::user("u1").wants(json!({"login": "b@x.example", "mails": ["m@x.example", "n@x.example"]})).linked(json!({}));
    assert_eq!(
        claimed(&one.has(json!({"login": "a@x.example", "mails": ["l@x.example", "m@x.example"]}))),
        [
            claim(Claim::Wants, "login", "b@x.example"),
            claim(Claim::Frees, "login", "a@x.example"),
            claim(Claim::Wants, "mails", "n@x.example"),
            claim(Claim::Frees, "mails", "l@x.example"),
        ]
    );
}

#[test]
fn an_update_of_a_record_never_seen_frees_what_was_sent() {
    let one = One::user("u1").wants(json!({"login": "b@x.example"})).linked(json!({"login": "a@x.example"}));
    assert_eq!(claimed(&one), [claim(Claim::Wants, "login", "b@x.example"), claim(Claim::Frees, "login", "a@x.example")]);
}

#[test]
fn letter_case_alone_claims_nothing() {
    let one = One::user("u1").wants(json!({"login": "Ann@x.example"})).linked(json!({}));
    assert_eq!(claimed(&one.has(json!({"login": "ann@x.example"}))), []);
}

#[test]
fn a_deletion_frees_everything() {
    let one = One::user("u1").removal(Removal::DELETE).linked(json!({}));
    assert_eq!(
        claimed(&one.has(json!({"login": "a@x.example", "nick": "ann", "title": "Chief"}))),
        [claim(Claim::Frees, "login", "a@x.example"), claim(Claim::Frees, "nick", "ann")]
    );
}

/// What the default rules count the first change as.
fn first(one: &One) -> Vec<(Operation, String)> {
    let change = changes(one).remove(0);
    of(&change, &Limits::default())
}

fn of(change: &Change, limits: &Limits) -> Vec<(Operation, String)> {
    counted(change, &schema(), limits).into_iter().map(|counted| (counted.operation, counted.about)).collect()
}

fn first_of(change: &Change, limits: &Limits) -> Option<Operation> {
    of(change, limits).first().map(|(operation, _)| *operation)
}

#[test]
fn the_guard_counts_what_takes_away() {
    let whole = |operation| vec![(operation, String::new())];
    let linked = |removal| One::user("u1").removal(removal).linked(json!({})).has(json!({"enabled": true}));
    assert_eq!(first(&linked(Removal::DISABLE)), whole(Operation::Disable));
    assert_eq!(first(&linked(Removal::DELETE)), whole(Operation::Delete));
    let update = |known| One::user("u1").wants(json!({"enabled": false, "title": "x"})).linked(json!({})).has(known).remembered();
    assert_eq!(first(&update(json!({"enabled": true}))), whole(Operation::Disable));
    assert_eq!(first(&update(json!({"enabled": false, "title": "y"}))), [(Operation::Change, "title".to_owned())]);
    assert_eq!(first(&One::user("u1").wants(json!({"name": "Ann", "enabled": false}))), whole(Operation::Create));
    let gone = linked(Removal::DELETE).record(|actual| actual.condition = Condition::Gone);
    assert_eq!(first(&gone), whole(Operation::Unlink));
    let mut named = Limits::default();
    let title = Rule::of(Operation::Change, Kind::User, Share::Linked, Allowance::of(Limit::of(0)));
    named.put(Rule { attribute: Some("title".into()), ..title });
    let blocked = changes(&update(json!({"enabled": true}))).remove(0);
    assert_eq!(of(&blocked, &named).len(), 2, "only what names the attribute keeps a block waiting");
    let addition = Action::AddReference { relation: entrain_model::Relation::Member, to: ObjectRef::user("u2") };
    let group = Change { object: ObjectRef::group("g1"), action: addition, ..blocked.clone() };
    assert_eq!(of(&group, &Limits::default()), [(Operation::AddReference, "member user u2".to_owned())]);
    assert_eq!(of(&group, &Limits::default().loading()), [], "a first run fills what there is");
    let link = Action::Link { id: "r1".into(), evidence: entrain_model::Evidence::Anchor, write_anchor: true };
    let link = Change { action: link, ..blocked };
    assert_eq!((first_of(&link, &Limits::default()), of(&link, &Limits::default().loading())), (Some(Operation::Link), vec![]));
    let removal = Action::RemoveReference {
        relation: entrain_model::Relation::Member,
        to_kind: entrain_model::Kind::User,
        to: "r1".into(),
    };
    let change = changes(&linked(Removal::DELETE)).remove(0);
    let group = Change { object: entrain_model::ObjectRef::group("g1"), action: removal, ..change };
    assert_eq!(of(&group, &Limits::default()), [(Operation::RemoveReference, "member r1".to_owned())]);
}

#[test]
fn the_guard_counts_logins_and_what_is_cleared() {
    let one = One::user("u1").wants(json!({"login": "b@x.example", "title": null, "name": "B"})).linked(json!({}));
    let one = one.has(json!({"login": "a@x.example", "title": "Chief", "name": "A"}));
    let counts = first(&one);
    let change = |name: &str| (Operation::Change, name.to_owned());
    assert_eq!(counts, [(Operation::Rename, String::new()), change("name"), (Operation::Clear, "title".to_owned())]);
    let mut limits = Limits(Vec::new());
    assert_eq!(of(&changes(&one)[0], &limits), [], "what has no rule is not counted");
    let (operation, share) = (Operation::Change, entrain_model::Share::Linked);
    let allowance = entrain_model::Allowance::of(entrain_model::Limit::of(1));
    limits.put(Rule { attribute: Some("name".into()), ..Rule::of(operation, entrain_model::Kind::User, share, allowance) });
    assert_eq!(of(&changes(&one)[0], &limits), [(Operation::Change, "name".to_owned())]);
}

#[test]
fn an_approval_is_for_the_value_and_not_for_what_stands_beside_it() {
    let one = |title: &str, login: &str, was: &str| {
        let one = One::user("u1").wants(json!({"login": login, "title": title})).linked(json!({}));
        let change = changes(&one.has(json!({"login": was, "title": "Chief"}))).remove(0);
        counted(&change, &schema(), &Limits::default()).remove(0).fingerprint
    };
    assert_eq!(one("x", "b@x.example", "a@x.example"), one("y", "b@x.example", "z@x.example"));
    assert_ne!(one("x", "b@x.example", "a@x.example"), one("x", "c@x.example", "a@x.example"));
}
