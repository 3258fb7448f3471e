//! Who is protected by what they hold: directory roles, directly or through a group, and a say in who gets them.

use std::collections::{BTreeMap, BTreeSet};

use entrain_model::{Attributes, Condition, DirectoryError, Fault, Kind, Observed, Pages, Protection, Read, Subset, TargetId};
use serde_json::Value as Json;

use super::observe::kind_of;
use super::{complete, hand};
use crate::Entra;
use crate::call::Call;
use crate::odata;

const ASSIGNMENTS: &str = "/roleManagement/directory/roleAssignments";
const ELIGIBILITIES: &str = "/roleManagement/directory/roleEligibilitySchedules";
const GROUP_ELIGIBILITIES: &str = "/identityGovernance/privilegedAccess/group/eligibilitySchedules";
/// The template of the role Global Administrator, which is the id of its definition in every tenant.
const ADMINISTRATOR: &str = "62e90394-69f5-4237-9190-012177145e10";
const NO_ROLES: &str = "holders of directory roles cannot be read: grant the application `RoleManagement.Read.Directory` and \
                        consent to it. Without it privileged accounts cannot be told from others";
const NO_ELIGIBLE: &str = "who is eligible for directory roles cannot be read: grant the application \
                           `RoleManagement.Read.Directory` and consent to it. Without it privileged accounts cannot be told from others";
const NO_GROUP_ELIGIBLE: &str = "who is eligible for role-assignable groups cannot be read: grant the application \
                                 `PrivilegedEligibilitySchedule.Read.AzureADGroup` and consent to it. Without it privileged \
                                 accounts cannot be told from others";
const NO_GROUPS: &str = "members and owners of role-assignable groups cannot be read: grant the application `Group.Read.All` and \
                         consent to it. Without it privileged accounts cannot be told from others";

/// Why whom is protected.
#[derive(Default)]
struct Holders {
    users: BTreeMap<TargetId, BTreeSet<Protection>>,
    groups: BTreeMap<TargetId, BTreeSet<Protection>>,
    /// Graph did not say what they are.
    unclear: BTreeMap<TargetId, BTreeSet<Protection>>,
}

impl Entra {
    pub(super) async fn privileged(&self, into: &mut dyn Pages) -> Result<Read, DirectoryError> {
        let mut holders = Holders::default();
        if let Err(error) = self.assignments(ASSIGNMENTS, Protection::Role, &mut holders).await {
            return not_offered(error, NO_ROLES);
        }
        let eligibility = match self.assignments(ELIGIBILITIES, Protection::Eligible, &mut holders).await {
            Ok(()) => Eligibility::Offered,
            Err(error) if unlicensed(&error) => Eligibility::Unlicensed,
            Err(error) => return not_offered(error, NO_ELIGIBLE),
        };
        match self.role_groups().await {
            Ok(groups) => groups.into_iter().for_each(|group| add(&mut holders.groups, group, [Protection::RoleGroup])),
            Err(error) => return not_offered(error, NO_GROUPS),
        }
        if eligibility == Eligibility::Offered
            && let Err(error) = self.eligible_for_groups(&mut holders).await
        {
            return not_offered(error, NO_GROUP_ELIGIBLE);
        }
        if let Err(error) = self.through_groups(&mut holders).await {
            return not_offered(error, NO_GROUPS);
        }
        hand(into, holders.observed()).await?;
        Ok(complete(1))
    }

    /// The principals of a list of assignments.
    async fn assignments(&self, list: &str, as_what: Protection, holders: &mut Holders) -> Result<(), DirectoryError> {
        let mut read = self.principals(format!("{list}?$expand=principal"), as_what).await;
        if matches!(&read, Err(error) if matches!(error.fault, Fault::Unsupported | Fault::Rejected { .. })) {
            read = self.principals(list.to_owned(), as_what).await;
        }
        holders.merge(read?);
        Ok(())
    }

    async fn principals(&self, path: String, as_what: Protection) -> Result<Holders, DirectoryError> {
        let mut holders = Holders::default();
        let mut list = self.list(Call::get(path));
        while let Some(items) = list.page().await? {
            items.iter().for_each(|item| holders.add(item, as_what));
        }
        Ok(holders)
    }

    /// Whoever is in a group has what the group has. Whoever is in a group that roles can be given to, or owns one, is a step
    /// away from them.
    async fn through_groups(&self, holders: &mut Holders) -> Result<(), DirectoryError> {
        let mut found = BTreeMap::new();
        for (group, reasons) in &holders.groups {
            let mut held = reasons.clone();
            if held.remove(&Protection::RoleGroup) {
                held.insert(Protection::RoleGroupMember);
                for owner in self.users_at(group, "owners").await? {
                    add(&mut found, owner, [Protection::RoleGroupOwner]);
                }
            }
            for member in self.users_at(group, "transitiveMembers").await? {
                add(&mut found, member, held.iter().copied());
            }
        }
        for (id, reasons) in std::mem::take(&mut holders.unclear) {
            for member in self.users_at(&id, "transitiveMembers").await? {
                add(&mut found, member, reasons.iter().copied());
            }
            // The id of a user, or of an application, where it does no harm.
            add(&mut found, id, reasons);
        }
        found.into_iter().for_each(|(id, reasons)| add(&mut holders.users, id, reasons));
        Ok(())
    }

