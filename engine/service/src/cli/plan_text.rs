//! The lines of a stored plan, page by page.

use entrain_model::RunId;
use entrain_store::{PlanLine, Store};
use serde_json::{Value as Json, json};

use super::Output;
use crate::view::{self, Line};

const PAGE: usize = 500;

/// Shows every line to people.
pub(super) async fn lines(store: &Store, run: &RunId, output: &mut Output) -> anyhow::Result<()> {
    let mut after = 0;
    loop {
        let page = store.plan_lines(run, after, PAGE).await?;
        let Some(last) = page.last() else { return Ok(()) };
        after = last.seq;
        for line in &page {
            output.line(text(line));
        }
    }
}

/// Which lines of a plan.
#[derive(Clone, Copy)]
pub(super) enum Part {
    /// All.
    All,
    /// What the guard counts and nobody approved.
    Guarded,
}

/// Shows a plan to people, or writes it as one object: `fields`, then `lines`.
pub(super) async fn write(store: &Store, run: &RunId, part: Part, fields: &Json, output: &mut Output) -> anyhow::Result<()> {
    output.begin_list(fields, "lines");
    let (mut after, mut first) = (0, true);
    loop {
        let page = match part {
            Part::All => store.plan_lines(run, after, PAGE).await?,
            Part::Guarded => store.guarded_lines(run, after, PAGE).await?,
        };
        let Some(last) = page.last() else { break };
        after = last.seq;
        for line in &page {
            output.line(text(line));
            output.element(first, &object(line));
            first = false;
        }
    }
    output.end_list();
    Ok(())
}

fn text(line: &PlanLine) -> String {
    let state = view::state(line.state);
    let detail = line.detail.as_ref().map_or_else(String::new, |detail| format!(" ({detail})"));
    let drift = if line.drift.is_empty() { String::new() } else { format!(" [drift: {}]", line.drift.join(", ")) };
    format!("{:>6}  {state:<8} {}{drift}{detail}", line.seq, entrain_plan::line(&line.decision))
}

fn object(line: &PlanLine) -> Json {
    json!(Line::of(line))
}
