//! `entrain completion`: the completion script of a shell.

use clap::CommandFactory as _;

use super::Exit;
use super::args::{Cli, CompletionArgs};

pub(super) fn run(args: &CompletionArgs) -> anyhow::Result<Exit> {
    clap_complete::generate(args.shell, &mut Cli::command(), "entrain", &mut std::io::stdout());
    Ok(Exit::Converged)
}
