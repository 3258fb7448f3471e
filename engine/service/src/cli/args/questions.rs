//! The arguments of commands that only ask.

use clap::{Args, Subcommand};

/// Arguments of `explain`.
#[derive(Args, Debug)]
pub struct ExplainArgs {
    /// Which object.
    #[command(subcommand)]
    pub object: ExplainObject,
}

/// One object of the source.
#[derive(Debug, Subcommand)]
pub enum ExplainObject {
    /// One user
    User(ExplainOneArgs),
    /// One group
    Group(ExplainOneArgs),
}

/// Arguments of `explain user` and `explain group`.
#[derive(Args, Debug)]
pub struct ExplainOneArgs {
    /// Its stable id in the source
    pub id: String,
    /// The target; all of them without it
    #[arg(long, value_name = "TARGET")]
    pub target: Option<String>,
    /// Read the object's record in the target first
    #[arg(long)]
    pub fresh: bool,
}

/// Arguments of `adoption`.
#[derive(Args, Debug)]
pub struct AdoptionArgs {
    /// The target; it may be left out if there is only one
    #[arg(value_name = "TARGET")]
    pub target: Option<String>,
    /// Name the objects of this class, such as ambiguous, instead of counting all
    #[arg(long, value_name = "CLASS")]
    pub list: Option<entrain_sync::Class>,
}
