//! The page of promises names tests that are there.

#![allow(clippy::unwrap_used)]

use std::path::Path;

fn files(folder: &Path, ending: &str, found: &mut Vec<std::path::PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let hidden = path.file_name().is_some_and(|name| name == "target" || name.to_string_lossy().starts_with('.'));
        if path.is_dir() && !hidden {
            files(&path, ending, found);
        } else if path.extension().is_some_and(|extension| extension == ending) {
            found.push(path);
        }
    }
}

#[test]
fn every_promise_names_tests_that_are_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let page = std::fs::read_to_string(root.join("docs/promises.md")).unwrap();
    let mut sources = Vec::new();
    for folder in ["engine", "emulator", "tests"] {
        files(&root.join(folder), "rs", &mut sources);
    }
    let code: String = sources.iter().map(|file| std::fs::read_to_string(file).unwrap()).collect();
    let rows: Vec<&str> = page.lines().filter(|line| line.starts_with("| ") && line.as_bytes()[2].is_ascii_digit()).collect();
    let numbers: Vec<u32> = rows.iter().map(|row| row.split('|').nth(1).unwrap().trim().parse().unwrap()).collect();
    assert_eq!(numbers, (1..=25).collect::<Vec<_>>(), "one row for each");
    for row in rows {
        let shown = row.trim_end_matches('|').rsplit('|').next().unwrap();
        let names: Vec<&str> = shown.split('`').skip(1).step_by(2).collect();
        assert!(!names.is_empty(), "no test: {row}");
        for name in names {
            let there = match name.strip_suffix(".txt") {
                Some(_) => root.join("tests/scenarios").join(name).exists(),
                None => code.contains(&format!("fn {name}(")),
            };
            assert!(there, "`{name}` is not there: {row}");
        }
    }
}
