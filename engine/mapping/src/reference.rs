//! The table of functions as the documentation shows it.

use std::fmt::Write as _;

use crate::library;

/// All functions that scripts can call, by topic, in Markdown: call, result, an example and what it gives.
pub fn function_table() -> String {
    let mut table = String::new();
    for (topic, entries) in library::topics() {
        let _ = writeln!(table, "### {topic}\n\n| call | result | example | gives |\n|---|---|---|---|");
        for entry in entries {
            let row = [entry.call, entry.example, entry.gives].map(cell);
            let _ = writeln!(table, "| {} | {} | {} | {} |", row[0], entry.says.replace('|', "\\|"), row[1], row[2]);
        }
        table.push('\n');
    }
    table
}

/// Code in a cell. Code that has back-ticks of its own stands between two; ` or ` joins two calls.
fn cell(code: &str) -> String {
    let code = code.replace('|', "\\|");
    if code.contains('`') && !code.contains("` or `") { format!("`` {code} ``") } else { format!("`{code}`") }
}
