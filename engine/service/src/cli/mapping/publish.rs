//! `entrain mapping publish`: a mapping under which every object passes is put in force, with the difference that was seen.

use entrain_plan::Accepted;
use entrain_store::{NewVersion, Origin};
use serde_json::json;

use super::args::PublishArgs;
use super::candidate::{Candidate, Current, note_files};
use super::found_text;
use crate::cli::args::Global;
use crate::cli::session::Session;
use crate::cli::{Exit, Output};
use crate::wiring::stored;

pub(super) async fn run(args: &PublishArgs, global: &Global, output: &mut Output) -> anyhow::Result<Exit> {
    let session = Session::open(global).await?;
    let config = session.only_target(args.target.as_deref())?;
    let current = Current::of(&session, config).await?;
    let candidate = match args.version {
        Some(version) => Some(Candidate::kept(&session, config, version).await?),
        None => Candidate::newest(&session, config, &current).await?,
    };
    let published = current.version.as_ref().map(|row| row.version);
    let new = candidate.filter(|candidate| published.is_none() || candidate.digest() != current.digest());
    let Some(candidate) = new else {
        output.line(format_args!("target {}: nothing to publish, {} is in force already", config.name, current.named()));
        output.object(&json!({ "target": config.name, "published": published, "changed": false }));
        return Ok(Exit::Converged);
    };
    let mapping = candidate.compiled(config)?;
    let fingerprint = mapping.version().to_owned();
    let found = current.beside(&session, mapping, output).await?;
    if found.failed > 0 {
        output.line(format_args!(
            "target {}: {} is not published, since {} objects fail under it; {} stays in force",
            config.name,
            candidate.named(),
            found.failed,
            current.named()
        ));
        found_text::failures(&found, output);
        output.object(&json!({ "target": config.name, "published": published, "changed": false, "diff": found.to_json() }));
        return Ok(Exit::Halted);
    }
    // What nothing is compared with has no difference that somebody could have accepted.
    let accepted = Accepted { mapping: fingerprint, attributes: found.groups.counts(), tolerance: args.tolerance };
    let accepted = published.map(|_| serde_json::to_value(accepted)).transpose()?;
    let version = match &candidate {
        Candidate::Kept(row) => {
            note_files(&session, config, &args.by).await?;
            row.version
        }
        Candidate::Loose(scripts, _) => {
            let (digest, scripts) = (candidate.digest(), stored(scripts));
            let new = NewVersion { digest: &digest, scripts: &scripts, origin: Origin::Files, author: &args.by };
            session.store.draft_version(&config.name, new).await?
        }
    };
    session.store.publish_version(&config.name, version, &args.by, accepted.as_ref()).await?;
    // Registers it with the target, and lets one go on that was halted by what was in force before.
    session.connect(config).await?;
    output.line(format_args!("target {}: version {version} is in force", config.name));
    found_text::show(&found, output);
    output.object(&json!({
        "target": config.name, "published": version, "previous": published, "changed": true, "accepted": accepted,
        "diff": found.to_json(),
    }));
    Ok(Exit::Converged)
}
