use std::collections::BTreeMap;

use entrain_model::{Authorities, Authority, Claim, Decision, Knowledge, Setting};
use serde_json::{Value as Json, json};

use super::builder::{One, record, schema};
use crate::{claims, is_doubtful, left_to_target, ruled};

fn authorities(names: &[(&str, Authority)]) -> BTreeMap<String, Authority> {
    names.iter().map(|(name, authority)| ((*name).to_owned(), *authority)).collect()
}

#[test]
fn the_stricter_word_counts() {
    let wanted = || record(json!({ "title": "Chief", "nick": {"create_only": "ann"}, "hired": null, "name": "Ann" }));
    let under = |authority| {
        let over = ["title", "nick", "hired"].map(|name| (name, authority));
        ruled(wanted(), &authorities(&over)).settings
    };
    assert_eq!(under(Authority::Manage), wanted().settings);
    let expected = |title, hired| {
        let settings = [
            ("title", title),
            ("nick", Setting::CreateOnly(json!("ann"))),
            ("hired", hired),
            ("name", Setting::Set(json!("Ann"))),
        ];
        settings.into_iter().map(|(name, setting)| (name.to_owned(), setting)).collect::<BTreeMap<_, _>>()
    };
    assert_eq!(under(Authority::Yield), expected(Setting::Yield(json!("Chief")), Setting::Yield(Json::Null)));
    assert_eq!(under(Authority::CreateOnly), expected(Setting::CreateOnly(json!("Chief")), Setting::CreateOnly(Json::Null)));
}

fn yields(title: &str) -> One {
    One::user("u1").wants(json!({ "name": "Ann", "title": {"yield": title} }))
}

#[test]
fn a_yielded_value_is_sent_only_where_the_target_has_none() {
    yields("Chief").expect(&["Users + user u1: create name \"Ann\", title \"Chief\""]);
    let linked = || yields("Chief").linked(json!({ "name": "Ann" }));
    linked().has(json!({ "name": "Ann", "title": "Clerk" })).expect(&[]);
    linked().has(json!({ "name": "Ann", "title": null })).expect(&["Updates ~ user u1: title (none) -> \"Chief\""]);
    linked().has(json!({ "name": "Ann", "title": "" })).expect(&["Updates ~ user u1: title (none) -> \"Chief\""]);
    linked().has(json!({ "name": "Ann" })).expect(&[]);
    linked().expect(&[]);
}

#[test]
fn a_yielded_value_is_left_also_when_the_source_changes_it() {
    let sent = || yields("Chief").linked(json!({ "name": "Ann", "title": "Clerk" }));
    sent().has(json!({ "name": "Ann", "title": "Clerk" })).expect(&[]);
    sent().has(json!({ "name": "Ann", "title": "Somebody's" })).expect(&[]);
    let cleared = One::user("u1").wants(json!({ "name": "Ann", "title": {"yield": null} })).linked(json!({ "name": "Ann" }));
    cleared.has(json!({ "name": "Ann", "title": "Clerk" })).expect(&[]);
}

#[test]
fn a_record_that_is_taken_over_keeps_what_it_has() {
    let found = |known: Json| yields("Chief").finds(2, super::builder::actual("r1", known), |_| {});
    let link = "Links = user u1: link to r1, found by login, write the anchor";
    found(json!({ "name": "Ann", "title": "Clerk" })).expect(&[link]);
    found(json!({ "name": "Ann", "title": null })).expect(&[link, "Updates ~ user u1: title (none) -> \"Chief\""]);
}

#[test]
fn parts_yield_one_by_one() {
    let one = One::user("u1").wants(json!({ "name": "Ann", "box": {"yield": {"one": "1", "two": "2"}} }));
    one.linked(json!({ "name": "Ann" }))
        .has(json!({ "name": "Ann", "box": {"one": "x", "two": null} }))
        .expect(&["Updates ~ user u1: box.two (none) -> \"2\""]);
}

