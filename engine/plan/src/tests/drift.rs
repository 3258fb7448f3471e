use entrain_model::{Anchor, Condition, Removal};
use serde_json::{Value as Json, json};

use super::builder::{One, attributes, schema};
use crate::{RECORD, agreed};

/// Linked, after `Ann` and `Analyst` were sent.
fn ann(title: &str) -> One {
    One::user("u1").wants(json!({ "name": "Ann", "title": title })).linked(json!({ "name": "Ann", "title": "Analyst" }))
}

#[test]
fn what_somebody_changed_is_drift() {
    assert_eq!(ann("Analyst").has(json!({ "name": "Ann", "title": "Chief" })).drift(), ["title"]);
    assert_eq!(ann("Analyst").has(json!({ "name": "Ann", "title": null })).drift(), ["title"]);
    assert_eq!(ann("Analyst").has(json!({ "name": "Ada", "title": "Chief" })).drift(), ["name", "title"]);
}

#[test]
fn what_the_source_changed_is_no_drift() {
    assert_eq!(ann("Manager").has(json!({ "name": "Ann", "title": "Analyst" })).drift(), Vec::<String>::new());
    assert_eq!(ann("Manager").has(json!({ "name": "Ann", "title": "Chief" })).drift(), Vec::<String>::new());
    assert_eq!(ann("Manager").has(json!({ "name": "Ada", "title": "Analyst" })).drift(), ["name"]);
}

#[test]
fn what_nobody_knows_or_what_the_target_made_of_it_is_no_drift() {
    let stored = ann("Analyst").stored(json!({ "title": "analyst." }));
    assert_eq!(stored.has(json!({ "name": "Ann", "title": "analyst." })).drift(), Vec::<String>::new());
    let never_sent = One::user("u1").wants(json!({ "name": "Ann", "title": "x" })).linked(json!({ "name": "Ann" }));
    assert_eq!(never_sent.has(json!({ "name": "Ann", "title": "y" })).drift(), Vec::<String>::new());
}

#[test]
fn the_first_value_that_is_read_after_a_write_is_drift_unless_it_is_the_same_in_another_writing() {
    let shown =
        |sent: &str, title: Json| ann(sent).stored(json!({ "title": title })).has(json!({ "name": "Ann", "title": title }));
    assert_eq!(shown("Analyst", json!(" ANALYST")).drift(), Vec::<String>::new());
    assert_eq!(shown("Analyst", json!("Chief")).drift(), ["title"]);
    let cleared = One::user("u1").wants(json!({ "name": "Ann", "title": null })).linked(json!({ "name": "Ann", "title": null }));
    assert_eq!(cleared.stored(json!({ "title": "Chief" })).has(json!({ "name": "Ann", "title": "Chief" })).drift(), ["title"]);
    // What it made of the value before says nothing of this one.
    let replaced = One::user("u1").wants(json!({ "title": "Clerk" })).linked(json!({ "title": "Clerk" }));
    assert_eq!(replaced.stored(json!({ "title": "analyst" })).has(json!({ "title": "analyst" })).drift(), ["title"]);
}

#[test]
fn a_sign_in_that_is_blocked_once_more_to_be_sure_is_no_drift() {
    let one = |known: Json| {
        let wanted = json!({ "name": "Anna", "enabled": false });
        One::user("u1").wants(wanted).linked(json!({ "name": "Ann", "enabled": false })).has(known).remembered()
    };
    assert_eq!(one(json!({ "name": "Ann", "enabled": false })).drift(), Vec::<String>::new());
    assert_eq!(one(json!({ "name": "Ann", "enabled": true })).drift(), ["enabled"]);
}

#[test]
fn a_filled_value_that_somebody_took_away_is_drift() {
    let one =
        |sent: Json| One::user("u1").wants(json!({ "title": {"yield": "Chief"} })).linked(sent).has(json!({ "title": null }));
    assert_eq!(one(json!({ "title": "Chief" })).drift(), ["title"]);
    assert_eq!(one(json!({ "title": "Clerk" })).drift(), Vec::<String>::new());
}

#[test]
fn a_record_that_somebody_deleted_is_drift_and_so_is_its_anchor() {
    let one = ann("Analyst").has(json!({ "name": "Ann", "title": "Analyst", "anchor": null }));
    assert_eq!(one.clone().record(|actual| actual.condition = Condition::Deleted).drift(), [RECORD]);
    assert_eq!(one.clone().record(|actual| actual.condition = Condition::Gone).drift(), [RECORD]);
    assert_eq!(one.record(|actual| actual.anchor = Anchor::Absent).drift(), ["anchor"]);
    assert_eq!(One::user("u1").wants(json!({ "name": "Ann" })).drift(), Vec::<String>::new());
}

#[test]
fn a_leaver_that_somebody_let_in_again_is_drift() {
    let left = |sent: Json| One::user("u1").removal(Removal::DISABLE).linked(sent).has(json!({ "enabled": true }));
    assert_eq!(left(json!({ "enabled": false })).drift(), ["enabled"]);
    assert_eq!(left(json!({ "enabled": true })).drift(), Vec::<String>::new());
}

#[test]
fn what_is_found_as_wanted_counts_as_sent() {
    let one = One::user("u1").wants(json!({
        "name": "Ann", "title": "Chief", "hired": null, "phones": [], "nick": {"yield": "ann"}, "badge": "7", "anchor": "mine",
        "box": {"one": "1", "two": "2"}, "enabled": true,
    }));
    let known = json!({
        "name": "Ann", "title": "Clerk", "hired": null, "phones": null, "nick": "ann", "badge": "7", "anchor": "mine",
        "box": {"one": "1", "two": "x"},
    });
    let one = one.linked(json!({ "name": "Ann" })).has(known);
    let expected = attributes(json!({ "box.one": "1", "hired": null, "phones": [] }));
    assert_eq!(agreed(&one.state, &schema().users), expected);
    assert_eq!(agreed(&one.remembered().state, &schema().users), attributes(json!({})));
}
