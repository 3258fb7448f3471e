use serde_json::json;

use super::builder::One;

fn newcomer() -> One {
    One::user("u1").wants(json!({"name": "Ann", "login": "Ann@x.example"}))
}

fn renamed() -> One {
    newcomer().linked(json!({"login": "a@x.example", "name": "Ann"})).has(json!({"login": "a@x.example", "name": "Ann"}))
}

const RENAME: &str = "Updates ~ user u1: login \"a@x.example\" -> \"Ann@x.example\"";

#[test]
fn a_record_linked_to_nobody_keeps_its_value() {
    let expected = "login: \"ann@x.example\" belongs to record r9, which is linked to no object of the source: \
                    change it there, or match by this attribute to take the record over";
    assert_eq!(newcomer().contest("login", "ann@x.example", &[], &[("r9", None)]).held("conflict"), expected);
    assert_eq!(renamed().contest("login", "ann@x.example", &[], &[("r9", None)]).held("conflict"), expected);
}

#[test]
fn a_value_of_another_object_is_planned_for() {
    renamed().contest("login", "ann@x.example", &[], &[("r2", Some("u2"))]).expect(&[RENAME]);
    newcomer()
        .contest("login", "ann@x.example", &[], &[("r2", Some("u2"))])
        .expect(&["Users + user u1: create login \"Ann@x.example\", name \"Ann\""]);
}

#[test]
fn who_has_the_value_keeps_it() {
    newcomer()
        .linked(json!({}))
        .has(json!({"login": "ann@x.example", "name": "Ann"}))
        .contest("login", "ann@x.example", &["u2"], &[])
        .expect(&["Updates ~ user u1: login \"ann@x.example\" -> \"Ann@x.example\""]);
    newcomer()
        .linked(json!({"login": "Ann@x.example", "name": "Ann"}))
        .contest("login", "ann@x.example", &["u2"], &[])
        .expect(&[]);
    assert_eq!(
        newcomer().contest("login", "ann@x.example", &["u2"], &[("r2", Some("u2"))]).held("conflict"),
        "login: \"ann@x.example\" belongs to user u2 (record r2), which keeps it: give one of them another value"
    );
}

#[test]
fn newcomers_to_one_value_are_all_held() {
    let expected = "login: \"ann@x.example\" is wanted by user u2, user u3 as well: give all but one another value";
    assert_eq!(newcomer().contest("login", "ann@x.example", &["u2", "u3"], &[]).held("conflict"), expected);
    assert_eq!(renamed().contest("login", "ann@x.example", &["u2", "u3"], &[]).held("conflict"), expected);
    assert_eq!(renamed().contest("login", "ann@x.example", &["u2", "u3"], &[("r9", Some("u9"))]).held("conflict"), expected);
}

#[test]
fn the_record_that_is_to_be_linked_is_no_obstacle() {
    newcomer().found(2, "r9", |_| {}).contest("login", "ann@x.example", &[], &[("r9", None)]).expect(&[
        "Links = user u1: link to r9, found by login, write the anchor",
        "Updates ~ user u1: login ? -> \"Ann@x.example\", name ? -> \"Ann\"",
    ]);
}

#[test]
fn a_list_that_has_the_value_keeps_it() {
    let one = One::user("u1").wants(json!({"mails": ["a@x.example"]})).linked(json!({})).has(json!({"mails": ["A@x.example"]}));
    one.contest("mails", "a@x.example", &["u2"], &[])
        .expect(&["Updates ~ user u1: mails [\"A@x.example\"] -> [\"a@x.example\"]"]);
}

#[test]
fn the_anchor_is_no_contest() {
    newcomer().contest("anchor", "x", &["u2"], &[]).expect(&["Users + user u1: create login \"Ann@x.example\", name \"Ann\""]);
}
