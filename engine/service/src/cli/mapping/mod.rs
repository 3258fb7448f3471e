//! `entrain mapping ..`: scripts are checked, compared with what is in force, drafted, published and rolled back.

mod args;
mod candidate;
mod check;
mod diff;
mod draft;
mod found_text;
mod publish;
mod rollback;
mod versions;

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
