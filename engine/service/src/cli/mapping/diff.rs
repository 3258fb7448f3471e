//! `entrain mapping diff`: what another mapping would change. Calls no target and writes nothing.

use std::path::Path;

use serde_json::json;

use super::args::DiffArgs;
use super::found_text;
use crate::acts::scripts::{Candidate, Current, placed};
use crate::cli::args::Global;
use crate::cli::progress::Bar;
use crate::cli::session::{Session, Usage};
use crate::cli::{Exit, Output};

pub(super) async fn run(args: &DiffArgs, global: &Global, output: &mut Output) -> anyhow::Result<Exit> {
    let session = Session::open(global).await?;
    let config = session.only_target(args.target.as_deref())?;
    let bench = session.bench(config);
    let current = Current::of(&bench).await?;
    let candidate = match args.new.as_deref() {
        None => Candidate::files(config)?,
        Some(new) => match (Path::new(new), new.parse::<i64>()) {
            (file, _) if file.is_file() => {
                let (name, text) = super::script(file)?;
                let scripts = placed(&current.scripts, &name, text, args.place.kind, args.place.placing());
                Candidate::Loose(scripts, name)
            }
            (_, Ok(version)) => Candidate::kept(&bench, version).await?,
            (file, Err(_)) => return Err(Usage(format!("there is no script {}", file.display())).into()),
        },
    };
    let bar = Bar::new(output.form());
    let found = current.beside(&bench, candidate.compiled(config)?, &bar).await?;
    drop(bar);
    output.line(format_args!("target {}: {} beside {}, which is in force", config.name, candidate.named(), current.named()));
    found_text::show(&found, output);
    output.object(&json!({
        "target": config.name, "published": current.version.as_ref().map(|row| row.version), "digest": current.digest(),
        "new": candidate.named(), "new_digest": candidate.digest(), "diff": found.to_json(),
    }));
    Ok(found_text::exit(&found))
}