#[test]
fn an_empty_value_that_is_only_remembered_is_read_before_it_is_filled() {
    let doubtful = |knowledge, known| {
        let one = yields("Chief").linked(json!({ "name": "Ann" })).has(known).record(|actual| actual.knowledge = knowledge);
        is_doubtful(&one.state, &schema())
    };
    assert!(doubtful(Knowledge::Remembered, json!({ "name": "Ann", "title": null })));
    assert!(!doubtful(Knowledge::Fresh, json!({ "name": "Ann", "title": null })));
    assert!(!doubtful(Knowledge::Remembered, json!({ "name": "Ann", "title": "Clerk" })));
}

#[test]
fn what_is_left_to_the_target_refuses_nothing_there() {
    let long = "x".repeat(200);
    let new = One::user("u1").wants(json!({ "name": "Ann", "title": {"yield": long} }));
    assert!(new.held("rejected").contains("title"));
    let linked = || yields(&long).linked(json!({ "name": "Ann" }));
    linked().has(json!({ "name": "Ann", "title": "Clerk" })).expect(&[]);
    assert!(linked().has(json!({ "name": "Ann", "title": null })).held("rejected").contains("title"));
}

#[test]
fn a_sign_in_that_is_left_to_the_target_is_not_blocked() {
    let wants =
        |enabled: Json| One::user("u1").wants(json!({ "name": "Anna", "enabled": enabled })).linked(json!({ "name": "Ann" }));
    let known = json!({ "name": "Ann", "enabled": true });
    let name = "Updates ~ user u1: name \"Ann\" -> \"Anna\"";
    wants(json!({ "yield": false })).has(known.clone()).remembered().expect(&[name]);
    wants(json!({ "create_only": false })).has(known.clone()).remembered().expect(&[name]);
    wants(json!(false)).has(known).remembered().expect(&["Leavers ~ user u1: enabled true -> false, name \"Ann\" -> \"Anna\""]);
}

#[test]
fn a_yielded_login_claims_nothing_of_a_record_that_has_one() {
    let one =
        One::user("u1").wants(json!({ "name": "Anna", "login": {"yield": "b@x.example"} })).linked(json!({ "name": "Ann" }));
    let one = one.has(json!({ "name": "Ann", "login": "a@x.example" }));
    let claimed = |one: &One| -> Vec<_> {
        let changes = one.plan().into_iter().filter_map(|decision| match decision {
            Decision::Change(change) => Some(change),
            Decision::Hold(..) => None,
        });
        changes.flat_map(|change| claims(&change, &one.state, &schema())).collect()
    };
    assert_eq!(claimed(&one), []);
    let new = One::user("u1").wants(json!({ "name": "Anna", "login": {"yield": "b@x.example"} }));
    assert_eq!(claimed(&new), [(Claim::Wants, "login".to_owned(), "b@x.example".to_owned())]);
}

#[test]
fn what_is_left_to_the_target_is_told() {
    let left = |wanted: Json, known: Json| {
        let mut one = One::user("u1").wants(wanted).linked(json!({})).has(known);
        one.policy.authority = Authorities {
            users: authorities(&[("title", Authority::Yield), ("box", Authority::CreateOnly)]),
            ..Authorities::default()
        };
        left_to_target(&one.state, &schema().users, &one.policy)
    };
    let wanted = json!({ "title": {"yield": "Chief"}, "box": {"create_only": {"one": "1"}}, "nick": {"create_only": "ann"} });
    assert_eq!(left(wanted.clone(), json!({ "title": "Clerk", "box": {"one": "x"}, "nick": "x" })), ["box.one", "title"]);
    assert_eq!(left(wanted.clone(), json!({ "title": "Chief", "box": {"one": "1"} })), Vec::<String>::new());
    assert_eq!(left(wanted.clone(), json!({ "title": null })), Vec::<String>::new(), "it is filled, and the box is not known");
    assert_eq!(left(json!({ "title": {"yield": null} }), json!({ "title": "Clerk" })), ["title"]);
}
