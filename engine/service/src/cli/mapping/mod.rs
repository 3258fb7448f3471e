//! `entrain mapping ..`: scripts are checked, compared with what is in force, drafted, published and rolled back.

mod args;
mod check;
mod diff;
mod draft;
mod found_text;
mod publish;
mod rollback;
mod versions;

use std::path::Path;

use anyhow::Context as _;

pub(super) use args::MappingCommand;

use super::args::Global;
use super::{Exit, Output};

/// Does what the arguments say.
pub(super) async fn run(command: &MappingCommand, global: &Global, output: &mut Output) -> anyhow::Result<Exit> {
    match command {
        MappingCommand::Check(args) => check::run(args, global, output).await,
        MappingCommand::Diff(args) => diff::run(args, global, output).await,
        MappingCommand::Draft(args) => draft::run(args, global, output).await,
        MappingCommand::Publish(args) => publish::run(args, global, output).await,
        MappingCommand::Rollback(args) => rollback::run(args, global, output).await,
        MappingCommand::Versions(args) => versions::list(args, global, output).await,
        MappingCommand::Show(args) => versions::show(args, global, output).await,
    }
}

/// A script's name and text.
fn script(file: &Path) -> anyhow::Result<(String, String)> {
    let text = std::fs::read_to_string(file).with_context(|| format!("{} cannot be read", file.display()))?;
    Ok((file.display().to_string(), text))
}
