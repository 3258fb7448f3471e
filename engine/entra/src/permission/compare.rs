//! What a token carries beside what the features of a target need.

use std::collections::BTreeSet;

use super::{Feature, NEEDS, Need};

/// A permission that is needed and not held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Missing {
    /// Which, and what for.
    pub need: Need,
}

/// A permission that is held and could be taken away.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Surplus {
    /// Its name.
    pub permission: String,
    /// Why nothing needs it, and what it would allow whoever gets hold of the credential.
    pub why: String,
}

/// Both lists.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Comparison {
    /// What the token carries, in order.
    pub held: Vec<String>,
    /// Needed and not held.
    pub missing: Vec<Missing>,
    /// Needed only under a condition that the configuration does not tell, and not held.
    pub perhaps: Vec<Missing>,
    /// Held and not needed.
    pub surplus: Vec<Surplus>,
}

/// What such a permission allows, where that is worth a word.
const BROAD: [(&str, &str); 8] = [
    ("AppRoleAssignment.ReadWrite.All", "it can grant itself any other permission"),
    ("RoleManagement.ReadWrite.Directory", "it can make anybody an administrator"),
    ("Application.ReadWrite.All", "it can take over any application of the tenant"),
    ("Directory.ReadWrite.All", "it writes almost everything in the tenant"),
    ("UserAuthenticationMethod.ReadWrite.All", "it can take over how anybody signs in"),
    ("User-PasswordProfile.ReadWrite.All", "it sets passwords"),
    ("Application.ReadWrite.OwnedBy", "it makes applications"),
    ("Directory.Read.All", "it reads everything in the tenant"),
];

/// Narrower ones that a table row includes, though none of ours is met by them alone.
const NARROW: [(&str, &str); 6] = [
    ("GroupMember.Read.All", "Group.Read.All"),
    ("GroupMember.ReadWrite.All", "Group.ReadWrite.All"),
    ("User.DeleteRestore.All", "User.ReadWrite.All"),
    ("User.EnableDisableAccount.All", "User.ReadWrite.All"),
    ("User.Invite.All", "User.ReadWrite.All"),
    ("User.RevokeSessions.All", "User.ReadWrite.All"),
];

impl Comparison {
    /// Compares the permissions of a token with what these features need, and what others might.
    pub(crate) fn of(held: BTreeSet<String>, needed: &BTreeSet<Feature>, perhaps: &BTreeSet<Feature>) -> Self {
        let of = |features: &BTreeSet<Feature>| NEEDS.into_iter().filter(|need| features.contains(&need.feature)).collect();
        let (needed, perhaps): (Vec<Need>, Vec<Need>) = (of(needed), of(perhaps));
        let lacks = |needs: &[Need]| {
            needs.iter().filter(|need| !need.is_met(&held)).map(|need| Missing { need: *need }).collect::<Vec<_>>()
        };
        Self {
            missing: lacks(&needed),
            perhaps: lacks(&perhaps),
            surplus: surplus(&held, &[needed, perhaps].concat()),
            held: held.into_iter().collect(),
        }
    }
}

/// Takes away one after the other, the broadest first, as long as every need that is met stays met.
fn surplus(held: &BTreeSet<String>, needs: &[Need]) -> Vec<Surplus> {
    let breadth = |permission: &str| match BROAD.iter().position(|(name, _)| *name == permission) {
        Some(place) => place,
        None if needs.iter().any(|need| need.permission == permission) => usize::MAX,
        None => BROAD.len(),
    };
    let mut order: Vec<&String> = held.iter().collect();
    // Of two that are needed by name, the one that another includes is the one too many.
    let is_included = |permission: &str| {
        needs.iter().any(|need| need.permission == permission && need.included_in.iter().any(|other| held.contains(*other)))
    };
    order.sort_by_key(|permission| (breadth(permission), !is_included(permission), (*permission).clone()));
    let mut kept = held.clone();
    let mut found = Vec::new();
    for permission in order {
        let met: Vec<&Need> = needs.iter().filter(|need| need.is_met(&kept)).collect();
        kept.remove(permission);
        if met.iter().all(|need| need.is_met(&kept)) {
            found.push(Surplus { permission: permission.clone(), why: why(permission, needs, &kept) });
        } else {
            kept.insert(permission.clone());
        }
    }
    found.sort_by(|a, b| a.permission.cmp(&b.permission));
    found
}

