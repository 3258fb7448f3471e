//! The page of threats names tests that are there.

#![allow(clippy::unwrap_used)]

use std::path::Path;

fn code(folder: &Path, all: &mut String) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let hidden = path.file_name().is_some_and(|name| name == "target" || name.to_string_lossy().starts_with('.'));
        if path.is_dir() && !hidden {
            code(&path, all);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            all.push_str(&std::fs::read_to_string(&path).unwrap());
        }
    }
}

#[test]
fn every_defence_names_tests_that_are_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let page = std::fs::read_to_string(root.join("docs/threat-model.md")).unwrap();
    let mut all = String::new();
    for folder in ["engine", "emulator", "tests"] {
        code(&root.join(folder), &mut all);
    }
    let rows: Vec<&str> = page.lines().filter(|line| line.starts_with("| ") && line.as_bytes()[2].is_ascii_digit()).collect();
    assert!(rows.len() >= 16, "the table was not found: {} rows", rows.len());
    for row in rows {
        let shown = row.trim_end_matches('|').rsplit('|').next().unwrap();
        let names: Vec<&str> = shown.split('`').skip(1).step_by(2).collect();
        assert!(!names.is_empty(), "no test: {row}");
        for name in names {
            let there = if name.ends_with(".txt") {
                root.join("tests/scenarios").join(name).exists()
            } else {
                all.contains(&format!("fn {name}("))
            };
            assert!(there, "`{name}` is not there: {row}");
        }
    }
}
