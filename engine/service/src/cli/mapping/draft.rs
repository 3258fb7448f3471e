//! `entrain mapping draft`: a script is kept, and nothing of it is in force.

use entrain_store::{NewVersion, Origin};
use serde_json::json;

use super::args::DraftArgs;
use super::candidate::{Candidate, Current, placed};
use crate::cli::args::Global;
use crate::cli::session::Session;
use crate::cli::{Exit, Output};
use crate::wiring::{in_force, stored};

pub(super) async fn run(args: &DraftArgs, global: &Global, output: &mut Output) -> anyhow::Result<Exit> {
    let session = Session::open(global).await?;
    let config = session.only_target(args.target.as_deref())?;
    if session.store.published_number(&config.name).await?.is_none() {
        // A draft is a change of something.
        in_force(&session.store, config).await?;
    }
    let current = Current::of(&session, config).await?;
    let draft = Candidate::Loose(placed(&current.scripts, &args.file, &args.place)?, args.file.display().to_string());
    draft.compiled(config)?;
    let (digest, scripts) = (draft.digest(), stored(&draft.scripts()));
    let new = NewVersion { digest: &digest, scripts: &scripts, origin: Origin::Draft, author: &args.by };
    let version = session.store.draft_version(&config.name, new).await?;
    output.line(format_args!("target {}: version {version} is a draft ({digest})", config.name));
    output.line(format_args!(
        "see what it changes with `entrain mapping diff {version}`, put it in force with `entrain mapping publish {version}`"
    ));
    output.object(&json!({ "target": config.name, "version": version, "digest": digest, "state": "draft" }));
    Ok(Exit::Converged)
}
