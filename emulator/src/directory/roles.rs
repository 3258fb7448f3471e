//! Directory roles and who holds them.

use super::ids::derived;
use super::object::Row;
use uuid::Uuid;

/// A built-in role.
#[derive(Debug)]
pub(crate) struct Role {
    /// Its display name.
    pub(crate) name: &'static str,
    /// The template id, which is also the id of its definition.
    pub(crate) template: &'static str,
}

/// The built-in roles that the emulator knows.
pub(crate) const ROLES: &[Role] = &[
    Role { name: "Global Administrator", template: "62e90394-69f5-4237-9190-012177145e10" },
    Role { name: "Privileged Role Administrator", template: "e8611ab8-c189-46e8-94e1-60213ab1f814" },
    Role { name: "User Administrator", template: "fe930be7-5e62-47db-91af-98c3a49a38b1" },
    Role { name: "Groups Administrator", template: "fdd7a751-b60b-444a-984c-02652fe8fa1c" },
    Role { name: "Helpdesk Administrator", template: "729827e3-9c14-49f7-bb1b-9608f156bbb8" },
    Role { name: "Security Administrator", template: "194ae4cb-b126-40b2-bd5b-6091b380977d" },
    Role { name: "Exchange Administrator", template: "29232cdf-9323-42fd-ade2-1d097af3e4de" },
    Role { name: "Directory Readers", template: "88d8e3e3-8f55-4a1e-953a-9b9898b8876b" },
];

/// One assignment of a role, tenant wide.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Assignment {
    /// Who holds it: a user or a group.
    pub(crate) principal: Row,
    /// Which role: a place in [`ROLES`].
    pub(crate) role: usize,
}

impl Assignment {
    /// The id of the assignment.
    pub(crate) fn id(&self, principal: Uuid) -> String {
        derived(&[principal.as_bytes(), &self.role.to_le_bytes()]).simple().to_string()
    }

    /// The role assigned.
    pub(crate) fn role(&self) -> &'static Role {
        &ROLES[self.role]
    }
}

/// All role assignments.
#[derive(Debug, Default)]
pub(crate) struct Roles(Vec<Assignment>);

impl Roles {
    /// The role with this display name or template id.
    pub(crate) fn named(text: &str) -> Option<usize> {
        ROLES.iter().position(|role| role.name.eq_ignore_ascii_case(text) || role.template.eq_ignore_ascii_case(text))
    }

    /// Gives a role; twice is once.
    pub(crate) fn assign(&mut self, principal: Row, role: usize) {
        if !self.0.iter().any(|held| held.principal == principal && held.role == role) {
            self.0.push(Assignment { principal, role });
        }
    }

    /// Takes every role from an object.
    pub(crate) fn forget(&mut self, principal: Row) {
        self.0.retain(|held| held.principal != principal);
    }

    /// Whether the object holds any role.
    pub(crate) fn holds(&self, principal: Row) -> bool {
        self.0.iter().any(|held| held.principal == principal)
    }

    /// All assignments.
    pub(crate) fn assignments(&self) -> &[Assignment] {
        &self.0
    }
}
