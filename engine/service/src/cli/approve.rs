//! `entrain approve`: a held plan is carried out, provided that it is still the same.

use entrain_model::RunId;
use serde_json::json;

use super::args::{ApproveArgs, Global};
use super::progress::Bar;
use super::session::{Session, Usage};
use super::{Exit, Output, report};

pub(super) async fn run(args: &ApproveArgs, global: &Global, output: &mut Output) -> anyhow::Result<Exit> {
    let session = Session::open(global).await?;
    let id = RunId::from(args.run.as_str());
    let row = session.store.run(&id).await?.ok_or_else(|| Usage(format!("there is no run {id}; `entrain runs` lists them")))?;
    let target = session.connect(session.only_target(Some(row.target.as_str()))?).await?;
    let bar = Bar::new(output.form());
    let made = session.engine().approve(&target, &id, &args.by, &bar).await?;
    drop(bar);
    output.object(&json!({ "report": made.to_json() }));
    Ok(report::show(&made, output))
}
