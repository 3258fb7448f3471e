//! `entrain mapping rollback`: the version in force is taken back.

use entrain_store::{VersionRow, VersionState};
use serde_json::json;

use super::args::RollbackArgs;
use super::candidate::{Candidate, Current, note_files};
use super::found_text;
use crate::cli::args::Global;
use crate::cli::session::{Session, Usage};
use crate::cli::{Exit, Output};
use crate::config::TargetConfig;

pub(super) async fn run(args: &RollbackArgs, global: &Global, output: &mut Output) -> anyhow::Result<Exit> {
    let session = Session::open(global).await?;
    let config = session.only_target(args.target.as_deref())?;
    let to = match args.version {
        Some(version) => version,
        None => before(&session, config).await?,
    };
    let candidate = Candidate::kept(&session, config, to).await?;
    let current = Current::of(&session, config).await?;
    if current.version.as_ref().is_none_or(|row| row.version == to) {
        return Err(
            Usage(format!("target {}: there is nothing to take back, {} is in force", config.name, current.named())).into()
        );
    }
    let found = current.beside(&session, candidate.compiled(config)?, output).await?;
    if found.failed > 0 {
        let (name, failed) = (candidate.named(), found.failed);
        output.line(format_args!(
            "target {}: not rolled back, since {failed} objects fail under {name}; {} stays in force",
            config.name,
            current.named()
        ));
        found_text::failures(&found, output);
        output.object(&json!({ "target": config.name, "changed": false, "diff": found.to_json() }));
        return Ok(Exit::Halted);
    }
    note_files(&session, config, &args.by).await?;
    let from = session.store.roll_back_version(&config.name, to, &args.by).await?;
    session.connect(config).await?;
    output.line(format_args!("target {}: version {from} is rolled back, version {to} is in force", config.name));
    found_text::show(&found, output);
    output.object(&json!({
        "target": config.name, "published": to, "rolled_back": from, "changed": true, "diff": found.to_json(),
    }));
    Ok(Exit::Converged)
}

/// The version that was in force before the one that is.
async fn before(session: &Session, config: &TargetConfig) -> anyhow::Result<i64> {
    let versions = session.store.versions(&config.name).await?;
    let superseded = versions.iter().filter(|row| row.state == VersionState::Superseded);
    let last = superseded.max_by_key(|row: &&VersionRow| (row.published_at, row.version));
    let none = || Usage(format!("target {}: no version was in force before; `entrain mapping versions` lists them", config.name));
    Ok(last.ok_or_else(none)?.version)
}