    /// Who can take a place in, or a say over, a group that roles can be given to. What sort of principal it is, is not said.
    async fn eligible_for_groups(&self, holders: &mut Holders) -> Result<(), DirectoryError> {
        let role_groups = holders.groups.iter().filter(|(_, reasons)| reasons.contains(&Protection::RoleGroup));
        let mut eligible = Vec::new();
        for (group, _) in role_groups {
            let filter = format!("groupId eq {}", odata::literal(group.as_str()));
            let mut list = self.list(Call::get(format!("{GROUP_ELIGIBILITIES}?{}", odata::query(&[("filter", &filter)]))));
            loop {
                let items = match list.page().await {
                    Ok(Some(items)) => items,
                    Ok(None) => break,
                    // Such a schedule is refused for a group that is not governed so, or is gone: nobody is eligible for it.
                    Err(error) if unlicensed(&error) => break,
                    Err(error) => return Err(error),
                };
                eligible.extend(items.iter().filter_map(|item| item["principalId"].as_str().map(TargetId::from)));
            }
        }
        eligible.into_iter().for_each(|id| add(&mut holders.unclear, id, [Protection::RoleGroupEligible]));
        Ok(())
    }

    async fn role_groups(&self) -> Result<Vec<TargetId>, DirectoryError> {
        let options = odata::query(&[("filter", "isAssignableToRole eq true"), ("select", "id"), ("top", "999")]);
        let mut list = self.list(Call::get(format!("/groups?{options}")));
        let mut groups = Vec::new();
        while let Some(items) = list.page().await? {
            groups.extend(items.iter().filter_map(|item| item["id"].as_str().map(TargetId::from)));
        }
        Ok(groups)
    }

    /// The users at one end of a group; nobody at one that is gone meanwhile, or that is none.
    async fn users_at(&self, group: &TargetId, end: &str) -> Result<BTreeSet<TargetId>, DirectoryError> {
        let options = odata::query(&[("select", "id"), ("top", "999")]);
        let mut list = self.list(Call::get(format!("/groups/{}/{end}?{options}", odata::escape(group.as_str()))));
        let mut users = BTreeSet::new();
        loop {
            let items = match list.page().await {
                Ok(Some(items)) => items,
                Ok(None) => return Ok(users),
                Err(error) if matches!(error.fault, Fault::NotFound { .. }) => return Ok(BTreeSet::new()),
                Err(error) => return Err(error),
            };
            let found = items.iter().filter(|item| kind_of(item) == Some(Kind::User));
            users.extend(found.filter_map(|item| item["id"].as_str().map(TargetId::from)));
        }
    }
}

/// Whether the tenant knows eligible roles.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Eligibility {
    Offered,
    Unlicensed,
}

/// Whether there can be nobody who is eligible: the tenant has no licence for that, or offers no such list. A refusal for want of
/// a permission says nothing of the kind.
fn unlicensed(error: &DirectoryError) -> bool {
    let licence = ["license", "licence"].iter().any(|word| error.message.to_lowercase().contains(word));
    let absent = matches!(error.fault, Fault::NotFound { .. } | Fault::Unsupported);
    absent || licence && matches!(error.fault, Fault::Forbidden | Fault::Rejected { .. })
}

/// What may not be read is not offered; anything else is a failure of this moment.
fn not_offered(error: DirectoryError, why: &str) -> Result<Read, DirectoryError> {
    let closed = matches!(error.fault, Fault::Forbidden | Fault::NotFound { .. } | Fault::Unsupported | Fault::Rejected { .. });
    if closed { Ok(Read::Partial(Subset::NotOffered(format!("{why}. {error}")))) } else { Err(error) }
}

fn add(to: &mut BTreeMap<TargetId, BTreeSet<Protection>>, id: TargetId, reasons: impl IntoIterator<Item = Protection>) {
    to.entry(id).or_default().extend(reasons);
}

impl Holders {
    fn add(&mut self, assignment: &Json, as_what: Protection) {
        let Some(id) = assignment["principalId"].as_str().map(TargetId::from) else { return };
        let everything = assignment["roleDefinitionId"].as_str() == Some(ADMINISTRATOR);
        let administers = as_what == Protection::Role && everything;
        let reasons = [as_what].into_iter().chain(administers.then_some(Protection::Administrator));
        let principal = &assignment["principal"];
        match kind_of(principal) {
            Some(Kind::User) => add(&mut self.users, id, reasons),
            Some(Kind::Group) => add(&mut self.groups, id, reasons),
            None if principal.get("@odata.type").is_none() => add(&mut self.unclear, id, reasons),
            // An application.
            None => {}
        }
    }

    fn merge(&mut self, other: Holders) {
        let pairs = [(&mut self.users, other.users), (&mut self.groups, other.groups), (&mut self.unclear, other.unclear)];
        for (into, from) in pairs {
            from.into_iter().for_each(|(id, reasons)| add(into, id, reasons));
        }
    }

    fn observed(self) -> Vec<Observed> {
        let users = self.users.into_iter().map(|(id, reasons)| bare(Kind::User, id, reasons));
        let groups = self.groups.into_iter().map(|(id, reasons)| bare(Kind::Group, id, reasons));
        users.chain(groups).collect()
    }
}

fn bare(kind: Kind, id: TargetId, protection: BTreeSet<Protection>) -> Observed {
    Observed {
        kind,
        id,
        condition: Condition::Live,
        attributes: Attributes::new(),
        references: Vec::new(),
        mastered_elsewhere: None,
        unwritable: None,
        protection,
    }
}
