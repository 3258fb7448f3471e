//! Each value of a mapping is traced to its script and line.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use common::user;
use entrain_mapping::{Context, Limits, Mapped, Mapping, ScopeRules, Script, default_scripts};
use entrain_model::{Kind, Setting};
use serde_json::json;

fn mapping(own: &str) -> Mapping {
    let mut scripts = default_scripts();
    scripts.push(Script { name: "own.rhai".into(), kind: Kind::User, text: own.into() });
    Mapping::compile(&scripts, &ScopeRules::default(), Limits { wall_ms: 20_000, ..Limits::default() }).unwrap()
}

#[test]
fn every_value_of_the_default_mapping_has_its_line_and_what_wins_stands_last() {
    let mapping = mapping("#{\n  jobTitle: \"Chief\",\n}");
    let record = user(json!({"userName": "ann@corp.example", "title": "Clerk", "displayName": "Ann"}));
    let context = Context { target: &json!({}), manager: None };
    let traced = mapping.trace(&record, &context).unwrap();
    assert_eq!(traced.mapped, mapping.evaluate(&record, &context).unwrap());
    let Mapped::Record(desired) = &traced.mapped else { panic!("skipped") };
    assert_eq!(desired.settings.keys().collect::<Vec<_>>(), traced.origins.keys().collect::<Vec<_>>());
    let scripts = default_scripts();
    let text = &scripts.iter().find(|script| script.kind == Kind::User).unwrap().text;
    for (name, origins) in &traced.origins {
        let line = *origins[0].lines.first().unwrap_or_else(|| panic!("{name} has no line"));
        assert!(text.lines().nth(line - 1).unwrap().contains(&format!("{name}:")), "{name} is not on line {line}");
    }
    let [first, last] = &traced.origins["jobTitle"][..] else { panic!("{:?}", traced.origins["jobTitle"]) };
    assert_eq!((&first.setting, &last.setting), (&Setting::Set(json!("Clerk")), &Setting::Set(json!("Chief"))));
    assert_eq!((last.script.as_str(), &last.lines[..]), ("own.rhai", &[2][..]));
}

#[test]
fn a_record_that_is_skipped_or_fails_has_no_values() {
    let record = user(json!({"userName": "ann@corp.example"}));
    let context = Context { target: &json!({}), manager: None };
    let traced = mapping("skip(\"not here\")").trace(&record, &context).unwrap();
    assert_eq!((traced.mapped, traced.origins.len()), (Mapped::Skip("not here".into()), 0));
    let error = mapping("#{\n  jobTitle: user.no.such\n}").trace(&record, &context).unwrap_err();
    assert_eq!((error.script.as_str(), error.line), ("own.rhai", Some(2)));
}
