//! One target as configured, and what the other crates need of it.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use entrain_mapping::{ScopeRules, Script, default_scripts};
use entrain_model::{Authorities, Kind, Limits, MatchKey, Mode, Policy, Removal, Schema, TargetName};
use serde_json::Value as Json;

use super::{CloudConfig, CredentialConfig, FirstPasswordConfig, Schedule, UserAnchor};

/// One target.
#[derive(Clone, Debug)]
pub struct TargetConfig {
    /// The name under which the operator knows it.
    pub name: TargetName,
    /// The revision in the database that this is; `None` if it comes from a file.
    pub revision: Option<i64>,
    /// The tenant: its id, or one of its domains.
    pub tenant: String,
    /// The cloud that it is in.
    pub cloud: CloudConfig,
    /// How the service proves who it is.
    pub credential: CredentialConfig,
    /// Whether it is written at all.
    pub mode: Mode,
    /// Where users carry their anchor.
    pub anchor: UserAnchor,
    /// The scripts.
    pub mapping: MappingFiles,
    /// What scripts see as `target`; always an object.
    pub settings: Json,
    /// Which source objects are meant.
    pub scope: ScopeConfig,
    /// Whose word counts for which attribute.
    pub authority: Authorities,
    /// Records that are protected because the operator says so: ids and logins, folded.
    pub protected: BTreeSet<String>,
    /// What becomes of users that leave.
    pub user_removal: Removal,
    /// What becomes of groups that leave.
    pub group_removal: Removal,
    /// What new users sign in with the first time, and who is told.
    pub first_password: FirstPasswordConfig,
    /// Whose signature a plan file needs.
    pub plan_public_key: Option<PathBuf>,
    /// What a run may do without approval.
    pub limits: Limits,
    /// Keys by which users are matched, strongest first; `None` for those of the directory.
    pub user_keys: Option<Vec<MatchKey>>,
    /// Keys by which groups are matched, strongest first; `None` for those of the directory.
    pub group_keys: Option<Vec<MatchKey>>,
    /// When the full sync runs.
    pub schedule: Schedule,
    /// How long the target may take to show what was written to it.
    pub settling: Duration,
    /// How the target is called.
    pub graph: GraphOptions,
}

/// The scripts of a target, in the order in which they merge; an empty list stands for the built-in one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MappingFiles {
    /// For users.
    pub users: Vec<PathBuf>,
    /// For groups.
    pub groups: Vec<PathBuf>,
    /// What puts a change of them in force.
    pub publish: Publish,
}

/// What puts changed scripts in force.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Publish {
    /// That a file was changed.
    #[default]
    OnChange,
    /// `entrain mapping publish` alone.
    Explicit,
}

/// Which source objects a target is about.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ScopeConfig {
    /// Only members of this source group, nested ones included.
    pub group: Option<String>,
    /// Only users for which this predicate is true.
    pub users_where: Option<String>,
    /// Only groups for which this predicate is true.
    pub groups_where: Option<String>,
    /// Service accounts; excluded unless the operator says otherwise.
    pub service_accounts: Choice,
    /// Groups; included unless the operator says otherwise.
    pub groups: Choice,
}

/// In or out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Choice {
    /// In.
    Include,
    /// Out.
    #[default]
    Exclude,
}

/// How the target is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GraphOptions {
    /// Requests on the wire at one time.
    pub concurrency: usize,
    /// Requests that add members within one batch, 1 to 20.
    pub binds_per_batch: usize,
    /// Writes that the tenant grants in 150 seconds.
    pub writes_per_150_seconds: usize,
    /// Resource units that the tenant grants in 10 seconds.
    pub units_per_10_seconds: usize,
}

impl Default for GraphOptions {
    fn default() -> Self {
        Self { concurrency: 8, binds_per_batch: 5, writes_per_150_seconds: 3000, units_per_10_seconds: 3500 }
    }
}

/// A mapping script that cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("{file}: the mapping script of target `{target}` cannot be read: {cause}")]
pub struct ScriptUnreadable {
    file: String,
    target: TargetName,
    cause: std::io::Error,
}

impl TargetConfig {
    /// The planner's part of it; `verified_domains` are what the tenant says, folded.
    pub fn policy(&self, verified_domains: Vec<String>) -> Policy {
        Policy {
            user_removal: self.user_removal,
            group_removal: self.group_removal,
            authority: self.authority.clone(),
            protected: self.protected.clone(),
            verified_domains,
            ..Policy::default()
        }
    }

    /// The keys by which objects of a kind are matched: the operator's, else the directory's.
    pub fn match_keys<'a>(&'a self, kind: Kind, schema: &'a Schema) -> &'a [MatchKey] {
        let own = match kind {
            Kind::User => &self.user_keys,
            Kind::Group => &self.group_keys,
        };
        own.as_deref().unwrap_or(&schema.of(kind).match_keys)
    }

    /// The scope's predicates.
    pub fn scope_rules(&self) -> ScopeRules {
        ScopeRules { users: self.scope.users_where.clone(), groups: self.scope.groups_where.clone() }
    }

    /// The mapping scripts, read from their files; the built-in ones where none is named.
    ///
    /// # Errors
    /// A file cannot be read.
    pub fn scripts(&self) -> Result<Vec<Script>, ScriptUnreadable> {
        let mut scripts = Vec::new();
        for (kind, files) in [(Kind::User, &self.mapping.users), (Kind::Group, &self.mapping.groups)] {
            if files.is_empty() {
                scripts.extend(default_scripts().into_iter().filter(|script| script.kind == kind));
            }
            for file in files {
                scripts.push(self.script(kind, file)?);
            }
        }
        Ok(scripts)
    }

    fn script(&self, kind: Kind, file: &Path) -> Result<Script, ScriptUnreadable> {
        let name = file.display().to_string();
        let text = std::fs::read_to_string(file).map_err(|cause| ScriptUnreadable {
            file: name.clone(),
            target: self.name.clone(),
            cause,
        })?;
        Ok(Script { name, kind, text })
    }
}
