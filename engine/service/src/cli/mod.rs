//! The command line: one small file a command. A command writes its answer to an [`Output`] and ends with an [`Exit`].

mod access;
mod adoption;
mod alarms;
mod apply;
mod approve;
mod args;
mod audit;
mod completion;
#[cfg(feature = "demo")]
mod demo;
mod events;
mod exit;
mod explain;
mod halts;
mod holds;
mod hook;
mod import;
mod init;
mod jobs;
mod leavers;
mod links;
mod logging;
mod mapping;
mod output;
mod park;
mod password;
mod pause;
mod plan;
mod plan_text;
mod preflight;
mod progress;
mod protect;
mod report;
mod resume;
mod runs;
mod secret;
mod serve;
mod session;
mod sessions;
mod sync;
mod target;
mod targets;
mod time;
mod undo;

use std::process::ExitCode;

use clap::Parser as _;
use serde_json::json;

pub use args::Cli;
use args::{Command, ProtectCommand};
pub use exit::Exit;
pub use output::{Form, Output};
pub use progress::Bar;
pub(crate) use time::{since, utc};

/// Reads the arguments, does what they say, and reports errors in the form that was asked for.
pub fn main() -> ExitCode {
    // Wrong arguments end the process here, with code 2 and clap's own message.
    let cli = Cli::parse();
    let mut output = Output::stdout(if cli.global.json { Form::Json } else { Form::Text });
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let result = match runtime {
        Ok(runtime) => runtime.block_on(run(&cli, &mut output)),
        Err(error) => Err(anyhow::Error::new(error).context("the runtime cannot be started")),
    };
    let exit = result.unwrap_or_else(|error| {
        let exit = Exit::of_error(&error);
        output.error(&error);
        output.object(&json!({ "error": format!("{error:#}"), "exit": exit.code() }));
        exit
    });
    ExitCode::from(exit.code())
}

/// Does what the arguments say.
///
/// # Errors
/// What stopped the command, in words for a person.
pub async fn run(cli: &Cli, output: &mut Output) -> anyhow::Result<Exit> {
    let global = &cli.global;
    match &cli.command {
        #[cfg(feature = "demo")]
        Command::Demo(args) => demo::run(args, output).await,
        Command::Serve => serve::run(global).await,
        Command::Init(args) => init::run(args, global, output),
        Command::Import(args) => import::run(args, global, output).await,
        Command::ApplyEvents(args) => events::run(args, global, output).await,
        Command::Sync(args) => sync::run(args, global, output).await,
        Command::Plan(args) => plan::run(args, global, output).await,
        Command::Preflight(args) => preflight::run(args, global, output).await,
        Command::Adoption(args) => adoption::run(args, global, output).await,
        Command::Runs(args) => runs::run(args, global, output).await,
        Command::Apply(args) => apply::run(args, global, output).await,
        Command::Undo(args) => undo::run(args, global, output).await,
        Command::Approve(args) => approve::approve(args, global, output).await,
        Command::Reject(args) => approve::reject(args, global, output).await,
        Command::Halts => halts::run(global, output).await,
        Command::Resume(args) => resume::run(args, global, output).await,
        Command::Explain(args) => explain::run(args, global, output).await,
        Command::Holds(args) => holds::run(args, global, output).await,
        Command::Park(args) => park::park(args, global, output).await,
        Command::Unpark(args) => park::unpark(args, global, output).await,
        Command::Protect(ProtectCommand::Allow(args)) => protect::allow(args, global, output).await,
        Command::Protect(ProtectCommand::Revoke(args)) => protect::revoke(args, global, output).await,
        Command::Protect(ProtectCommand::List(args)) => protect::list(args, global, output).await,
        Command::Mapping(command) => mapping::run(command, global, output).await,
        Command::Leavers(args) => leavers::run(args, global, output).await,
        Command::Password(command) => password::run(command, global, output).await,
        Command::Alarms(args) => alarms::run(args, global, output).await,
        Command::Audit(args) => audit::run(args, global, output).await,
        Command::Access(command) => access::run(command, global, output).await,
        Command::Sessions(command) => sessions::run(command, global, output).await,
        Command::Hook(command) => hook::run(command, global, output).await,
        Command::Secret(command) => secret::run(command, global, output).await,
        Command::Keys(command) => secret::keys(command, global, output).await,
        Command::Jobs(command) => jobs::run(command, output).await,
        Command::Pause(args) => pause::run(args, global, output).await,
        Command::Target(command) => target::run(command, global, output).await,
        Command::Targets => targets::run(global, output).await,
        Command::Links(args) => links::run(args, global, output).await,
        Command::Completion(args) => completion::run(args),
    }
}

#[cfg(test)]
mod tests;
