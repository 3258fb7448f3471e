//! Every reason code of the program is told in `docs/reasons.md`, and every code told there is one of the program.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::{BTreeMap, BTreeSet};

use entrain_model::{Hold, Why};
use entrain_plan::{Fit, Objection};
use entrain_store::{HaltKind, Refusal, RunState};
use entrain_sync::{Check, Class};

/// The codes in the first column of each section's table, by its title. Each row must say what the code means and what to do.
fn told() -> BTreeMap<String, BTreeSet<String>> {
    let text = include_str!("../../docs/reasons.md");
    let mut sections = BTreeMap::<String, BTreeSet<String>>::new();
    let mut title = String::new();
    for line in text.lines() {
        if let Some(heading) = line.strip_prefix("## ") {
            heading.clone_into(&mut title);
            sections.entry(title.clone()).or_default();
        } else if let Some(row) = line.strip_prefix("| `") {
            let cells: Vec<&str> = row.trim_end_matches('|').split(" | ").map(str::trim).collect();
            assert!(cells.len() == 3 && cells.iter().all(|cell| !cell.is_empty()), "not code, meaning and deed: {line}");
            let fresh = sections.get_mut(&title).unwrap().insert(cells[0].trim_end_matches('`').to_owned());
            assert!(fresh, "told twice: {line}");
        }
    }
    sections
}

#[test]
fn every_reason_code_is_documented_and_no_other() {
    let known: [(&str, Vec<&str>); 9] = [
        ("Holds", Hold::CODES.to_vec()),
        ("Out of scope", Why::CODES.to_vec()),
        ("Matching", Fit::CODES.to_vec()),
        ("Adoption", Class::CODES.to_vec()),
        ("Pre-flight", Check::CODES.to_vec()),
        ("Changes that were dropped", Refusal::CODES.to_vec()),
        ("The guard", Objection::codes().collect()),
        ("Halts", HaltKind::CODES.to_vec()),
        ("Runs", RunState::CODES.to_vec()),
    ];
    let known: BTreeMap<String, BTreeSet<String>> =
        known.into_iter().map(|(title, codes)| (title.to_owned(), codes.into_iter().map(str::to_owned).collect())).collect();
    assert_eq!(told(), known);
}
