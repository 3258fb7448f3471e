//! Arguments about people who come and go.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::{Author, TargetArgs, UnparkArgs, object};

/// Arguments of `leavers`.
#[derive(Args, Debug)]
#[command(args_conflicts_with_subcommands = true)]
pub struct LeaversArgs {
    /// What else than to list.
    #[command(subcommand)]
    pub command: Option<LeaversCommand>,
    /// Of which target.
    #[command(flatten)]
    pub list: TargetArgs,
}

/// What can be done about one who leaves.
#[derive(Debug, Subcommand)]
pub enum LeaversCommand {
    /// Neither delete the record of an object nor take it out of groups when it leaves; its sign-in is blocked all the same
    Hold(super::ParkArgs),
    /// Let the steps go on that were held back
    Release(UnparkArgs),
}

/// What can be done about first passwords.
#[derive(Debug, Subcommand)]
pub enum PasswordCommand {
    /// List the first passwords that reached nobody
    Lost(TargetArgs),
    /// Issue another first password, which the next sync makes and hands over
    Reissue(ReissueArgs),
    /// Open a sealed first password, and print what is in it
    Open(OpenArgs),
}

/// Arguments of `password reissue`.
#[derive(Args, Debug)]
pub struct ReissueArgs {
    /// The user, as in "user u00001"
    #[arg(value_name = "OBJECT", value_parser = object, required_unless_present = "lost", conflicts_with = "lost")]
    pub object: Option<entrain_model::ObjectRef>,
    /// All that reached nobody
    #[arg(long)]
    pub lost: bool,
    /// The target; it may be left out if there is only one
    #[arg(long, value_name = "TARGET")]
    pub target: Option<String>,
    /// Who decides.
    #[command(flatten)]
    pub author: Author,
}

/// Arguments of `password open`.
#[derive(Args, Debug)]
pub struct OpenArgs {
    /// The RSA private key (PKCS #8, PEM) whose public half is in the configuration
    #[arg(long, value_name = "KEY")]
    pub key: PathBuf,
    /// A file with the envelope (`data.sealed` of the message); the standard input without it
    #[arg(value_name = "FILE")]
    pub file: Option<PathBuf>,
}

/// Arguments of `pause`.
#[derive(Args, Debug)]
pub struct PauseArgs {
    /// The target
    #[arg(value_name = "TARGET")]
    pub target: String,
    /// Why, for the record
    #[arg(long, value_name = "TEXT")]
    pub reason: String,
    /// Who pauses.
    #[command(flatten)]
    pub author: Author,
}
