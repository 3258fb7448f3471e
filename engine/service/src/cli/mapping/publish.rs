//! `entrain mapping publish`: a mapping under which every object passes is put in force, with the difference that was seen.

use serde_json::json;

use super::args::PublishArgs;
use super::found_text;
use crate::acts::scripts::Published;
use crate::cli::args::Global;
use crate::cli::progress::Bar;
use crate::cli::session::Session;
use crate::cli::{Exit, Output};

pub(super) async fn run(args: &PublishArgs, global: &Global, output: &mut Output) -> anyhow::Result<Exit> {
    let session = Session::open(global).await?;
    let config = session.only_target(args.target.as_deref())?;
    let bar = Bar::new(output.form());
    let published = session.bench(config).publish(args.version, (&args.by, args.tolerance), &bar).await?;
    drop(bar);
    match published {
        Published::Nothing { published, current } => {
            output.line(format_args!("target {}: nothing to publish, {current} is in force already", config.name));
            output.object(&json!({ "target": config.name, "published": published, "changed": false }));
            Ok(Exit::Converged)
        }
        Published::Fails { published, current, named, found } => {
            output.line(format_args!(
                "target {}: {named} is not published, since {} objects fail under it; {current} stays in force",
                config.name, found.failed
            ));
            found_text::failures(&found, output);
            output.object(&json!({ "target": config.name, "published": published, "changed": false, "diff": found.to_json() }));
            Ok(Exit::Halted)
        }
        Published::Done { version, previous, accepted, found } => {
            output.line(format_args!("target {}: version {version} is in force", config.name));
            found_text::show(&found, output);
            output.object(&json!({
                "target": config.name, "published": version, "previous": previous, "changed": true, "accepted": accepted,
                "diff": found.to_json(),
            }));
            Ok(Exit::Converged)
        }
    }
}
