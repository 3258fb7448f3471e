//! `entrain mapping versions` and `show`: what is kept.

use entrain_plan::Accepted;
use entrain_store::VersionRow;
use serde_json::json;

use super::args::ShowArgs;
use crate::acts::scripts::Candidate;
use crate::cli::args::{Global, TargetArgs};
use crate::cli::session::Session;
use crate::cli::time::utc_or_dash;
use crate::cli::{Exit, Output};
use crate::view::MappingVersion;

pub(super) async fn list(args: &TargetArgs, global: &Global, output: &mut Output) -> anyhow::Result<Exit> {
    let session = Session::open(global).await?;
    let (mut rows, mut objects) = (Vec::new(), Vec::new());
    for config in session.targets(args.target.as_deref())? {
        for version in session.store.versions(&config.name).await? {
            rows.push([
                config.name.to_string(),
                version.version.to_string(),
                version.state.as_str().to_owned(),
                version.digest.clone(),
                version.author.clone(),
                utc_or_dash(Some(version.at)),
                version.published_by.clone().unwrap_or_else(|| "-".to_owned()),
                utc_or_dash(version.published_at),
                accepted(&version),
            ]);
            objects.push(json!(MappingVersion::of(config.name.as_str(), &version)));
        }
    }
    if rows.is_empty() {
        output.line("no version yet; the first `entrain plan`, `sync` or `serve` puts the scripts on disk in force");
    } else {
        output.table(["TARGET", "VERSION", "STATE", "DIGEST", "AUTHOR", "AT", "PUBLISHED BY", "AT", "ACCEPTED"], &rows);
    }
    output.object(&json!({ "versions": objects }));
    Ok(Exit::Converged)
}

pub(super) async fn show(args: &ShowArgs, global: &Global, output: &mut Output) -> anyhow::Result<Exit> {
    let session = Session::open(global).await?;
    let config = session.only_target(args.target.as_deref())?;
    let Candidate::Kept(row) = Candidate::kept(&session.bench(config), args.version).await? else { return Ok(Exit::Converged) };
    for script in &row.scripts {
        output.line(format_args!("// {} ({})\n{}", script.name, script.kind, script.text.trim_end()));
    }
    output.object(&json!(MappingVersion::whole(config.name.as_str(), &row)));
    Ok(Exit::Converged)
}

/// What was accepted, the most frequent first.
fn accepted(row: &VersionRow) -> String {
    let Some(accepted) = row.accepted.clone().and_then(|accepted| serde_json::from_value::<Accepted>(accepted).ok()) else {
        return "-".to_owned();
    };
    let mut counts: Vec<_> =
        accepted.attributes.iter().flat_map(|(kind, of)| of.iter().map(move |(name, n)| (n, kind, name))).collect();
    counts.sort_by_key(|(n, _, _)| std::cmp::Reverse(**n));
    let shown: Vec<String> = counts.into_iter().map(|(n, kind, name)| format!("{kind} {name} {n}")).collect();
    if shown.is_empty() { "nothing".to_owned() } else { shown.join(", ") }
}
