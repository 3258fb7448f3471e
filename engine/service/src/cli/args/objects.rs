//! Arguments of the commands about one object: parked, retained, given another first credential.

use clap::{Args, Subcommand};

use super::{Author, TargetArgs, object};

/// Arguments of `park`.
#[derive(Args, Debug)]
pub struct ParkArgs {
    /// The object, as in "user u00001"
    #[arg(value_name = "OBJECT", value_parser = object)]
    pub object: entrain_model::ObjectRef,
    /// Why, for the record
    #[arg(long, value_name = "TEXT", default_value = "parked by an operator")]
    pub reason: String,
    /// The target; all of them without it
    #[arg(long, value_name = "TARGET")]
    pub target: Option<String>,
    /// Who decides.
    #[command(flatten)]
    pub author: Author,
}

/// Arguments of `retain`.
#[derive(Args, Debug)]
pub struct RetainArgs {
    /// The object, as in "user u00001"
    #[arg(value_name = "OBJECT", value_parser = object)]
    pub object: entrain_model::ObjectRef,
    /// Why, for the record
    #[arg(long, value_name = "TEXT")]
    pub reason: String,
    /// The target; all of them without it
    #[arg(long, value_name = "TARGET")]
    pub target: Option<String>,
    /// Who decides.
    #[command(flatten)]
    pub author: Author,
}

/// Arguments of `unpark`, `release` and `password reissue`.
#[derive(Args, Debug)]
pub struct ObjectArgs {
    /// The object, as in "user u00001"
    #[arg(value_name = "OBJECT", value_parser = object)]
    pub object: entrain_model::ObjectRef,
    /// The target; all of them without it
    #[arg(long, value_name = "TARGET")]
    pub target: Option<String>,
    /// Who decides.
    #[command(flatten)]
    pub author: Author,
}

/// What can be done about first credentials.
#[derive(Debug, Subcommand)]
pub enum PasswordCommand {
    /// List the users whose first credential has reached nobody; exit code 5 if there are any
    List(TargetArgs),
    /// Have the next sync make another first credential and tell it
    Reissue(ObjectArgs),
}
