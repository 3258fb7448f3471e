//! A target as a run needs it: everything the operator decided, compiled.

use std::sync::Arc;
use std::time::Duration;

use entrain_mapping::Mapping;
use entrain_model::{Kind, Limits, MatchKey, Mode, Policy, Relation, Schema, SourceId, TargetName, WritableDirectory};
use serde_json::Value as Json;
use sha2::{Digest as _, Sha256};

use crate::Hands;

/// Whether something belongs to a target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TargetChoice {
    /// It does.
    Include,
    /// It does not.
    Exclude,
}

/// Which source objects belong to a target. The predicates are part of the mapping.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScopeRules {
    /// Only members of this group, directly or through groups. It bounds users, not groups.
    pub group: Option<SourceId>,
    /// Users that are marked as service accounts.
    pub service_accounts: TargetChoice,
    /// Groups altogether.
    pub groups: TargetChoice,
}

impl Default for ScopeRules {
    fn default() -> Self {
        Self { group: None, service_accounts: TargetChoice::Exclude, groups: TargetChoice::Include }
    }
}

/// How long things take or may take.
#[derive(Clone, Copy, Debug)]
pub struct Timing {
    /// A worker waits for this long without a further change of an object ...
    pub quiet: Duration,
    /// ... but no longer than this.
    pub at_most: Duration,
    /// How long a lease lives when nobody renews it.
    pub lease: Duration,
    /// How long the target may need to show what was written.
    pub settling: Duration,
    /// How long a full run waits at its end for records to show whose creation was not answered; one that wrote for long waits a
    /// little longer for those that may be sent again. Those that do not show by then
    /// are looked for again when they may be sent again.
    pub linger: Duration,
    /// How old may be what is known of who is protected when a record is changed that neither loses nor changes hands.
    pub protection: Duration,
    /// How often everything is enumerated anew although the increments would do.
    pub enumeration: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            quiet: Duration::from_millis(10),
            at_most: Duration::from_millis(100),
            lease: Duration::from_secs(30),
            settling: Duration::from_secs(15 * 60),
            linger: Duration::from_secs(30),
            // A full sync reads it anew; until then the target itself refuses what matters.
            protection: Duration::from_secs(5 * 3600),
            enumeration: Duration::from_secs(7 * 24 * 3600),
        }
    }
}

/// One target, ready to run.
#[derive(Clone)]
pub struct Target {
    /// Its name.
    pub name: TargetName,
    /// How far it may be changed.
    pub mode: Mode,
    /// What becomes of records whose objects left.
    pub policy: Policy,
    /// What a run may do without approval.
    pub limits: Limits,
    /// Which objects belong to it.
    pub scope: ScopeRules,
    /// The matching keys of users, strongest first.
    pub user_keys: Vec<MatchKey>,
    /// The matching keys of groups, strongest first.
    pub group_keys: Vec<MatchKey>,
    /// The compiled scripts.
    pub mapping: Arc<Mapping>,
    /// What scripts see as `target`.
    pub settings: Arc<Json>,
    /// The relations that are kept; others are left alone.
    pub relations: Vec<Relation>,
    /// A digest over the configuration: when it moves, everything is synchronised.
    pub config_digest: String,
    /// The revision of the stored configuration that this was made from; `None` if it was made from none.
    pub revision: Option<i64>,
    /// How long things take.
    pub timing: Timing,
    /// The directory itself.
    pub directory: Arc<dyn WritableDirectory>,
}

impl Target {
    /// What a run of this target may do.
    pub(crate) fn hands(&self) -> Hands {
        let free = Hands::Free(Arc::clone(&self.directory));
        match self.mode {
            Mode::CreateOnly | Mode::Upsert | Mode::Full => free,
            Mode::Observe => free.tied(),
        }
    }

    /// A short hash of all that decides, beside the records themselves, what a source object shall be in the target.
    pub(crate) fn ruling(&self) -> String {
        let (mapping, schema, keys) = (self.mapping.version(), self.schema(), (&self.user_keys, &self.group_keys));
        let authority = &self.policy.authority;
        let text = format!(
            "{} {mapping} {} {:?} {keys:?} {authority:?} {schema:?}",
            env!("CARGO_PKG_VERSION"),
            self.settings,
            self.scope
        );
        Sha256::digest(text).iter().take(8).map(|byte| format!("{byte:02x}")).collect()
    }

    pub(crate) fn schema(&self) -> &Schema {
        self.directory.schema()
    }

    pub(crate) fn match_keys(&self, kind: Kind) -> &[MatchKey] {
        match kind {
            Kind::User => &self.user_keys,
            Kind::Group => &self.group_keys,
        }
    }
}
