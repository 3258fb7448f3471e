//! `entrain apply`: a plan that was reviewed as a file is carried out.

use std::path::PathBuf;

use anyhow::{Context as _, bail};
use entrain_model::{Mode, RunId};
use entrain_store::RunKind;
use serde_json::json;
use tokio::sync::mpsc;

use super::args::{ApplyArgs, Global};
use super::progress::Bar;
use super::session::{Session, Usage};
use super::{Exit, Output, report};
use crate::plan_file::{Header, PlanKey, read, verify};

/// Pages that are read ahead of the database.
const AHEAD: usize = 4;

pub(super) async fn run(args: &ApplyArgs, global: &Global, output: &mut Output) -> anyhow::Result<Exit> {
    let session = Session::open(global).await?;
    // Nothing is taken in before the whole file proves to be what it says.
    let header = read(&args.file, &mut |_| Ok(()))?;
    let config = session.only_target(Some(&header.target))?;
    if let Some(key) = args.verify.as_ref().or(config.plan_public_key.as_ref()) {
        verify(&args.file, &PlanKey::open(key)?)?;
    }
    if config.mode == Mode::Observe && !args.dry_run {
        return Err(Usage(format!("target {} is in mode observe: nothing is written to it", config.name)).into());
    }
    let target = session.connect(config).await?;
    let name = format!("{} {}", header.digest, std::process::id());
    taken_in(&session, &name, args.file.clone(), &header).await?;
    let kind = if args.dry_run { RunKind::DryRun } else { RunKind::Apply };
    let bar = Bar::new(output.form());
    let made = match &header.undo {
        None => session.engine().apply(&target, &name, kind, &bar).await?,
        Some(run) => {
            let kind = if args.dry_run { RunKind::DryRun } else { RunKind::Undo };
            let (of, by) = (RunId::from(run.as_str()), (args.by.as_str(), name.as_str()));
            session.engine().undo_reviewed(&target, &of, by, kind, &bar).await?
        }
    };
    drop(bar);
    let drifted = match &made.run {
        Some(run) => session.store.drifted(run, 1_000).await?,
        None => Vec::new(),
    };
    for object in &drifted {
        output.line(format_args!("  refused, since it is not as it was when the plan was made: {object}"));
    }
    if !drifted.is_empty() {
        output.line("  `entrain plan --out FILE` writes what they need now");
    }
    if let Some(kept) = made.kept {
        output.line(format_args!(
            "  of the plan: {} as planned, {} refused, {} need nothing any more; {} that it does not name are left alone",
            kept.same, kept.drifted, kept.settled, kept.others
        ));
    }
    output.object(&json!({ "report": made.to_json(), "refused": drifted }));
    Ok(report::show(&made, output))
}

/// Reads the file once more, into the database.
async fn taken_in(session: &Session, name: &str, file: PathBuf, expected: &Header) -> anyhow::Result<()> {
    let (pages, mut arrive) = mpsc::channel(AHEAD);
    let reading = tokio::task::spawn_blocking(move || {
        read(&file, &mut |page| pages.blocking_send(page).ok().context("the database does not take the plan in"))
    });
    let engine = session.engine();
    while let Some(page) = arrive.recv().await {
        engine.review(name, &page).await?;
    }
    if reading.await?? != *expected {
        bail!("the file was changed while it was read");
    }
    Ok(())
}
