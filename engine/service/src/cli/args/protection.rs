//! Arguments of the commands about protected records.

use clap::{Args, Subcommand};

use super::TargetArgs;

/// What can be done about protected records.
#[derive(Debug, Subcommand)]
pub enum ProtectCommand {
    /// Approve by name that a protected record is linked and written
    Allow(ProtectAllowArgs),
    /// Take an approval back
    Revoke(ProtectRevokeArgs),
    /// List the approvals and the protected records that are known
    List(TargetArgs),
}

/// Arguments of `protect allow`.
#[derive(Args, Debug)]
pub struct ProtectAllowArgs {
    /// The record of the target: its id, or its login
    #[arg(value_name = "RECORD")]
    pub record: String,
    /// Why, for the record
    #[arg(long, value_name = "TEXT")]
    pub reason: String,
    /// Who approves, for the record
    #[arg(long, value_name = "NAME", env = "USER", default_value = "operator")]
    pub by: String,
    /// The target; it may be left out if there is only one
    #[arg(long, value_name = "TARGET")]
    pub target: Option<String>,
}

/// Arguments of `protect revoke`.
#[derive(Args, Debug)]
pub struct ProtectRevokeArgs {
    /// The record of the target: its id, or its login
    #[arg(value_name = "RECORD")]
    pub record: String,
    /// Who takes it back, for the record
    #[arg(long, value_name = "NAME", env = "USER", default_value = "operator")]
    pub by: String,
    /// The target; it may be left out if there is only one
    #[arg(long, value_name = "TARGET")]
    pub target: Option<String>,
}
