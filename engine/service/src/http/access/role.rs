//! Roles: each may what those before it may.

use std::fmt;
use std::str::FromStr;

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

/// What a caller may. docs/threat-model.md says it exactly.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Look at everything but secrets
    Viewer,
    /// Start runs, resume, park, and change the source
    Operator,
    /// Approve or refuse what the limits hold, and protected records
    Approver,
    /// Change targets, mappings, credentials and who may enter
    Admin,
}

impl Role {
    /// The word that is stored and shown.
    pub fn as_str(self) -> &'static str {
        match self {
            Role::Viewer => "viewer",
            Role::Operator => "operator",
            Role::Approver => "approver",
            Role::Admin => "admin",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Role {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        let mut known = [Role::Viewer, Role::Operator, Role::Approver, Role::Admin].into_iter();
        known.find(|role| role.as_str() == word).ok_or_else(|| format!("`{word}` is no role"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_role_may_what_those_before_it_may() {
        let roles = [Role::Viewer, Role::Operator, Role::Approver, Role::Admin];
        assert!(roles.is_sorted());
        for role in roles {
            assert_eq!(role.as_str().parse(), Ok(role));
        }
        assert!("root".parse::<Role>().is_err());
    }
}
