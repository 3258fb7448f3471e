//! The arguments, as clap reads them and `--help` shows them.

mod lifecycle;
mod protection;
mod questions;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use clap_complete::Shell;

pub(super) use lifecycle::{LeaversArgs, LeaversCommand, OpenArgs, PasswordCommand, PauseArgs, ReissueArgs};
pub(super) use protection::{ProtectAllowArgs, ProtectCommand, ProtectRevokeArgs};
pub(super) use questions::{AdoptionArgs, ExplainArgs, ExplainObject};

use super::access::AccessCommand;
use super::hook::HookCommand;
use super::jobs::JobsCommand;
use super::mapping::MappingCommand;
use super::secret::{KeysCommand, SecretCommand};
use crate::import::Format;

const EXIT_CODES: &str = "Exit codes:
  0  converged, or what was asked for was done
  1  another failure, such as no connection
  2  wrong arguments or configuration
  3  a target is halted: `entrain halts`, mend, `entrain resume`
  4  a plan needs approval: `entrain runs RUN --guarded`, then `entrain approve RUN` or `entrain reject RUN`
  5  converged apart from what is held: `entrain holds`";

const IMPORT_FORMATS: &str = "A row makes the user or group exactly so: what it does not name is unset. Nothing is removed. A second import of the
same file changes nothing. Passwords are never stored.

JSON lines  One object a line, \"type\" is user, group or membership.
            user        id, userName, login, givenName, surname, displayName, mail, employeeId, country, jobTitle, hireDate, manager
                        (an id), active, serviceAccount, entraObjectId, and any attribute of SCIM
            group       id, displayName, description, entraObjectId, and any other
            membership  group, user, role (member or owner); or group, memberGroup
CSV         The template for bulk creation of users, or a header row with the names above or those of Microsoft Graph.
            Separated by commas, semicolons or tabs. Without a column id, a user's id is its login.
LDIF        inetOrgPerson, groupOfNames and groupOfUniqueNames. The id is entryUUID, else uid of a person or cn of a group.";

/// Makes a local directory true in Microsoft Entra ID.
#[derive(Debug, Parser)]
#[command(name = "entrain", version, after_help = EXIT_CODES, max_term_width = 120)]
pub struct Cli {
    /// What every command understands.
    #[command(flatten)]
    pub global: Global,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What every command understands.
#[derive(Args, Debug)]
pub struct Global {
    /// The configuration file
    #[arg(long, global = true, value_name = "FILE", default_value = "entrain.toml", env = "ENTRAIN_CONFIG")]
    pub config: PathBuf,
    /// Answer with one JSON object
    #[arg(long, global = true)]
    pub json: bool,
    /// Let time pass so many times faster: for rehearsals against an emulator that runs at the same rate
    #[arg(long, global = true, value_name = "N", default_value_t = 1, env = "ENTRAIN_CLOCK_RATE", hide_env = true,
          value_parser = clap::value_parser!(u32).range(1..=200))]
    pub clock_rate: u32,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Show the whole of it on this machine: a generated organisation, an emulated tenant, a full sync, a few changes
    #[cfg(feature = "demo")]
    Demo(DemoArgs),
    /// Keep every target of the configuration in step until stopped
    Serve,
    /// Write a commented configuration
    Init(InitArgs),
    /// Fill the source from files: JSON lines, CSV or LDIF
    #[command(after_long_help = IMPORT_FORMATS)]
    Import(ImportArgs),
    /// Replay change events on the source, each change in one transaction
    ApplyEvents(EventsArgs),
    /// Make targets true: all of the source, or one object
    Sync(SyncArgs),
    /// Plan a full sync and show it, without writing to the target
    Plan(PlanArgs),
    /// Carry out a plan from a file, each object only if it is still as it was when the plan was made
    Apply(ApplyArgs),
    /// Take back what a run did, as far as nobody has changed it since
    Undo(UndoArgs),
    /// Check source and tenant for all that would go wrong, without writing to the target; exit code 5 with findings
    Preflight(TargetArgs),
    /// Report what a first run would take over, make and leave alone, without writing to the target
    Adoption(AdoptionArgs),
    /// List the latest runs, or show one with its plan
    Runs(RunsArgs),
    /// Approve the plan of a held run, all of it or some, and carry it out
    Approve(ApproveArgs),
    /// Refuse the plan of a held run; the next run plans anew
    Reject(RejectArgs),
    /// Show which targets are halted and why; exit code 3 if any is
    Halts,
    /// Stop a target until it is resumed
    Pause(PauseArgs),
    /// Try again what halted a target, and let it go on if that passes
    Resume(ResumeArgs),
    /// List objects that nothing is done about, and why
    Holds(TargetArgs),
    /// Tell everything about one object: scope, mapping, matching, link, plan, holds; from the database, writing nothing
    Explain(ExplainArgs),
    /// Leave an object alone until it is unparked
    Park(ParkArgs),
    /// Let a parked object go on
    Unpark(UnparkArgs),
    /// List who left and has a record still, with the date of each deletion, or hold one back
    Leavers(LeaversArgs),
    /// See which first passwords reached nobody, issue others, open a sealed one
    #[command(subcommand)]
    Password(PasswordCommand),
    /// List the open alarms
    Alarms(AlarmsArgs),
    /// List what was changed and decided, or prove that nobody touched the record of it
    Audit(AuditArgs),
    /// See which records of a target are protected, and approve some by name
    #[command(subcommand)]
    Protect(ProtectCommand),
    /// Say who may enter: API keys and SCIM clients
    #[command(subcommand)]
    Access(AccessCommand),
    /// Say which programs tell us of changes, and which are told
    #[command(subcommand)]
    Hook(HookCommand),
    /// Keep secrets sealed in the database, for `{ secret = "NAME" }` in the configuration
    #[command(subcommand)]
    Secret(SecretCommand),
    /// Change the keys that seal them
    #[command(subcommand)]
    Keys(KeysCommand),
    /// Work on mapping scripts: check, compare, publish, roll back
    #[command(subcommand)]
    Mapping(MappingCommand),
    /// Run a job of a running service from an external scheduler
    #[command(subcommand)]
    Jobs(JobsCommand),
    /// List the targets and how they stand
    Targets,
    /// List which source object is which target record
    Links(TargetArgs),
    /// Print the completion script of a shell
    Completion(CompletionArgs),
}

