//! The source as the simulation knows it, and what edits do to it.

use std::collections::{BTreeMap, BTreeSet};

use entrain_model::ObjectRef;
use entrain_store::{GroupRow, Membership, Role, SourceChange, UserRow};
use serde_json::json;

use super::deeds::Edit;

/// Users that only strangers of the target match; nobody edits them.
pub(super) const HELD: [(&str, &str); 3] =
    [("boss", "boss@x.example"), ("foreign", "foreign@x.example"), ("mastered", "mastered@x.example")];

#[derive(Clone, Debug, Default)]
pub(super) struct Source {
    pub(super) users: BTreeMap<u8, UserRow>,
    pub(super) groups: BTreeMap<u8, GroupRow>,
    pub(super) members: BTreeSet<(u8, ObjectRef)>,
    /// Whoever leaves keeps the login in the target, so that nobody else can have it.
    logins_stay: bool,
    /// Logins that were given to users who had none of their own: each only once.
    spares: u32,
    /// Whoever left, whether or not they came back.
    pub(super) left: BTreeSet<ObjectRef>,
}

pub(super) fn user(n: u8) -> ObjectRef {
    ObjectRef::user(format!("u{n}"))
}

pub(super) fn group(n: u8) -> ObjectRef {
    ObjectRef::group(format!("g{n}"))
}

impl Source {
    pub(super) fn new(logins_stay: bool) -> Self {
        Self { logins_stay, ..Self::default() }
    }

    pub(super) fn apply(&mut self, edit: &Edit) -> Vec<SourceChange> {
        match edit {
            Edit::Put { user, login, title, active, manager } => self.put(*user, *login, *title, *active, *manager),
            Edit::Remove(n) => {
                self.users.remove(n);
                self.left.insert(user(*n));
                self.members.retain(|(_, member)| *member != user(*n));
                vec![SourceChange::RemoveUser(user(*n).id)]
            }
            Edit::Group { group: n, name } => {
                let row = GroupRow::new(format!("g{n}"), format!("Group {name}"));
                self.groups.insert(*n, row.clone());
                vec![SourceChange::PutGroup(row)]
            }
            Edit::RemoveGroup(n) => {
                self.groups.remove(n);
                self.left.insert(group(*n));
                self.members.retain(|(outer, member)| outer != n && *member != group(*n));
                vec![SourceChange::RemoveGroup(group(*n).id)]
            }
            Edit::Join { group, user: n } if self.groups.contains_key(group) && self.users.contains_key(n) => {
                self.join(*group, user(*n))
            }
            Edit::Nest { outer, inner }
                if outer != inner && self.groups.contains_key(outer) && self.groups.contains_key(inner) =>
            {
                self.join(*outer, group(*inner))
            }
            Edit::Leave { group: n, user: member } => {
                self.members.remove(&(*n, user(*member)));
                vec![SourceChange::RemoveMembership(membership(*n, user(*member)))]
            }
            Edit::Join { .. } | Edit::Nest { .. } => Vec::new(),
        }
    }

    /// A login that user `n` may have.
    pub(super) fn login(&self, n: u8, login: u8) -> String {
        let whose = if self.logins_stay { format!("-{n}") } else { String::new() };
        format!("login{login}{whose}@x.example")
    }

    /// A login belongs to one user at a time here; who had it before gets that of the other.
    fn put(&mut self, n: u8, login: u8, title: Option<u8>, active: bool, manager: Option<u8>) -> Vec<SourceChange> {
        let name = self.login(n, login);
        let mut changes = Vec::new();
        self.spares += 1;
        let spare = format!("spare{}@x.example", self.spares);
        let mine = self.users.get(&n).map_or(spare, |row| row.user_name.clone());
        if let Some(other) = self.users.values_mut().find(|row| row.user_name == name && row.id != user(n).id) {
            other.user_name = mine;
            changes.push(SourceChange::PutUser(other.clone()));
        }
        let mut row = UserRow::new(format!("u{n}"), name);
        row.display_name = Some(format!("User {n}"));
        row.active = active;
        row.manager = manager.filter(|m| *m != n).map(|m| user(m).id);
        row.document = title.map(|title| ("title".to_owned(), json!(format!("Title {title}")))).into_iter().collect();
        self.users.insert(n, row.clone());
        changes.push(SourceChange::PutUser(row));
        changes
    }

    fn join(&mut self, n: u8, member: ObjectRef) -> Vec<SourceChange> {
        self.members.insert((n, member.clone()));
        vec![SourceChange::PutMembership(membership(n, member))]
    }
}

fn membership(n: u8, member: ObjectRef) -> Membership {
    Membership { group: group(n).id, member, role: Role::Member }
}
