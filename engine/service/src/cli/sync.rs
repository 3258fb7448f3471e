//! `entrain sync`: one run for each target, over everything or one object.

use std::collections::BTreeSet;

use entrain_model::{Mode, ObjectRef, Reason, Scope};
use entrain_store::{RunKind, RunState};
use entrain_sync::Ask;
use serde_json::json;

use super::args::{Global, SyncArgs, SyncObject, SyncOneArgs};
use super::progress::Bar;
use super::session::Session;
use super::{Exit, Output, plan_text, report};

/// What the arguments amount to.
struct Wanted<'a> {
    scope: Scope,
    target: Option<&'a str>,
    kind: RunKind,
}

pub(super) async fn run(args: &SyncArgs, global: &Global, output: &mut Output) -> anyhow::Result<Exit> {
    let session = Session::open(global).await?;
    let wanted = wanted(args);
    let engine = session.engine();
    let (mut exit, mut reports) = (Exit::Converged, Vec::new());
    for config in session.targets(wanted.target)? {
        let target = session.connect(config).await?;
        let ask = Ask { kind: wanted.kind, ..Ask::sync(wanted.scope.clone(), Reason::Operator) };
        let bar = Bar::new(output.form());
        let report = engine.reconcile(&target, ask, &bar).await?;
        drop(bar);
        if let (RunKind::DryRun, Some(run)) = (wanted.kind, &report.run) {
            plan_text::lines(&session.store, run, output).await?;
        }
        exit = exit.max(report::show(&report, output));
        if (wanted.kind, target.mode, report.state) == (RunKind::Sync, Mode::Observe, RunState::Planned) {
            output.line(
                "  nothing is written in mode observe: look at `entrain plan`, then choose another `mode` in the configuration",
            );
        }
        reports.push(report.to_json());
    }
    output.object(&json!({ "reports": reports }));
    Ok(exit)
}

fn wanted(args: &SyncArgs) -> Wanted<'_> {
    let one = |object: ObjectRef, one: &'_ SyncOneArgs| (Scope::Only(BTreeSet::from([object])), one.dry_run);
    let ((scope, dry_run), target) = match &args.object {
        None => ((Scope::Everything, args.dry_run), args.target.as_deref()),
        Some(SyncObject::User(user)) => (one(ObjectRef::user(user.id.as_str()), user), user.target.as_deref()),
        Some(SyncObject::Group(group)) => (one(ObjectRef::group(group.id.as_str()), group), group.target.as_deref()),
    };
    Wanted { scope, target, kind: if dry_run { RunKind::DryRun } else { RunKind::Sync } }
}
