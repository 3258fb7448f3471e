use entrain_model::{Attributes, DesiredRecord, Kind, ObjectRef, Setting, SourceRecord};
use serde_json::{Value as Json, json};

use super::builder::schema;
use crate::{Difference, Groups, Pattern, differences};

fn ann() -> SourceRecord {
    let attributes: Attributes = serde_json::from_value(json!({
        "displayName": "Ann Lee", "userName": "ann.lee@old.example", "name": { "givenName": "Ann", "familyName": "Lee" },
        "department": "Sales", "emails": [{ "value": "ann@mail.example", "type": "work" }], "active": true,
    }))
    .unwrap();
    SourceRecord { object: ObjectRef::user("u1"), version: 1, attributes }
}

fn record(name: &str, setting: Option<Setting>) -> DesiredRecord {
    DesiredRecord { settings: setting.map(|setting| (name.to_owned(), setting)).into_iter().collect() }
}

fn all(name: &str, from: Option<Setting>, to: Option<Setting>) -> Vec<Difference> {
    differences(&record(name, from), &record(name, to), &ann(), &schema().users)
}

fn set(value: impl Into<Json>) -> Option<Setting> {
    Some(Setting::Set(value.into()))
}

fn text(from: &str, to: &str) -> String {
    let found = all("displayName", set(from), set(to));
    assert_eq!(found.len(), 1, "{found:?}");
    found[0].pattern.to_string()
}

#[test]
fn texts_are_told_apart_by_what_many_have_in_common() {
    for (from, to, pattern) in [
        ("Ann Lee", "Lee, Ann", "`{givenName} {familyName}` -> `{familyName}, {givenName}`"),
        ("Ann Lee", "A. LEE", "`{givenName} {familyName}` -> `{initial of givenName}. {upper familyName}`"),
        ("Ann Lee", "ann lee", "capitals and small letters only"),
        ("Ann  Lee", "Ann Lee", "white space only"),
        ("Ann Lee", "Dr. Ann Lee", "`Dr. ` put before it"),
        ("Dr. Ann Lee", "Ann Lee", "`Dr. ` before it taken away"),
        ("Ann Lee", "Ann Lee (Sales dept)", "`{givenName} {familyName}` -> `{givenName} {familyName} ({department} dept)`"),
        ("Ann Lee", "Ann Lee (ext)", "` (ext)` put after it"),
        ("Ann Lee (ext)", "Ann Lee", "` (ext)` after it taken away"),
        ("ann.lee@old.example", "ann.lee@new.example", "domain `old.example` -> `new.example`"),
        ("Sales", "Vertrieb", "`{department}` -> `Vertrieb`"),
        ("North Wing", "Wing North", "the same words in another order"),
        ("Anneliese", "Annel", "cut off"),
        ("4711", "4712", "`4711` -> `4712`"),
        ("ann@mail.example", "ann.lee@old.example", "`{emails}` -> `{lower givenName}.{lower familyName}@old.example`"),
    ] {
        assert_eq!(text(from, to), pattern, "{from} -> {to}");
    }
}

#[test]
fn what_is_said_of_an_attribute_is_a_difference_too() {
    let clear = || Some(Setting::Clear);
    let once = |value: &str| Some(Setting::CreateOnly(value.into()));
    let missing = |value: Json| Some(Setting::Yield(value));
    for (from, to, pattern) in [
        (None, set("x"), Some(Pattern::Set)),
        (clear(), set("x"), Some(Pattern::Filled)),
        (set("x"), clear(), Some(Pattern::Cleared)),
        (set("x"), set(""), Some(Pattern::Cleared)),
        (None, clear(), Some(Pattern::Emptied)),
        (set("x"), None, Some(Pattern::LeftAlone)),
        (clear(), None, Some(Pattern::LeftAlone)),
        (set("x"), once("x"), Some(Pattern::OnlyNew)),
        (once("x"), set("x"), Some(Pattern::NoLongerOnlyNew)),
        (set("x"), missing("x".into()), Some(Pattern::OnlyMissing)),
        (once("x"), missing("x".into()), Some(Pattern::OnlyMissing)),
        (missing("x".into()), set("x"), Some(Pattern::NoLongerOnlyNew)),
        (missing("x".into()), once("x"), Some(Pattern::OnlyNew)),
        (missing("x".into()), missing("X".into()), Some(Pattern::Case)),
        (None, missing(Json::Null), None),
        (set("x"), set("x"), None),
        (clear(), set(""), None),
        (set(true), set(false), Some(Pattern::Composed { from: "true".into(), to: "false".into() })),
        (set("7"), set(7), Some(Pattern::Type)),
    ] {
        let found = all("displayName", from.clone(), to.clone());
        assert_eq!(found.first().map(|one| one.pattern.clone()), pattern, "{from:?} -> {to:?}");
    }
}

#[test]
fn an_object_in_parts_differs_part_by_part_and_a_list_has_no_order() {
    let found = all("box", set(json!({ "one": "a", "two": "b" })), set(json!({ "one": "c", "two": "b" })));
    let shown: Vec<_> = found.iter().map(|one| (one.attribute.as_str(), one.from.clone(), one.to.clone())).collect();
    assert_eq!(shown, [("box.one", json!("a"), json!("c"))]);
    assert!(all("phones", set(json!(["a", "b"])), set(json!(["b", "a"]))).is_empty());
    let found = all("phones", set(json!(["a", "b"])), set(json!(["a"])));
    assert_eq!(found[0].pattern, Pattern::Items);
}

#[test]
fn rare_patterns_fold_into_others_and_frequent_ones_stay() {
    let mut groups = Groups::default();
    let add = |groups: &mut Groups, n: usize, from: &str, to: &str| {
        let pattern = Pattern::Composed { from: from.to_owned(), to: to.to_owned() };
        let difference = Difference { attribute: "title".into(), pattern, from: json!(from), to: json!(to) };
        groups.add(&ObjectRef::user(format!("u{n}")), difference);
    };
    for n in 0..1000 {
        add(&mut groups, n, &format!("a{n}"), &format!("b{n}"));
        add(&mut groups, n, "Sales", "Vertrieb");
    }
    assert_eq!(groups.counts()[&Kind::User]["title"], 2000, "every object is counted once");
    let (_, attribute, patterns) = groups.each().next().unwrap();
    assert_eq!(attribute, "title");
    assert!(patterns.len() <= 65, "{}", patterns.len());
    let frequent = patterns.iter().find(|(pattern, _)| pattern.to_string() == "`Sales` -> `Vertrieb`").unwrap();
    assert_eq!((frequent.1.objects, frequent.1.examples.len()), (1000, 3));
}
