//! `entrain plan`: a full run that only plans, and its plan.

use std::fs::File;
use std::io::BufWriter;

use anyhow::Context as _;
use entrain_model::{Reason, Scope};
use entrain_store::RunKind;
use entrain_sync::Ask;
use serde_json::json;

use super::args::{Global, PlanArgs};
use super::plan_text::{self, Part};
use super::progress::Bar;
use super::session::Session;
use super::{Exit, Form, Output, report};

pub(super) async fn run(args: &PlanArgs, global: &Global, output: &mut Output) -> anyhow::Result<Exit> {
    let session = Session::open(global).await?;
    let target = session.connect(session.only_target(args.target.as_deref())?).await?;
    let ask = Ask { kind: RunKind::Plan, ..Ask::sync(Scope::Everything, Reason::Operator) };
    let bar = Bar::new(output.form());
    let made = session.engine().reconcile(&target, ask, &bar).await?;
    drop(bar);
    let Some(run) = &made.run else {
        output.object(&json!({ "report": made.to_json() }));
        return Ok(report::show(&made, output));
    };
    let digest = session.store.run(run).await?.and_then(|row| row.digest);
    let fields = json!({ "report": made.to_json(), "digest": digest });
    match &args.out {
        None => plan_text::write(&session.store, run, Part::All, &fields, output).await?,
        Some(path) => {
            let file = File::create(path).with_context(|| format!("{} cannot be written", path.display()))?;
            let mut file = Output::to(Form::Json, BufWriter::new(file));
            plan_text::write(&session.store, run, Part::All, &fields, &mut file).await?;
            file.finish().with_context(|| format!("{} could not be written whole", path.display()))?;
            output.line(format_args!("wrote {}", path.display()));
            output.object(&json!({ "report": made.to_json(), "digest": digest, "written": path }));
        }
    }
    Ok(report::show(&made, output))
}
