//! `entrain approve` and `entrain reject`: a person decides about a held plan.

use entrain_model::RunId;
use entrain_store::{Choice, RunRow};
use serde_json::json;

use super::args::{ApproveArgs, Global, RejectArgs};
use super::progress::Bar;
use super::session::{Session, Usage};
use super::{Exit, Output, report};

pub(super) async fn approve(args: &ApproveArgs, global: &Global, output: &mut Output) -> anyhow::Result<Exit> {
    let session = Session::open(global).await?;
    let row = found(&session, &args.run).await?;
    let target = session.connect(session.only_target(Some(row.target.as_str()))?).await?;
    let choice = match (args.only.is_empty(), args.except.is_empty()) {
        (true, true) => Choice::All,
        (false, _) => Choice::Only(args.only.iter().cloned().collect()),
        (true, false) => Choice::Except(args.except.iter().cloned().collect()),
    };
    let bar = Bar::new(output.form());
    let made = session.engine().approve(&target, &row.id, &args.by, &choice, &bar).await?;
    drop(bar);
    output.object(&json!({ "report": made.to_json() }));
    Ok(report::show(&made, output))
}

pub(super) async fn reject(args: &RejectArgs, global: &Global, output: &mut Output) -> anyhow::Result<Exit> {
    let session = Session::open(global).await?;
    let row = found(&session, &args.run).await?;
    session.engine().reject(&row.id, &args.by).await?;
    output.line(format_args!("run {} is rejected; nothing of it is written, and the next run plans anew", row.id));
    output.object(&json!({ "rejected": row.id }));
    Ok(Exit::Converged)
}

async fn found(session: &Session, id: &str) -> anyhow::Result<RunRow> {
    let id = RunId::from(id);
    Ok(session.store.run(&id).await?.ok_or_else(|| Usage(format!("there is no run {id}; `entrain runs` lists them")))?)
}