/// Arguments of `demo`.
#[cfg(feature = "demo")]
#[derive(Args, Clone, Copy, Debug)]
pub struct DemoArgs {
    /// End with a summary instead of staying up
    #[arg(long)]
    pub once: bool,
    /// How many people the organisation has
    #[arg(long, value_name = "N", default_value_t = 250, value_parser = clap::value_parser!(u32).range(10..=200_000))]
    pub users: u32,
    /// Another seed makes another organisation
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
}

/// Arguments of `init`.
#[derive(Args, Debug)]
pub struct InitArgs {
    /// Replace a file that is there already
    #[arg(long)]
    pub force: bool,
}

/// Arguments of `import`.
#[derive(Args, Debug)]
pub struct ImportArgs {
    /// The files; each is imported whole or not at all
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// The format, where name and first line do not tell
    #[arg(long, value_enum)]
    pub format: Option<Format>,
    /// Leave out rows that cannot be taken, and import the others
    #[arg(long)]
    pub skip_bad: bool,
}

/// Arguments of `apply-events`.
#[derive(Args, Debug)]
pub struct EventsArgs {
    /// A file of JSON lines
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
}

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

/// Arguments of `resume`.
#[derive(Args, Debug)]
pub struct ResumeArgs {
    /// The target; all that are halted without it
    #[arg(value_name = "TARGET")]
    pub target: Option<String>,
    /// Park this object first, as in "user u00001"
    #[arg(long, value_name = "OBJECT", value_parser = object)]
    pub hold: Option<entrain_model::ObjectRef>,
    /// Who resumes.
    #[command(flatten)]
    pub author: Author,
}

/// A target, or all of them.
#[derive(Args, Debug)]
pub struct TargetArgs {
    /// The target; all of them without it
    #[arg(value_name = "TARGET")]
    pub target: Option<String>,
}

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

/// Arguments of `unpark`.
#[derive(Args, Debug)]
pub struct UnparkArgs {
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

/// Arguments of `alarms`.
#[derive(Args, Debug)]
pub struct AlarmsArgs {
    /// Show the latest that are over as well
    #[arg(long)]
    pub past: bool,
    /// The target; all of them without it
    #[arg(value_name = "TARGET")]
    pub target: Option<String>,
}

/// Who does something, for the record.
#[derive(Args, Debug)]
pub struct Author {
    /// Who, for the record
    #[arg(long, value_name = "NAME", env = "USER", default_value = "operator")]
    pub by: String,
}

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
    /// Rows that are older than so many days
    #[arg(long, value_name = "DAYS")]
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

/// Arguments of `completion`.
#[derive(Args, Debug)]
pub struct CompletionArgs {
    /// The shell
    pub shell: Shell,
}

/// `user u1`, `user:u1` or `user/u1`.
fn object(text: &str) -> Result<entrain_model::ObjectRef, String> {
    let wrong = || format!("`{text}` names no object: write \"user ID\" or \"group ID\"");
    let (kind, id) = text.split_once([' ', ':', '/']).ok_or_else(wrong)?;
    let kind = kind.parse().map_err(|_| wrong())?;
    if id.is_empty() { Err(wrong()) } else { Ok(entrain_model::ObjectRef { kind, id: id.into() }) }
}
