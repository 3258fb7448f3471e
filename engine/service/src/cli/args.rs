//! The arguments, as clap reads them and `--help` shows them.

mod audit;
mod lifecycle;
mod protection;
mod questions;
mod runs;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use clap_complete::Shell;

pub(super) use audit::{AuditArgs, AuditCommand, AuditListArgs, PruneArgs, RedactArgs};
pub(super) use lifecycle::{LeaversArgs, LeaversCommand, OpenArgs, PasswordCommand, PauseArgs, ReissueArgs};
pub(super) use protection::{ProtectAllowArgs, ProtectCommand, ProtectRevokeArgs};
pub(super) use questions::{AdoptionArgs, ExplainArgs, ExplainObject};
pub(super) use runs::{
    ApplyArgs, ApproveArgs, PlanArgs, PlanForm, RejectArgs, RunsArgs, SyncArgs, SyncObject, SyncOneArgs, UndoArgs,
};

use super::access::AccessCommand;
use super::hook::HookCommand;
use super::jobs::JobsCommand;
use super::mapping::MappingCommand;
use super::secret::{KeysCommand, SecretCommand};
use super::sessions::SessionsCommand;
use super::target::TargetCommand;
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
    /// See who is signed in, and end that
    #[command(subcommand)]
    Sessions(SessionsCommand),
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
    /// See whether a target can be worked with
    #[command(subcommand)]
    Target(TargetCommand),
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
