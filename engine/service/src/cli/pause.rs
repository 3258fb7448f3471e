//! `entrain pause`: a target is stopped on purpose, until it is resumed.

use serde_json::json;

use super::args::{Global, PauseArgs};
use super::session::Session;
use super::{Exit, Output};

pub(super) async fn run(args: &PauseArgs, global: &Global, output: &mut Output) -> anyhow::Result<Exit> {
    let session = Session::open(global).await?.acting_as(&args.author.by);
    let config = session.only_target(Some(&args.target))?;
    let halt = session.engine().pause(&config.name, &args.reason).await?;
    output.line(format_args!("target {} is paused; it goes on with: entrain resume {}", config.name, config.name));
    output.object(&json!({ "target": config.name, "halt": halt }));
    Ok(Exit::Converged)
}
