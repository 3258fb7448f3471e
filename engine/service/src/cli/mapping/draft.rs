//! `entrain mapping draft`: a script is kept, and nothing of it is in force.

use serde_json::json;

use super::args::DraftArgs;
use crate::acts::scripts::placed;
use crate::cli::args::Global;
use crate::cli::session::Session;
use crate::cli::{Exit, Output};

pub(super) async fn run(args: &DraftArgs, global: &Global, output: &mut Output) -> anyhow::Result<Exit> {
    let session = Session::open(global).await?;
    let config = session.only_target(args.target.as_deref())?;
    let (name, text) = super::script(&args.file)?;
    let place = |current: &[_]| placed(current, &name, text, args.place.kind, args.place.placing());
    let drafted = session.bench(config).draft(place, &args.by).await?;
    let (version, digest) = (drafted.version, drafted.digest);
    output.line(format_args!("target {}: version {version} is a draft ({digest})", config.name));
    output.line(format_args!(
        "see what it changes with `entrain mapping diff {version}`, put it in force with `entrain mapping publish {version}`"
    ));
    output.object(&json!({ "target": config.name, "version": version, "digest": digest, "state": "draft" }));
    Ok(Exit::Converged)
}