fn why(permission: &str, needs: &[Need], kept: &BTreeSet<String>) -> String {
    let uses = needs.iter().filter(|need| need.permission == permission || need.included_in.contains(&permission));
    let enough: BTreeSet<&str> = uses
        .flat_map(|need| std::iter::once(&need.permission).chain(need.included_in).copied().find(|other| kept.contains(*other)))
        .collect();
    let whole = NARROW.iter().find(|(narrow, whole)| *narrow == permission && kept.contains(*whole));
    let mut words = match (enough.is_empty(), whole) {
        (true, Some((_, whole))) => format!("{whole} includes it"),
        (true, None) => "nothing here uses it".to_owned(),
        (false, _) => format!("{} is enough", enough.into_iter().collect::<Vec<_>>().join(" with ")),
    };
    if let Some((_, allows)) = BROAD.iter().find(|(name, _)| *name == permission) {
        words.push_str("; ");
        words.push_str(allows);
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compare(held: &[&str], needed: &[Feature], perhaps: &[Feature]) -> (Vec<&'static str>, Vec<&'static str>, Vec<String>) {
        let set = |features: &[Feature]| features.iter().copied().collect::<BTreeSet<_>>();
        let held = held.iter().map(|one| (*one).to_owned()).collect();
        let found = Comparison::of(held, &set(needed), &set(perhaps));
        let names = |missing: &[Missing]| missing.iter().map(|one| one.need.permission).collect();
        (names(&found.missing), names(&found.perhaps), found.surplus.into_iter().map(|one| one.permission).collect())
    }

    const LEAST: [&str; 6] = [
        "User.ReadWrite.All",
        "Group.ReadWrite.All",
        "Organization.Read.All",
        "Domain.Read.All",
        "RoleManagement.Read.Directory",
        "Application.Read.All",
    ];
    const WRITES: [Feature; 3] = [Feature::Read, Feature::WriteUsers, Feature::WriteGroups];

    #[test]
    fn the_least_set_has_nothing_missing_and_nothing_to_spare() {
        assert_eq!(compare(&LEAST, &[&WRITES[..], &[Feature::SecretExpiry]].concat(), &[]), (vec![], vec![], vec![]));
    }

    #[test]
    fn what_writes_reads_as_well() {
        let (missing, _, surplus) = compare(&[&LEAST[..], &["User.Read.All"]].concat(), &WRITES, &[Feature::SecretExpiry]);
        assert_eq!((missing, surplus), (vec![], vec!["User.Read.All".to_owned()]));
        let (missing, _, surplus) = compare(&LEAST, &[Feature::Read], &[]);
        assert_eq!((missing, surplus), (vec![], vec!["Application.Read.All".to_owned()]), "it observes, and could do with less");
    }

    #[test]
    fn what_is_needed_under_a_condition_is_neither_missing_nor_to_spare() {
        let (missing, perhaps, surplus) = compare(&LEAST, &WRITES, &[Feature::Eligible, Feature::SecretExpiry]);
        assert_eq!((missing, surplus), (vec![], vec![]));
        assert_eq!(perhaps, ["PrivilegedEligibilitySchedule.Read.AzureADGroup"]);
    }

    #[test]
    fn the_broadest_goes_first() {
        let held = [&LEAST[..], &["Directory.ReadWrite.All", "Directory.Read.All", "Mail.Read"]].concat();
        let (_, _, surplus) = compare(&held, &WRITES, &[Feature::SecretExpiry]);
        assert_eq!(surplus, ["Directory.Read.All", "Directory.ReadWrite.All", "Mail.Read"]);
        let all = Comparison::of(
            ["Directory.Read.All", "RoleManagement.Read.Directory"].iter().map(|one| (*one).to_owned()).collect(),
            &BTreeSet::from([Feature::Read]),
            &BTreeSet::new(),
        );
        assert_eq!((all.missing.len(), all.surplus.len()), (0, 0), "it is the only one that reads users: {all:?}");
    }

    #[test]
    fn a_surplus_says_what_is_enough_and_what_it_would_allow() {
        let held = [&LEAST[..], &["Directory.ReadWrite.All", "Mail.Read", "User.Invite.All"]].concat();
        let held: BTreeSet<String> = held.iter().map(|one| (*one).to_owned()).collect();
        let found = Comparison::of(held, &WRITES.into_iter().collect(), &BTreeSet::from([Feature::SecretExpiry]));
        let why: Vec<&str> = found.surplus.iter().map(|one| one.why.as_str()).collect();
        assert_eq!(
            why,
            [
                "Domain.Read.All with Organization.Read.All with User.ReadWrite.All is enough; it writes almost everything in the tenant",
                "nothing here uses it",
                "User.ReadWrite.All includes it"
            ]
        );
    }

    #[test]
    fn nothing_held_is_everything_missing() {
        let (missing, perhaps, _) = compare(&[], &[Feature::Read], &[Feature::Pass]);
        assert_eq!((missing.len(), perhaps), (5, vec!["UserAuthMethod-TAP.ReadWrite.All"]));
    }
}
