//! Arguments of `entrain audit`.

use clap::{Args, Subcommand};

use super::{Author, object};

/// Arguments of `audit`.
#[derive(Args, Debug)]
#[command(args_conflicts_with_subcommands = true)]
pub struct AuditArgs {
    /// What else than to list.
    #[command(subcommand)]
    pub command: Option<AuditCommand>,
    /// Which rows.
    #[command(flatten)]
    pub list: AuditListArgs,
}

/// Which rows of the audit.
#[derive(Args, Debug)]
pub struct AuditListArgs {
    /// Only those about this object, as in "user u00001"
    #[arg(long, value_name = "OBJECT", value_parser = object)]
    pub object: Option<entrain_model::ObjectRef>,
    /// Only those of this run
    #[arg(long, value_name = "RUN")]
    pub run: Option<String>,
    /// Only those since then: a time, a date, or how long ago, as in 24h or 7d
    #[arg(long, value_name = "WHEN")]
    pub since: Option<String>,
    /// Only those of this target
    #[arg(long, value_name = "TARGET")]
    pub target: Option<String>,
}

/// What can be done with the audit.
#[derive(Debug, Subcommand)]
pub enum AuditCommand {
    /// Walk the chain; exit code 1 and the first row that does not fit if anybody touched it
    Verify {
        /// A head that was kept elsewhere: finds rows that were cut off at the end
        #[arg(long, value_name = "HEAD")]
        head: Option<entrain_store::Head>,
    },
    /// Print the end of the chain, to be kept elsewhere
    Head,
    /// Prune old rows; the rest still verifies
    Prune(PruneArgs),
    /// Take away the values that are kept of an object; the chain still verifies
    Redact(RedactArgs),
}

/// Arguments of `audit prune`.
#[derive(Args, Debug)]
pub struct PruneArgs {
    /// Rows that are older than so many days, 1 or more
    #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(u32).range(1..))]
    pub older_than_days: u32,
    /// Who prunes.
    #[command(flatten)]
    pub author: Author,
}

/// Arguments of `audit redact`.
#[derive(Args, Debug)]
pub struct RedactArgs {
    /// The object, as in "user u00001"
    #[arg(value_name = "OBJECT", value_parser = object)]
    pub object: entrain_model::ObjectRef,
    /// Only this attribute; may be given several times
    #[arg(long, value_name = "NAME")]
    pub attribute: Vec<String>,
    /// Who redacts.
    #[command(flatten)]
    pub author: Author,
}
