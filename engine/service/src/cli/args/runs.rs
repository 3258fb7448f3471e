//! Arguments of what makes, shows and lets go a run.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::object;

/// Arguments of `sync`.
#[derive(Args, Debug)]
#[command(args_conflicts_with_subcommands = true)]
pub struct SyncArgs {
    /// Plan and show what would be done, without writing
    #[arg(long)]
    pub dry_run: bool,
    /// The target; all of them without it
    #[arg(value_name = "TARGET")]
    pub target: Option<String>,
    /// One object instead of all.
    #[command(subcommand)]
    pub object: Option<SyncObject>,
}

/// One object of the source.
#[derive(Debug, Subcommand)]
pub enum SyncObject {
    /// One user
    User(SyncOneArgs),
    /// One group
    Group(SyncOneArgs),
}

/// Arguments of `sync user` and `sync group`.
#[derive(Args, Debug)]
pub struct SyncOneArgs {
    /// Its stable id in the source
    pub id: String,
    /// Plan and show what would be done, without writing
    #[arg(long)]
    pub dry_run: bool,
    /// The target; all of them without it
    #[arg(long, value_name = "TARGET")]
    pub target: Option<String>,
}

/// Arguments of `plan`.
#[derive(Args, Debug)]
pub struct PlanArgs {
    /// The target; it may be left out if there is only one
    #[arg(value_name = "TARGET")]
    pub target: Option<String>,
    /// Write the plan to this file: as JSON, which `entrain apply` takes, or as its ending .md or .txt says
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// The form of the plan
    #[arg(long, value_enum)]
    pub format: Option<PlanForm>,
    /// Sign the file with this Ed25519 private key (PEM); the signature stands beside it in FILE.sig
    #[arg(long, value_name = "KEY", requires = "out")]
    pub sign: Option<PathBuf>,
}

/// How a plan is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum PlanForm {
    /// Lines for people.
    Text,
    /// One JSON object, which can be applied.
    Json,
    /// For a review.
    Markdown,
}

/// Arguments of `apply`.
#[derive(Args, Debug)]
pub struct ApplyArgs {
    /// The plan, as `entrain plan --out` or `entrain undo --out` wrote it
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Refuse it unless FILE.sig is a signature by this Ed25519 public key (PEM)
    #[arg(long, value_name = "KEY")]
    pub verify: Option<PathBuf>,
    /// Show what would be done, without writing
    #[arg(long)]
    pub dry_run: bool,
    /// Who carries it out, for the record
    #[arg(long, value_name = "NAME", env = "USER", default_value = "operator")]
    pub by: String,
}

/// Arguments of `undo`.
#[derive(Args, Debug)]
pub struct UndoArgs {
    /// The run that is taken back
    #[arg(value_name = "RUN")]
    pub run: String,
    /// Carry it out; without this it is only planned and shown
    #[arg(long, conflicts_with = "out")]
    pub apply: bool,
    /// Write what would be done to this file: as JSON, which `entrain apply` takes, or as its ending .md or .txt says
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Sign the file with this Ed25519 private key (PEM); the signature stands beside it in FILE.sig
    #[arg(long, value_name = "KEY", requires = "out")]
    pub sign: Option<PathBuf>,
    /// Who takes it back, for the record
    #[arg(long, value_name = "NAME", env = "USER", default_value = "operator")]
    pub by: String,
}

/// Arguments of `runs`.
#[derive(Args, Debug)]
pub struct RunsArgs {
    /// The run to show; the latest runs without it
    #[arg(value_name = "RUN")]
    pub run: Option<String>,
    /// Show only what needs approval of its plan
    #[arg(long, requires = "run")]
    pub guarded: bool,
    /// Only runs of this target
    #[arg(long, value_name = "TARGET")]
    pub target: Option<String>,
    /// How many runs to list
    #[arg(long, value_name = "N", default_value_t = 20)]
    pub limit: usize,
}

/// Arguments of `approve`.
#[derive(Args, Debug)]
pub struct ApproveArgs {
    /// The run that is held
    #[arg(value_name = "RUN")]
    pub run: String,
    /// Approve only what concerns these objects, as in "user u1"; the objects of the rest are parked
    #[arg(long, value_name = "OBJECT", value_parser = object, conflicts_with = "except")]
    pub only: Vec<entrain_model::ObjectRef>,
    /// Approve all but what concerns these objects, which are parked
    #[arg(long, value_name = "OBJECT", value_parser = object)]
    pub except: Vec<entrain_model::ObjectRef>,
    /// Who approves, for the record
    #[arg(long, value_name = "NAME", env = "USER", default_value = "operator")]
    pub by: String,
}

/// Arguments of `reject`.
#[derive(Args, Debug)]
pub struct RejectArgs {
    /// The run that is held
    #[arg(value_name = "RUN")]
    pub run: String,
    /// Who refuses, for the record
    #[arg(long, value_name = "NAME", env = "USER", default_value = "operator")]
    pub by: String,
}
