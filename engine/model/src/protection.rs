//! Why a target record is protected.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

/// Why a record is linked and written only with an approval in its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Protection {
    /// It may administer everything. The last of these that can sign in is never blocked or deleted.
    Administrator,
    /// It holds privileged roles, directly or through a group.
    Role,
    /// It can take privileged roles whenever it wants.
    Eligible,
    /// It is a group that roles can be given to.
    RoleGroup,
    /// It is in a group that roles can be given to.
    RoleGroupMember,
    /// It decides who is in a group that roles can be given to.
    RoleGroupOwner,
    /// It can put itself into such a group, or decide who is in it, whenever it wants.
    RoleGroupEligible,
    /// Only certain administrators of the target may change it.
    Restricted,
    /// It belongs to somebody of another organisation.
    Guest,
    /// The operator put it on the protected list.
    Listed,
}

impl Protection {
    /// The words after "it".
    fn words(self) -> &'static str {
        match self {
            Protection::Administrator => "administers the whole target",
            Protection::Role => "holds privileged roles, or may",
            Protection::Eligible => "is eligible for privileged roles",
            Protection::RoleGroup => "is a group that roles can be given to",
            Protection::RoleGroupMember => "is a member of a group that roles can be given to",
            Protection::RoleGroupOwner => "owns a group that roles can be given to",
            Protection::RoleGroupEligible => "is eligible for a group that roles can be given to",
            Protection::Restricted => "is kept by certain administrators only",
            Protection::Guest => "is a guest of another organisation",
            Protection::Listed => "is on the protected list of the configuration",
        }
    }

    /// All reasons in one sentence part.
    pub fn sentence(reasons: &BTreeSet<Protection>) -> String {
        reasons.iter().map(|reason| reason.words()).collect::<Vec<_>>().join(", ")
    }
}
