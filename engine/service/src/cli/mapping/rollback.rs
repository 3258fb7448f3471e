//! `entrain mapping rollback`: the version in force is taken back.

use serde_json::json;

use super::args::RollbackArgs;
use super::found_text;
use crate::acts::scripts::RolledBack;
use crate::cli::args::Global;
use crate::cli::progress::Bar;
use crate::cli::session::Session;
use crate::cli::{Exit, Output};

pub(super) async fn run(args: &RollbackArgs, global: &Global, output: &mut Output) -> anyhow::Result<Exit> {
    let session = Session::open(global).await?;
    let config = session.only_target(args.target.as_deref())?;
    let bar = Bar::new(output.form());
    let rolled_back = session.bench(config).roll_back(args.version, &args.by, &bar).await?;
    drop(bar);
    match rolled_back {
        RolledBack::Fails { current, named, found } => {
            output.line(format_args!(
                "target {}: not rolled back, since {} objects fail under {named}; {current} stays in force",
                config.name, found.failed
            ));
            found_text::failures(&found, output);
            output.object(&json!({ "target": config.name, "changed": false, "diff": found.to_json() }));
            Ok(Exit::Halted)
        }
        RolledBack::Done { from, to, found } => {
            output.line(format_args!("target {}: version {from} is rolled back, version {to} is in force", config.name));
            found_text::show(&found, output);
            output.object(&json!({
                "target": config.name, "published": to, "rolled_back": from, "changed": true, "diff": found.to_json(),
            }));
            Ok(Exit::Converged)
        }
    }
}
