//! The one who asks, as a router's function takes them.

use std::collections::BTreeSet;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use entrain_model::TargetName;

use super::Role;
use crate::http::problem::Problem;

/// Who asks. A function behind a door takes it as an argument; without a door there is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// Under which name their acts stand in the audit.
    pub name: String,
    /// What they may.
    pub role: Role,
    /// The targets that they may see and act on; `None` for all.
    pub targets: Option<BTreeSet<TargetName>>,
    /// What they showed.
    pub kind: CallerKind,
}

/// What a caller showed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CallerKind {
    /// The API key of this id.
    Key(String),
    /// A person, by the session of this id.
    Person(String),
    /// The token of a SCIM client.
    Scim {
        /// The token's id.
        id: String,
        /// How the client speaks.
        profile: String,
    },
}

impl CallerKind {
    /// The word that is shown.
    pub fn as_str(&self) -> &'static str {
        match self {
            CallerKind::Key(_) => "key",
            CallerKind::Person(_) => "person",
            CallerKind::Scim { .. } => "scim",
        }
    }
}

impl Caller {
    /// Goes on only with this role, or one above it.
    ///
    /// # Errors
    /// The answer that says so.
    pub fn require(&self, role: Role) -> Result<(), Problem> {
        if self.role >= role {
            return Ok(());
        }
        Err(Problem::forbidden(format!("this needs the role {role}; {} has {}", self.name, self.role)))
    }

    /// Goes on only if the credential is for this target too. One that is not does not learn whether there is such a target.
    ///
    /// # Errors
    /// The answer that says so.
    pub fn may_touch(&self, target: &TargetName) -> Result<(), Problem> {
        match &self.targets {
            Some(targets) if !targets.contains(target) => {
                Err(Problem::forbidden(format!("this credential is not for target `{target}`")))
            }
            Some(_) | None => Ok(()),
        }
    }

    /// Goes on only if the credential is for all targets: what belongs to none in particular is theirs alone.
    ///
    /// # Errors
    /// The answer that says so.
    pub fn require_all_targets(&self) -> Result<(), Problem> {
        match self.targets {
            Some(_) => Err(Problem::forbidden("this credential is for some targets only, and this is about all of them")),
            None => Ok(()),
        }
    }
}

impl<S: Sync> FromRequestParts<S> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        parts.extensions.get::<Caller>().cloned().ok_or_else(Problem::unauthorized)
    }
}
