//! `entrain config ..`: the targets of a file are taken into the database, and those of the database written as a file.

use std::path::PathBuf;

use anyhow::Context as _;
use clap::{Args, Subcommand};
use entrain_store::{Settings, SettingsChange};
use serde_json::{Value as Json, json};

use super::args::{Author, Global};
use super::session::{Session, Usage};
use super::{Exit, Output};
use crate::acts::settings::{Extra, Step, block, steps};
use crate::config::{Block, Config, Difference, written};

const APPLY_EXIT_CODES: &str = "Exit codes:
  0  the database says what the file does
  2  the file is wrong, and nothing of it was taken
  5  with --check: the file says something else; else: the database has targets that the file has not, and they were left";

/// What can be done with the configuration of targets.
#[derive(Debug, Subcommand)]
pub enum ConfigCommand {
    /// Make the database say of targets what a file does; a running service goes by it within a second or two
    #[command(after_help = APPLY_EXIT_CODES)]
    Apply(ConfigApplyArgs),
    /// Print the targets of the database as a file, secrets by their place alone
    Export(ConfigExportArgs),
}

/// Arguments of `config apply`.
#[derive(Args, Debug)]
pub struct ConfigApplyArgs {
    /// A file with [[target]] blocks, whose paths are relative to the folder of the configuration file; that file itself without it
    #[arg(value_name = "FILE")]
    pub file: Option<PathBuf>,
    /// Show what differs, and change nothing
    #[arg(long)]
    pub check: bool,
    /// Remove targets that the file has not, if they are halted. Their tenants are left as they are
    #[arg(long)]
    pub prune: bool,
    /// Who decides.
    #[command(flatten)]
    pub author: Author,
}

/// Arguments of `config export`.
#[derive(Args, Debug)]
pub struct ConfigExportArgs {
    /// One target; all of them without it
    #[arg(value_name = "TARGET")]
    pub target: Option<String>,
}

pub(super) async fn run(command: &ConfigCommand, global: &Global, output: &mut Output) -> anyhow::Result<Exit> {
    match command {
        ConfigCommand::Apply(args) => apply(args, global, output).await,
        ConfigCommand::Export(args) => export(args, global, output).await,
    }
}

async fn apply(args: &ConfigApplyArgs, global: &Global, output: &mut Output) -> anyhow::Result<Exit> {
    let file = args.file.as_ref().unwrap_or(&global.config);
    let session = Session::open_unsettled(global).await?.acting_as(&args.author.by);
    let blocks = Config::blocks_of(file, &session.config.folder)?;
    if blocks.is_empty() {
        let message = format!("{} has no [[target]] block, so it says nothing about targets", file.display());
        return Err(Usage(message).into());
    }
    let steps = steps(&session.store.settings().await?, &blocks);
    let extra = if args.prune { Extra::Remove } else { Extra::Leave };
    let changes: Vec<SettingsChange> = steps.iter().filter_map(|step| step.change(extra)).collect();
    let applied = !args.check && !changes.is_empty();
    for step in &steps {
        show(step, args, output);
    }
    if applied {
        let revision = session.store.change_settings(&changes).await.context("nothing was changed")?;
        output.line(format_args!("the database says so now, in revision {revision}"));
    }
    let left = steps.iter().any(|step| matches!(step, Step::Extra(..))) && !args.prune;
    let differs = steps.iter().any(|step| !matches!(step, Step::Same(_)));
    output.object(&json!({ "targets": steps.iter().map(as_json).collect::<Vec<_>>(), "differs": differs, "applied": applied }));
    Ok(if if args.check { differs } else { left } { Exit::Partial } else { Exit::Converged })
}

fn show(step: &Step, args: &ConfigApplyArgs, output: &mut Output) {
    let name = step.name();
    match (step, args.check) {
        (Step::Same(_), _) => output.line(format_args!("target {name}: the same")),
        (Step::Add(_), true) => output.line(format_args!("target {name}: the file alone has it")),
        (Step::Add(_), false) => output.line(format_args!("target {name}: added")),
        (Step::Change(_, _, differences), _) => {
            output.line(format_args!("target {name}:"));
            for Difference { key, before, after } in differences {
                output.line(format_args!("  {key}: {} -> {}", value(before.as_ref()), value(after.as_ref())));
            }
        }
        (Step::Extra(..), false) if args.prune => {
            output.line(format_args!("target {name}: removed; its tenant is left as it is"))
        }
        (Step::Extra(..), _) => {
            output.line(format_args!("target {name}: the database alone has it; `--prune` removes it once it is paused"));
        }
    }
}

fn value(value: Option<&Json>) -> String {
    value.map_or_else(|| "(not set)".to_owned(), Json::to_string)
}

fn as_json(step: &Step) -> Json {
    let (state, differences) = match step {
        Step::Add(_) => ("added", &[][..]),
        Step::Change(_, _, differences) => ("changed", &differences[..]),
        Step::Same(_) => ("same", &[][..]),
        Step::Extra(..) => ("extra", &[][..]),
    };
    let one = |difference: &Difference| json!({ "key": difference.key, "before": difference.before, "after": difference.after });
    json!({ "target": step.name(), "state": state, "differences": differences.iter().map(one).collect::<Vec<_>>() })
}

async fn export(args: &ConfigExportArgs, global: &Global, output: &mut Output) -> anyhow::Result<Exit> {
    let session = Session::open(global).await?;
    let settings = session.store.settings().await?;
    let wanted = |block: &Block| args.target.as_deref().is_none_or(|name| block.name.as_str() == name);
    let blocks: Vec<Block> = in_force(&settings, &session.config).into_iter().filter(wanted).collect();
    if let (Some(name), true) = (&args.target, blocks.is_empty()) {
        return Err(Usage(format!("there is no target `{name}`")).into());
    }
    let text = written(&blocks).map_err(anyhow::Error::msg)?;
    output.line(text.trim_end());
    let targets: Vec<Json> = blocks.iter().map(|block| json!({ "name": block.name, "settings": block.body })).collect();
    output.object(&json!({ "revision": settings.revision, "targets": targets }));
    Ok(Exit::Converged)
}

/// What counts: the database, or the file as long as that has no configuration.
fn in_force(settings: &Settings, config: &Config) -> Vec<Block> {
    if settings.revision == 0 { config.blocks.clone() } else { settings.targets.iter().map(block).collect() }
}
