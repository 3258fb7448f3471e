//! docs/mapping.md says what is so: its table is the library's, its examples give what they show.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

mod common;

use common::{compile, user};
use entrain_mapping::{Context, Limits, Mapped, function_table};
use entrain_model::{DesiredRecord, SourceRecord};
use serde_json::Value as Json;

const PAGE: &str = include_str!("../../../docs/mapping.md");

#[test]
fn the_table_of_functions_is_that_of_the_library() {
    let start = PAGE.find("<!-- functions -->\n").unwrap() + "<!-- functions -->\n".len();
    let end = PAGE.find("<!-- /functions -->").unwrap();
    let expected = function_table();
    assert!(PAGE[start..end].trim() == expected.trim(), "put this between the marks in docs/mapping.md:\n\n{expected}");
}

/// The code blocks after the heading of the worked examples: language and text.
fn blocks() -> Vec<(&'static str, &'static str)> {
    let examples = PAGE.split("## Worked examples").nth(1).unwrap();
    examples.split("```").skip(1).step_by(2).map(|block| block.split_once('\n').unwrap()).collect()
}

#[test]
fn every_worked_example_gives_what_it_shows() {
    let blocks = blocks();
    assert_eq!(blocks.len(), 9);
    for example in blocks.chunks(3) {
        let [("rhai", script), ("json", input), ("json", gives)] = example else { panic!("{example:?}") };
        let mut input: Json = serde_json::from_str(input).unwrap();
        let manager: Option<SourceRecord> = input["manager"].is_object().then(|| user(input["manager"].take()));
        let context = Context { target: &Json::Null, manager: manager.as_ref() };
        let mapped = compile(script).unwrap().evaluate(&user(input), &context).unwrap();
        let gives: DesiredRecord = serde_json::from_str(gives).unwrap();
        assert_eq!(mapped, Mapped::Record(gives), "{script}");
    }
}

#[test]
fn the_limits_are_those_of_the_page() {
    let limits = Limits::default();
    let row = |name: &str| PAGE.lines().find(|line| line.starts_with(&format!("| `{name}`"))).unwrap().to_owned();
    let numbers = [
        ("operations", "200,000", limits.operations == 200_000),
        ("wall_ms", "250 ms", limits.wall_ms == 250),
        ("call_levels", "16", limits.call_levels == 16),
        ("expression_depth", "48", limits.expression_depth == 48),
        ("string_bytes", "64 KiB", limits.string_bytes == 65_536),
        ("array_values", "4,096", limits.array_values == 4_096),
        ("map_entries", "4,096", limits.map_entries == 4_096),
        ("script_bytes", "256 KiB", limits.script_bytes == 262_144),
    ];
    for (name, shown, holds) in numbers {
        assert!(holds && row(name).ends_with(&format!("| {shown} |")), "{name}");
    }
}

#[test]
fn the_three_states_are_those_of_the_page() {
    let says = |value: &str| format!("#{{ jobTitle: {value} }}");
    for value in ["\"Engineer\"", "clear()", "or_clear(user.title)", "user.title", "()"] {
        assert!(PAGE.contains(&format!("jobTitle: {value}")), "{value}");
        compile(&says(value)).unwrap();
    }
}
