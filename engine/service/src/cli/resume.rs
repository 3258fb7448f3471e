//! `entrain resume`: what halted a target is tried again.

use entrain_sync::Resumed;
use serde_json::{Value as Json, json};

use super::args::{Global, ResumeArgs};
use super::session::Session;
use super::{Exit, Output, report};
use crate::config::TargetConfig;
use crate::wiring::connect_in_force;

pub(super) async fn run(args: &ResumeArgs, global: &Global, output: &mut Output) -> anyhow::Result<Exit> {
    let session = Session::open(global).await?.acting_as(&args.author.by);
    let (mut exit, mut answers) = (Exit::Converged, Vec::new());
    for config in session.targets(args.target.as_deref())? {
        let halted = session.store.target(&config.name).await?.is_some_and(|row| row.halt.is_some());
        // Without a name only those that are halted are meant.
        if halted || args.target.is_some() {
            let (answer, one) = resume(&session, config, args, output).await?;
            exit = exit.max(one);
            answers.push(answer);
        }
    }
    if answers.is_empty() {
        output.line("no target is halted");
    }
    output.object(&json!({ "targets": answers }));
    Ok(exit)
}

async fn resume(
    session: &Session,
    config: &TargetConfig,
    args: &ResumeArgs,
    output: &mut Output,
) -> anyhow::Result<(Json, Exit)> {
    // Not `session.connect`: a changed script would be tried there without the object that is to be parked.
    let target = connect_in_force(&session.store, config, session.clock.clone(), None).await?.target;
    let hold = args.hold.as_ref().map(|object| (object, "parked when the target was resumed"));
    Ok(match session.engine().resume(&target, hold).await? {
        Resumed::NotHalted => {
            output.line(format_args!("target {} is not halted", target.name));
            (json!({ "target": target.name, "resumed": "not_halted" }), Exit::Converged)
        }
        Resumed::Released => {
            output.line(format_args!("target {} goes on; everything is synchronised next", target.name));
            (json!({ "target": target.name, "resumed": "released" }), Exit::Converged)
        }
        Resumed::StillHalted(halt) => {
            output.line(format_args!("target {} is still halted: it fails again", target.name));
            report::show_halted(&target.name, &halt, output);
            (json!({ "target": target.name, "resumed": "still_halted", "halt": halt }), Exit::Halted)
        }
    })
}
