//! `entrain mapping check`: the scripts as they are on disk, tried on every object of the source. Writes nothing.

use std::sync::Arc;

use serde_json::json;

use crate::cli::args::{Global, TargetArgs};
use crate::cli::session::Session;
use crate::cli::{Exit, Output, report};
use crate::wiring::connect;

/// So many errors are shown; all are counted.
const SHOWN: usize = 20;

pub(super) async fn run(args: &TargetArgs, global: &Global, output: &mut Output) -> anyhow::Result<Exit> {
    let session = Session::open(global).await?;
    let (mut exit, mut answers) = (Exit::Converged, Vec::new());
    for config in session.targets(args.target.as_deref())? {
        let target = connect(config, Arc::clone(&session.clock), None)?.target;
        let checked = session.engine().check(&target, SHOWN).await?;
        let counts: Vec<String> = checked.objects.iter().map(|(state, count)| format!("{state} {count}")).collect();
        output.line(format_args!("target {} (mapping {}): {}", target.name, target.mapping.version(), counts.join(", ")));
        for halt in &checked.errors {
            report::show_halt(halt, output);
        }
        if checked.failed > 0 {
            output.line(format_args!(
                "  {} objects fail, {} of them are shown; a run would halt the target",
                checked.failed,
                checked.errors.len()
            ));
            exit = Exit::Halted;
        }
        answers.push(json!({ "target": target.name, "mapping": target.mapping.version(), "checked": checked.to_json() }));
    }
    output.object(&json!({ "targets": answers }));
    Ok(exit)
}
