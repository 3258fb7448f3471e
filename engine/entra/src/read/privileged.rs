//! Who holds directory roles, directly or through a group.

use std::collections::BTreeSet;

use entrain_model::{Attributes, Condition, DirectoryError, Fault, Kind, Observed, Pages, Read, Subset, TargetId};
use serde_json::Value as Json;

use super::observe::kind_of;
use super::{complete, hand};
use crate::Entra;
use crate::call::Call;
use crate::odata;

const ASSIGNMENTS: &str = "/roleManagement/directory/roleAssignments";
const NOT_READ: &str = "holders of directory roles cannot be read: grant the application `RoleManagement.Read.Directory` and \
                        consent to it. Without it privileged accounts cannot be told from others";

/// The principals of role assignments, by what they are.
#[derive(Default)]
struct Holders {
    users: BTreeSet<TargetId>,
    groups: BTreeSet<TargetId>,
    /// Graph did not say what they are.
    unclear: BTreeSet<TargetId>,
}

impl Entra {
    pub(super) async fn privileged(&self, into: &mut dyn Pages) -> Result<Read, DirectoryError> {
        let mut read = self.holders(format!("{ASSIGNMENTS}?$expand=principal")).await;
        if matches!(&read, Err(error) if matches!(error.fault, Fault::Unsupported | Fault::Rejected { .. })) {
            read = self.holders(ASSIGNMENTS.to_owned()).await;
        }
        let mut holders = match read {
            Ok(holders) => holders,
            Err(error) if matches!(error.fault, Fault::Forbidden | Fault::NotFound { .. } | Fault::Unsupported) => {
                return Ok(Read::Partial(Subset::NotOffered(format!("{NOT_READ}. {error}"))));
            }
            Err(error) => return Err(error),
        };
        for group in &holders.groups {
            holders.users.append(&mut self.members_in_depth(group).await?);
        }
        for id in std::mem::take(&mut holders.unclear) {
            match self.members_in_depth(&id).await {
                Ok(mut members) => holders.users.append(&mut members),
                Err(error) if matches!(error.fault, Fault::NotFound { .. }) => {}
                Err(error) => return Err(error),
            }
            // The id of a user, or of an application, where it does no harm.
            holders.users.insert(id);
        }
        hand(into, holders.observed()).await?;
        Ok(complete(1))
    }

    async fn holders(&self, path: String) -> Result<Holders, DirectoryError> {
        let mut holders = Holders::default();
        let mut list = self.list(Call::get(path));
        while let Some(items) = list.page().await? {
            items.iter().for_each(|item| holders.add(item));
        }
        Ok(holders)
    }

    /// The users in a group, directly or through groups.
    async fn members_in_depth(&self, group: &TargetId) -> Result<BTreeSet<TargetId>, DirectoryError> {
        let options = odata::query(&[("select", "id"), ("top", "999")]);
        let mut list = self.list(Call::get(format!("/groups/{}/transitiveMembers?{options}", odata::escape(group.as_str()))));
        let mut users = BTreeSet::new();
        while let Some(items) = list.page().await? {
            let found = items.iter().filter(|item| kind_of(item) == Some(Kind::User));
            users.extend(found.filter_map(|item| item["id"].as_str().map(TargetId::from)));
        }
        Ok(users)
    }
}

impl Holders {
    fn add(&mut self, assignment: &Json) {
        let Some(id) = assignment["principalId"].as_str().map(TargetId::from) else { return };
        let principal = &assignment["principal"];
        match kind_of(principal) {
            Some(Kind::User) => _ = self.users.insert(id),
            Some(Kind::Group) => _ = self.groups.insert(id),
            None if principal.get("@odata.type").is_none() => _ = self.unclear.insert(id),
            // An application.
            None => {}
        }
    }

    fn observed(self) -> Vec<Observed> {
        let users = self.users.into_iter().map(|id| (Kind::User, id));
        let groups = self.groups.into_iter().map(|id| (Kind::Group, id));
        users.chain(groups).map(|(kind, id)| bare(kind, id)).collect()
    }
}

fn bare(kind: Kind, id: TargetId) -> Observed {
    Observed {
        kind,
        id,
        condition: Condition::Live,
        attributes: Attributes::new(),
        references: Vec::new(),
        mastered_elsewhere: false,
        unwritable: None,
        privileged: true,
    }
}
