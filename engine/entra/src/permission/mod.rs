//! Which application permission is needed for what: the least of them, and those that include it.
//!
//! Sources: the permissions reference of Graph and the pages of the single methods. The table in `docs/permissions.md` is made
//! of this one.

mod compare;

use std::collections::BTreeSet;

pub use compare::{Comparison, Missing, Surplus};

/// What a target is used for, as far as permissions depend on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Feature {
    /// Whatever is done, this is read first.
    Read,
    /// The tenant has Entra ID P2 or Governance, and groups that roles can be given to.
    Eligible,
    /// Users are made true: the modes `create-only`, `upsert` and `full`.
    WriteUsers,
    /// Groups are made true: the same modes, unless groups are out of scope.
    WriteGroups,
    /// People have a date on which they leave.
    LeaveDate,
    /// New users get a Temporary Access Pass.
    Pass,
    /// A first password that reached nobody is replaced by another.
    Reissue,
    /// The application signs in with a client secret, which ends some day.
    SecretExpiry,
}

impl Feature {
    /// Every feature, in the order of the table.
    pub const ALL: [Feature; 8] = [
        Feature::Read,
        Feature::Eligible,
        Feature::WriteUsers,
        Feature::WriteGroups,
        Feature::LeaveDate,
        Feature::Pass,
        Feature::Reissue,
        Feature::SecretExpiry,
    ];

    /// When a target has it, in words.
    pub fn when(self) -> &'static str {
        match self {
            Feature::Read => "always",
            Feature::Eligible => "the tenant has Entra ID P2 or Governance, and role-assignable groups",
            Feature::WriteUsers => "modes `create-only`, `upsert`, `full`",
            Feature::WriteGroups => "modes `create-only`, `upsert`, `full`, unless groups are out of scope",
            Feature::LeaveDate => "people have a date on which they leave (`endDateTime`)",
            Feature::Pass => "first password `temporary_access_pass`",
            Feature::Reissue => "first password `random`, issued again by `entrain password`",
            Feature::SecretExpiry => "the credential is a client secret",
        }
    }
}

/// A permission, and what it is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Need {
    /// Who needs it.
    pub feature: Feature,
    /// The least that does.
    pub permission: &'static str,
    /// Others that include it.
    pub included_in: &'static [&'static str],
    /// What it is for.
    pub purpose: &'static str,
}

const fn need(feature: Feature, permission: &'static str, included_in: &'static [&'static str], purpose: &'static str) -> Need {
    Need { feature, permission, included_in, purpose }
}

/// All needs of all features.
pub const NEEDS: [Need; 12] = [
    need(
        Feature::Read,
        "User.Read.All",
        &["User.ReadWrite.All", "Directory.Read.All", "Directory.ReadWrite.All"],
        "reads users, and those in the recycle bin",
    ),
    need(
        Feature::Read,
        "Group.Read.All",
        &["Group.ReadWrite.All", "Directory.Read.All"],
        "reads groups with their members and owners, and those in the recycle bin",
    ),
    need(
        Feature::Read,
        "Organization.Read.All",
        &["Organization.ReadWrite.All", "Directory.Read.All", "Directory.ReadWrite.All"],
        "tells whether another directory is synchronised into the tenant",
    ),
    need(
        Feature::Read,
        "Domain.Read.All",
        &["Domain.ReadWrite.All", "Directory.Read.All", "Directory.ReadWrite.All"],
        "tells which domains are verified, and which are federated",
    ),
    need(
        Feature::Read,
        "RoleManagement.Read.Directory",
        &["RoleManagement.Read.All", "RoleManagement.ReadWrite.Directory"],
        "tells who holds a directory role or is eligible for one: nobody privileged is written",
    ),
    need(
        Feature::Eligible,
        "PrivilegedEligibilitySchedule.Read.AzureADGroup",
        &[
            "PrivilegedEligibilitySchedule.ReadWrite.AzureADGroup",
            "PrivilegedAccess.Read.AzureADGroup",
            "PrivilegedAccess.ReadWrite.AzureADGroup",
        ],
        "tells who is eligible for groups that roles can be given to: nobody privileged is written",
    ),
    need(
        Feature::WriteUsers,
        "User.ReadWrite.All",
        &[],
        "makes, changes, blocks, deletes and restores users, and revokes their sessions",
    ),
    need(
        Feature::WriteGroups,
        "Group.ReadWrite.All",
        &[],
        "makes, changes, deletes and restores groups, and their members and owners",
    ),
    need(Feature::LeaveDate, "User-LifeCycleInfo.ReadWrite.All", &[], "writes `employeeLeaveDateTime`"),
    need(
        Feature::Pass,
        "UserAuthMethod-TAP.ReadWrite.All",
        &["UserAuthenticationMethod.ReadWrite.All"],
        "makes Temporary Access Passes",
    ),
    need(Feature::Reissue, "User-PasswordProfile.ReadWrite.All", &[], "sets another first password"),
    need(
        Feature::SecretExpiry,
        "Application.Read.All",
        &["Application.ReadWrite.OwnedBy", "Application.ReadWrite.All", "Directory.Read.All"],
        "tells when the client secret ends, so that somebody is told before",
    ),
];

impl Need {
    /// Whether one of these permissions does.
    pub(crate) fn is_met(&self, held: &BTreeSet<String>) -> bool {
        held.contains(self.permission) || self.included_in.iter().any(|other| held.contains(*other))
    }
}

/// The table of `docs/permissions.md`, as Markdown.
pub fn table() -> String {
    let mut text = "| permission | when | what for | included in |\n|---|---|---|---|\n".to_owned();
    for need in NEEDS {
        let others: Vec<String> = need.included_in.iter().map(|other| format!("`{other}`")).collect();
        text.push_str(&format!(
            "| `{}` | {} | {} | {} |\n",
            need.permission,
            need.feature.when(),
            need.purpose,
            others.join(", ")
        ));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_has_the_table_of_the_code() {
        let page = include_str!("../../../../docs/permissions.md");
        assert!(page.contains(&table()), "put this into docs/permissions.md:\n{}", table());
    }

    #[test]
    fn the_page_names_the_least_of_a_target_that_writes() {
        let features = [Feature::Read, Feature::WriteUsers, Feature::WriteGroups, Feature::SecretExpiry];
        let needs = || NEEDS.into_iter().filter(|need| features.contains(&need.feature));
        let named: BTreeSet<&str> = needs().map(|need| need.permission).collect();
        let is_least = |need: &Need| need.included_in.iter().all(|other| !named.contains(other));
        let least: BTreeSet<&str> = needs().filter(is_least).map(|need| need.permission).collect();
        let page = include_str!("../../../../docs/permissions.md");
        let told = page.lines().filter_map(|line| line.strip_prefix("    ")).collect::<BTreeSet<_>>();
        assert_eq!(told, least);
    }
}
