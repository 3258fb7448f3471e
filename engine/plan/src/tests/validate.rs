use entrain_model::Kind;
use serde_json::{Value as Json, json};

use super::builder::{One, record, schema};
use crate::{missing, validate};

#[track_caller]
fn refused(wanted: Json, expected: &str) {
    let one = One::user("u1").domains(&["x.example", "y.example"]);
    let hold = validate(Kind::User, &record(wanted), &schema(), &one.policy).expect("nothing refused");
    assert_eq!(hold.code(), "rejected");
    assert_eq!(hold.to_string(), expected);
}

#[track_caller]
fn accepted(wanted: Json) {
    let one = One::user("u1").domains(&["x.example"]);
    assert_eq!(validate(Kind::User, &record(wanted), &schema(), &one.policy), None);
}

#[test]
fn lengths_count_characters() {
    refused(
        json!({"title": "x".repeat(140)}),
        "title: it has 140 characters; the target allows 128: shorten it in the source or truncate it in the mapping",
    );
    accepted(json!({"title": "é".repeat(128)}));
    refused(
        json!({"box": {"one": "123456789"}}),
        "box.one: it has 9 characters; the target allows 8: shorten it in the source or truncate it in the mapping",
    );
    refused(
        json!({"box": {"two": "12345"}}),
        "box.two: it has 5 characters; the target allows 4: shorten it in the source or truncate it in the mapping",
    );
    refused(
        json!({"title": {"create_only": "x".repeat(129)}}),
        "title: it has 129 characters; the target allows 128: shorten it in the source or truncate it in the mapping",
    );
}

#[test]
fn lists_have_a_size_and_texts_in_them() {
    refused(json!({"phones": ["1", "2"]}), "phones: it has 2 values; the target allows 1: choose among them in the mapping");
    refused(
        json!({"phones": [1]}),
        "phones: the target takes a list of texts and the mapping gives 1: convert it in the mapping",
    );
    accepted(json!({"phones": []}));
}

#[test]
fn characters_are_checked() {
    refused(json!({"nick": "a b"}), "nick: \"a b\" contains ' ', which the target does not allow: replace it in the mapping");
    refused(json!({"nick": "zoë"}), "nick: \"zoë\" contains 'ë'; the target allows ASCII alone: fold it in the mapping");
}

#[test]
fn types_are_checked() {
    refused(json!({"title": 7}), "title: the target takes a text and the mapping gives 7: convert it in the mapping");
    refused(
        json!({"enabled": "yes"}),
        "enabled: the target takes `true` or `false` and the mapping gives \"yes\": convert it in the mapping",
    );
    refused(json!({"box": "x"}), "box: the target takes an object and the mapping gives \"x\": convert it in the mapping");
    refused(json!({"box": {"six": "x"}}), "box: it has no part `six`: correct the name in the mapping");
    refused(json!({"hired": "soon"}), "hired: \"soon\" is no date or time: give it as 2024-05-31 or 2024-05-31T00:00:00Z");
    accepted(json!({"hired": "2024-05-31", "org": {"a": 1}, "extension": [1, 2], "enabled": true, "title": null}));
}

#[test]
fn what_nobody_can_write_is_named() {
    refused(json!({"serial": "1"}), "serial: the target lets nobody write it: remove it from the mapping");
}

#[test]
fn logins_have_a_form() {
    let malformed = |login: &str, why: &str| {
        let expected = format!("login: {login:?} {why}: correct it in the source or in the mapping");
        refused(json!({"login": login}), &expected);
    };
    for login in ["ann", "@x.example", "ann@"] {
        malformed(login, "is not of the form local@domain");
    }
    malformed("ann lee@x.example", "contains ' ' before the @, which the target does not allow");
    malformed("zoë@x.example", "contains 'ë' before the @, which the target does not allow");
    malformed("ann.@x.example", "begins or ends with a dot before the @");
    malformed("a@b@x.example", "has more than one @");
    let long = format!("{}@x.example", "a".repeat(65));
    malformed(&long, "has 65 characters before the @; the target allows 64");
    let wide = format!("a@{}.example", "x".repeat(41));
    malformed(&wide, "has 49 characters after the @; the target allows 48");
    accepted(json!({"login": format!("{}@x.example", "a".repeat(64))}));
    accepted(json!({"login": "o'neil.j-r_2!#^~@X.Example"}));
}

#[test]
fn a_login_ends_in_a_verified_domain() {
    refused(
        json!({"login": "ann@z.example"}),
        "login: the domain `z.example` is not verified in the target, which has `x.example`, `y.example`: \
         verify it there or map the login to one of these",
    );
    let unknown = One::user("u1");
    assert_eq!(validate(Kind::User, &record(json!({"login": "ann@z.example"})), &schema(), &unknown.policy), None);
}

#[test]
fn a_new_record_needs_what_is_required() {
    let expected = "name: a new user needs a value and has none: fill it in the source or set it in the mapping";
    for wanted in [json!({}), json!({"name": null}), json!({"name": ""})] {
        let hold = missing(Kind::User, &record(wanted), &schema()).expect("nothing missing");
        assert_eq!(hold.to_string(), expected);
    }
    assert_eq!(missing(Kind::User, &record(json!({"name": "Ann"})), &schema()), None);
    assert_eq!(One::user("u1").wants(json!({"title": "Chief"})).held("rejected"), expected);
}

#[test]
fn a_linked_record_needs_nothing_more() {
    One::user("u1").wants(json!({"title": "Chief"})).linked(json!({"title": "Chief"})).expect(&[]);
}
