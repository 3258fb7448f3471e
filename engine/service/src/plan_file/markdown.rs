//! A plan in Markdown, for a review among people.

use std::collections::BTreeMap;
use std::io::{self, Write};

use entrain_model::{Decision, RunId};
use entrain_store::{PlanLine, Store};
use entrain_sync::Report;

const PAGE: usize = 500;

/// Writes the report and every line, changes by phase and holds at the end.
pub(crate) async fn markdown(
    store: &Store,
    run: &RunId,
    report: &Report,
    digest: &str,
    out: &mut (dyn Write + Send),
) -> anyhow::Result<()> {
    writeln!(out, "# Plan for {}\n\nRun `{run}`, digest `{digest}`.\n", text(report.target.as_str()))?;
    counts(out, "Changes", &report.planned)?;
    counts(out, "Held", &report.held)?;
    counts(out, "Left alone in this mode", &report.left)?;
    for reason in &report.reasons {
        writeln!(out, "> **Needs approval:** {}\n", text(reason))?;
    }
    writeln!(out, "| object | what |\n|---|---|")?;
    let mut after = 0;
    loop {
        let page = store.plan_lines(run, after, PAGE).await?;
        let Some(last) = page.last() else { return Ok(()) };
        after = last.seq;
        for line in &page {
            row(out, line)?;
        }
    }
}

fn counts(out: &mut (dyn Write + Send), title: &str, counts: &BTreeMap<String, u64>) -> io::Result<()> {
    if counts.is_empty() {
        return Ok(());
    }
    writeln!(out, "## {title}\n\n| what | how many |\n|---|---|")?;
    for (word, count) in counts {
        writeln!(out, "| {} | {count} |", text(word))?;
    }
    writeln!(out)
}

fn row(out: &mut (dyn Write + Send), line: &PlanLine) -> io::Result<()> {
    let object = match &line.decision {
        Decision::Change(change) => change.object.to_string(),
        Decision::Hold(object, _) => object.to_string(),
    };
    let rendered = entrain_plan::line(&line.decision);
    let what = rendered.split_once(": ").map_or(rendered.as_str(), |(_, what)| what);
    writeln!(out, "| {} | {} |", text(&object), text(what))
}

/// Text that means nothing but itself in a table of Markdown.
fn text(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '|' | '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '#' | '!' => safe.extend(['\\', c]),
            c if c.is_control() => safe.push(' '),
            c => safe.push(c),
        }
    }
    safe
}
