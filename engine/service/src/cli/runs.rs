//! `entrain runs`: the latest runs, or one with its plan.

use entrain_model::{RunId, TargetName};
use entrain_store::{RunRow, RunState};
use serde_json::{Value as Json, json};

use super::args::{Global, RunsArgs};
use super::plan_text::{self, Part};
use super::session::{Session, Usage};
use super::time::{utc, utc_or_dash};
use super::{Exit, Output, report};
use crate::view::Run;

pub(super) async fn run(args: &RunsArgs, global: &Global, output: &mut Output) -> anyhow::Result<Exit> {
    let session = Session::open(global).await?;
    if let Some(id) = &args.run {
        let part = if args.guarded { Part::Guarded } else { Part::All };
        return one(&session, &RunId::from(id.as_str()), part, output).await;
    }
    let target = args.target.as_deref().map(TargetName::from);
    let runs = session.store.runs(target.as_ref(), args.limit).await?;
    if runs.is_empty() {
        output.line("no run yet; `entrain sync` or `entrain plan` makes one");
    } else {
        let rows: Vec<[String; 7]> = runs.iter().map(row).collect();
        output.table(["RUN", "TARGET", "WHAT", "SCOPE", "STATE", "STARTED", "DRIFT"], &rows);
    }
    output.object(&json!({ "runs": runs.iter().map(object).collect::<Vec<_>>() }));
    Ok(Exit::Converged)
}

async fn one(session: &Session, id: &RunId, part: Part, output: &mut Output) -> anyhow::Result<Exit> {
    let run = session.store.run(id).await?.ok_or_else(|| Usage(format!("there is no run {id}; `entrain runs` lists them")))?;
    output.line(format_args!(
        "run {id} of target {}: {} over {}, {}",
        run.target,
        run.kind.as_str(),
        run.scope,
        run.state.as_str()
    ));
    output.line(format_args!("started {} by {}, ended {}", utc(run.started_at), run.holder, utc_or_dash(run.finished_at)));
    if let Some(by) = &run.approved_by {
        let word = if run.state == RunState::Rejected { "rejected" } else { "approved" };
        output.line(format_args!("{word} by {by}, {}", utc_or_dash(run.approved_at)));
    }
    report::show_stored(&run.report, output);
    plan_text::write(&session.store, id, part, &object(&run), output).await?;
    Ok(Exit::of_run(run.state))
}

fn row(run: &RunRow) -> [String; 7] {
    [
        run.id.to_string(),
        run.target.to_string(),
        run.kind.as_str().to_owned(),
        run.scope.clone(),
        run.state.as_str().to_owned(),
        utc(run.started_at),
        drift(run),
    ]
}

/// How many values and references somebody had changed in the target, and how many of them were put right.
fn drift(run: &RunRow) -> String {
    let sum = |word: &str| -> u64 {
        let counts = run.report["drift"][word].as_object();
        counts.into_iter().flatten().filter_map(|(_, count)| count.as_u64()).sum()
    };
    match (sum("found"), sum("repaired")) {
        (0, _) => "-".to_owned(),
        (found, repaired) => format!("{found}, {repaired} put right"),
    }
}

fn object(run: &RunRow) -> Json {
    json!(Run::of(run))
}
