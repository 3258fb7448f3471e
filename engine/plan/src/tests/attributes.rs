use serde_json::json;

use super::builder::{attributes, record, schema};
use crate::{Moment, attributes_of, attributes_of_edits, flat, merge};

#[test]
fn a_creation_sends_values_alone() {
    let wanted = record(json!({
        "name": "Ann", "title": null, "phones": [], "birth": "here", "badge": "7",
        "nick": {"create_only": "ann"}, "box": {"one": "1", "two": null}, "extension": 1,
    }));
    assert_eq!(
        attributes_of(&wanted, Moment::Creation, &schema().users),
        attributes(json!({"name": "Ann", "birth": "here", "badge": "7", "nick": "ann", "box": {"one": "1"}, "extension": 1}))
    );
}

#[test]
fn later_clears_are_sent_and_what_is_for_new_records_is_not() {
    let wanted = record(json!({
        "name": "Ann", "title": null, "birth": "here", "badge": "7", "anchor": "mine",
        "nick": {"create_only": "ann"}, "box": {"one": "1", "two": null},
    }));
    assert_eq!(
        attributes_of(&wanted, Moment::Later, &schema().users),
        attributes(json!({"name": "Ann", "title": null, "box": {"one": "1", "two": null}}))
    );
}

#[test]
fn edits_of_parts_become_objects_again() {
    let edit = |name: &str, to| entrain_model::Edit { attribute: name.into(), was: None, to };
    let edits = [edit("box.one", json!("1")), edit("box.two", json!(null)), edit("odd.name", json!("x"))];
    assert_eq!(
        attributes_of_edits(&edits, &schema().users),
        attributes(json!({"box": {"one": "1", "two": null}, "odd.name": "x"}))
    );
}

#[test]
fn flat_takes_parts_apart_and_nothing_else() {
    assert_eq!(
        flat(&attributes(json!({"box": {"one": "1"}, "org": {"a": "1"}, "name": "Ann"})), &schema().users),
        attributes(json!({"box.one": "1", "org": {"a": "1"}, "name": "Ann"}))
    );
}

#[test]
fn merging_keeps_the_other_parts() {
    let mut known = attributes(json!({"box": {"one": "1", "two": "2"}, "org": {"a": "1", "b": "2"}, "name": "Ann"}));
    merge(&mut known, &attributes(json!({"box": {"two": "3"}, "org": {"a": "9"}, "title": "Chief"})), &schema().users);
    assert_eq!(known, attributes(json!({"box": {"one": "1", "two": "3"}, "org": {"a": "9"}, "name": "Ann", "title": "Chief"})));
}
