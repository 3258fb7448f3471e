use entrain_model::{Action, Change, Claim, Counted, Decision, Removal};
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
    let one = One::user("u1").removal(Removal::Delete).linked(json!({}));
    assert_eq!(
        claimed(&one.has(json!({"login": "a@x.example", "nick": "ann", "title": "Chief"}))),
        [claim(Claim::Frees, "login", "a@x.example"), claim(Claim::Frees, "nick", "ann")]
    );
}

#[test]
fn the_guard_counts_what_takes_away() {
    let first = |one: One| {
        let change = changes(&one).remove(0);
        counted(&change, &schema())
    };
    let linked = |removal| One::user("u1").removal(removal).linked(json!({})).has(json!({"enabled": true}));
    assert_eq!(first(linked(Removal::Disable)), Some(Counted::Disable));
    assert_eq!(first(linked(Removal::Delete)), Some(Counted::Delete));
    let update = |known| One::user("u1").wants(json!({"enabled": false, "title": "x"})).linked(json!({})).has(known).remembered();
    assert_eq!(first(update(json!({"enabled": true}))), Some(Counted::Disable));
    assert_eq!(first(update(json!({"enabled": false, "title": "y"}))), None);
    assert_eq!(first(One::user("u1").wants(json!({"name": "Ann", "enabled": false}))), None);
    let removal = Action::RemoveReference {
        relation: entrain_model::Relation::Member,
        to_kind: entrain_model::Kind::User,
        to: "r1".into(),
    };
    let change = Change { action: removal, ..changes(&linked(Removal::Delete)).remove(0) };
    assert_eq!(counted(&change, &schema()), Some(Counted::RemoveReference));
}
