//! Directory roles and who holds them.

use super::ids::derived;
use super::object::Row;
use std::collections::BTreeSet;
use uuid::Uuid;

/// A built-in role.
#[derive(Debug)]
pub(crate) struct Role {
    /// Its display name.
    pub(crate) name: &'static str,
    /// The template id, which is also the id of its definition.
    pub(crate) template: &'static str,
}

const fn role(name: &'static str, template: &'static str) -> Role {
    Role { name, template }
}

/// The built-in roles that the emulator knows.
pub(crate) const ROLES: &[Role] = &[
    role("Global Administrator", "62e90394-69f5-4237-9190-012177145e10"),
    role("Privileged Role Administrator", "e8611ab8-c189-46e8-94e1-60213ab1f814"),
    role("User Administrator", "fe930be7-5e62-47db-91af-98c3a49a38b1"),
    role("Groups Administrator", "fdd7a751-b60b-444a-984c-02652fe8fa1c"),
    role("Helpdesk Administrator", "729827e3-9c14-49f7-bb1b-9608f156bbb8"),
    role("Security Administrator", "194ae4cb-b126-40b2-bd5b-6091b380977d"),
    role("Exchange Administrator", "29232cdf-9323-42fd-ade2-1d097af3e4de"),
    role("Directory Readers", "88d8e3e3-8f55-4a1e-953a-9b9898b8876b"),
    role("Privileged Authentication Administrator", "7be44c8a-adaf-4e2a-84d6-ab2649e08a13"),
    role("Authentication Administrator", "c4e39bd9-1100-46d3-8c65-fb160da0071f"),
    role("Application Administrator", "9b895d92-2cd3-44c7-9d02-a6ac2d5ea5c3"),
    role("Cloud Application Administrator", "158c047a-c907-4556-b7ef-446551a6b5f7"),
    role("Password Administrator", "966707d0-3269-4727-9be2-8c3a10f19b9d"),
    role("License Administrator", "4d6ac14f-3453-41d0-bef9-a3e0c569773a"),
    role("Global Reader", "f2ef992c-3afb-46b9-b7cf-a126ee74c451"),
    role("Guest Inviter", "95e79109-95c0-4d8e-aee3-d01accf2d47b"),
];

/// Whether a role is held, or can be activated by the one who may hold it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hold {
    /// It is held.
    Active,
    /// It can be activated (Privileged Identity Management).
    Eligible,
}

/// One assignment of a role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Assignment {
    /// Who holds it: a user, a group or a service principal.
    pub(crate) principal: Row,
    /// Which role: a place in [`ROLES`].
    pub(crate) role: usize,
    /// Where: `/` is everywhere.
    pub(crate) scope: String,
    /// Held or only possible.
    pub(crate) hold: Hold,
}

impl Assignment {
    /// The id of the assignment.
    pub(crate) fn id(&self, principal: Uuid) -> String {
        let hold: &[u8] = if self.hold == Hold::Active { b"" } else { b"eligible" };
        derived(&[principal.as_bytes(), &self.role.to_le_bytes(), self.scope.trim_start_matches('/').as_bytes(), hold])
            .simple()
            .to_string()
    }

    /// The role assigned.
    pub(crate) fn role(&self) -> &'static Role {
        &ROLES[self.role]
    }
}

/// What one can make oneself in a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Access {
    /// One of its members.
    Member,
    /// One of its owners.
    Owner,
}

/// Somebody who can become a member or an owner of a group for a while (Privileged Identity Management for groups).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct GroupEligibility {
    /// The group.
    pub(crate) group: Row,
    /// A user or a group.
    pub(crate) principal: Row,
    /// As what.
    pub(crate) access: Access,
}

/// All role assignments, and the roles that were activated without one.
#[derive(Debug, Default)]
pub(crate) struct Roles {
    assignments: Vec<Assignment>,
    activated: BTreeSet<usize>,
    /// Who is eligible for which group.
    pub(crate) group_eligibilities: Vec<GroupEligibility>,
}

impl Roles {
    /// The role with this display name or template id.
    pub(crate) fn named(text: &str) -> Option<usize> {
        ROLES.iter().position(|role| role.name.eq_ignore_ascii_case(text) || role.template.eq_ignore_ascii_case(text))
    }

    /// Gives a role; `false` if it was given before.
    pub(crate) fn assign(&mut self, assignment: Assignment) -> bool {
        let new = !self.assignments.contains(&assignment);
        if new {
            self.activated.insert(assignment.role);
            self.assignments.push(assignment);
        }
        new
    }

    /// Takes a role back; `false` if it was not given.
    pub(crate) fn withdraw(&mut self, assignment: &Assignment) -> bool {
        let before = self.assignments.len();
        self.assignments.retain(|held| held != assignment);
        self.assignments.len() < before
    }

    /// Takes every role from an object.
    pub(crate) fn forget(&mut self, principal: Row) {
        self.assignments.retain(|held| held.principal != principal);
        self.group_eligibilities.retain(|held| held.principal != principal && held.group != principal);
    }

    /// Whether the object holds any role.
    pub(crate) fn holds(&self, principal: Row) -> bool {
        self.assignments.iter().any(|held| held.principal == principal && held.hold == Hold::Active)
    }

    /// All assignments.
    pub(crate) fn assignments(&self) -> &[Assignment] {
        &self.assignments
    }

    /// Makes a role one of those that are listed; `false` if it was.
    pub(crate) fn activate(&mut self, role: usize) -> bool {
        self.activated.insert(role)
    }

    /// The roles that are listed: a tenant lists a role once somebody held it.
    pub(crate) fn activated(&self) -> impl Iterator<Item = usize> {
        self.activated.iter().copied()
    }
}
