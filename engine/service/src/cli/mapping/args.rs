//! The arguments of `entrain mapping ..`.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use entrain_model::Kind;

use crate::acts::scripts::Placing;
use crate::cli::args::TargetArgs;

const DIFF_EXIT_CODES: &str = "Exit codes:
  0  compared, whatever differs
  3  an object fails under the new mapping, or it does not compile
  5  the target would not take a value, or two objects would want one that must be unique";

const PUBLISH_EXIT_CODES: &str = "Exit codes:
  0  in force
  2  there is nothing of that kind to publish
  3  refused: an object fails under it, or it does not compile; what was in force stays";

/// What can be done with mapping scripts.
#[derive(Debug, Subcommand)]
pub enum MappingCommand {
    /// Compile the scripts on disk and evaluate them for every object of the source; writes nothing
    Check(TargetArgs),
    /// Show what another mapping would change, by attribute and pattern; calls no target and writes nothing
    #[command(after_help = DIFF_EXIT_CODES)]
    Diff(DiffArgs),
    /// Keep a script as a draft, to be compared and published by its number
    Draft(DraftArgs),
    /// Put a draft, or the scripts on disk, in force, and keep what it was seen to change
    #[command(after_help = PUBLISH_EXIT_CODES)]
    Publish(PublishArgs),
    /// Take the version in force back and put an earlier one in force
    #[command(after_help = PUBLISH_EXIT_CODES)]
    Rollback(RollbackArgs),
    /// List all versions, newest first
    Versions(TargetArgs),
    /// Print the scripts of a version
    Show(ShowArgs),
}

/// Where a script stands among those in force.
#[derive(Args, Debug)]
pub struct PlaceArgs {
    /// Whose records it maps; without it that of the script of the same file name, else users
    #[arg(long, value_name = "user|group")]
    pub kind: Option<Kind>,
    /// Put it after the scripts in force, not in place of that of the same file name or of the last one
    #[arg(long)]
    pub add: bool,
}

impl PlaceArgs {
    /// The same in one word.
    pub(super) fn placing(&self) -> Placing {
        if self.add { Placing::After } else { Placing::Instead }
    }
}

/// Arguments of `mapping diff`.
#[derive(Args, Debug)]
pub struct DiffArgs {
    /// A script, or the number of a version; the scripts on disk without it
    #[arg(value_name = "NEW")]
    pub new: Option<String>,
    /// The target; it may be left out if there is only one
    #[arg(value_name = "TARGET")]
    pub target: Option<String>,
    /// Where the script stands.
    #[command(flatten)]
    pub place: PlaceArgs,
}

/// Arguments of `mapping draft`.
#[derive(Args, Debug)]
pub struct DraftArgs {
    /// The script
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// The target; it may be left out if there is only one
    #[arg(value_name = "TARGET")]
    pub target: Option<String>,
    /// Where the script stands.
    #[command(flatten)]
    pub place: PlaceArgs,
    /// Who drafts, for the record
    #[arg(long, value_name = "NAME", env = "USER", default_value = "operator")]
    pub by: String,
}

/// Arguments of `mapping publish`.
#[derive(Args, Debug)]
pub struct PublishArgs {
    /// The version; without it the newest draft, or the scripts on disk
    #[arg(value_name = "VERSION")]
    pub version: Option<i64>,
    /// The target; it may be left out if there is only one
    #[arg(long, value_name = "TARGET")]
    pub target: Option<String>,
    /// Who publishes, for the record
    #[arg(long, value_name = "NAME", env = "USER", default_value = "operator")]
    pub by: String,
    /// How many per cent more objects than seen now may change in an attribute before the run is held
    #[arg(long, value_name = "PERCENT", default_value_t = 10)]
    pub tolerance: u32,
}

/// Arguments of `mapping rollback`.
#[derive(Args, Debug)]
pub struct RollbackArgs {
    /// The version to go back to; without it the one that was in force before
    #[arg(value_name = "VERSION")]
    pub version: Option<i64>,
    /// The target; it may be left out if there is only one
    #[arg(long, value_name = "TARGET")]
    pub target: Option<String>,
    /// Who takes it back, for the record
    #[arg(long, value_name = "NAME", env = "USER", default_value = "operator")]
    pub by: String,
}

/// Arguments of `mapping show`.
#[derive(Args, Debug)]
pub struct ShowArgs {
    /// The version
    #[arg(value_name = "VERSION")]
    pub version: i64,
    /// The target; it may be left out if there is only one
    #[arg(long, value_name = "TARGET")]
    pub target: Option<String>,
}
