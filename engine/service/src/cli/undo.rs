//! `entrain undo`: what a run did is taken back.

use entrain_model::RunId;
use entrain_store::RunKind;
use serde_json::json;

use super::args::{Global, UndoArgs};
use super::plan::{self, PlanFile};
use super::plan_text;
use super::progress::Bar;
use super::session::{Session, Usage};
use super::time::utc;
use super::{Exit, Output, report};
use crate::plan_file::FORMAT;

pub(super) async fn run(args: &UndoArgs, global: &Global, output: &mut Output) -> anyhow::Result<Exit> {
    let form = args.out.as_ref().map(|path| plan::form(Some(path), None, args.sign.as_deref(), output)).transpose()?;
    let session = Session::open(global).await?;
    let id = RunId::from(args.run.as_str());
    let row = session.store.run(&id).await?.ok_or_else(|| Usage(format!("there is no run {id}; `entrain runs` lists them")))?;
    let target = session.connect(session.only_target(Some(row.target.as_str()))?).await?;
    let kind = if args.apply { RunKind::Undo } else { RunKind::Plan };
    let bar = Bar::new(output.form());
    let made = session.engine().undo(&target, &id, &args.by, kind, &bar).await?;
    drop(bar);
    if let (Some(run), Some(path), Some(form)) = (&made.run, &args.out, form) {
        let digest = session.store.run(run).await?.and_then(|row| row.digest).unwrap_or_default();
        let fields = json!({
            "format": FORMAT, "target": target.name, "run": run, "undo": id, "made_at": utc(session.clock.now()),
            "digest": digest, "report": made.to_json(),
        });
        let file = PlanFile { path, form, sign: args.sign.as_deref() };
        let signature = file.write(&session.store, run, &made, &fields, output).await?;
        output.object(&json!({ "report": made.to_json(), "digest": digest, "written": path, "signature": signature }));
        return Ok(report::show(&made, output));
    }
    if let Some(run) = &made.run {
        plan_text::lines(&session.store, run, output).await?;
    }
    output.object(&json!({ "report": made.to_json() }));
    let exit = report::show(&made, output);
    if made.planned.is_empty() && made.held.is_empty() && made.halt.is_none() {
        output.line(format_args!("  nothing of run {id} is to be taken back: it wrote nothing, or that was undone since"));
    } else if !made.done.is_empty() {
        output.line("  the objects are parked: correct the source or the mapping, then `entrain unpark`");
    } else if !args.apply && exit == Exit::Converged {
        output.line(format_args!("  carry it out with `entrain undo {id} --apply`"));
    }
    Ok(exit)
}
