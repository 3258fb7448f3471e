//! Records and references, as they are or as a reader sees them.

use std::collections::{BTreeMap, BTreeSet};

use entrain_model::{Attributes, Condition, Kind, Observed, ObservedReference, Protection, Relation, TargetId};

use super::Marks;

pub(super) type Key = (Kind, TargetId);

#[derive(Clone, Debug)]
pub(super) struct Record {
    pub attributes: Attributes,
    pub condition: Condition,
    pub marks: Marks,
}

/// What one record is to another: `from` is a group, or for managers a user.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Reference {
    pub relation: Relation,
    pub from: TargetId,
    pub to: Key,
}

impl Reference {
    pub(super) fn owner(&self) -> Key {
        (owner_kind(self.relation), self.from.clone())
    }
}

#[derive(Clone, Debug, Default)]
pub(super) struct Tables {
    pub records: BTreeMap<Key, Record>,
    pub references: BTreeSet<Reference>,
}

impl Tables {
    pub(super) fn references_with(&self, key: &Key) -> Vec<Reference> {
        self.references.iter().filter(|reference| reference.to == *key || reference.owner() == *key).cloned().collect()
    }

    pub(super) fn is_live(&self, key: &Key) -> bool {
        self.records.get(key).is_some_and(|record| record.condition == Condition::Live)
    }

    /// A record as it is, with the references that stand.
    pub(super) fn observe(&self, key: &Key) -> Observed {
        let (attributes, condition, marks) = match self.records.get(key) {
            Some(record) => (record.attributes.clone(), record.condition, record.marks.clone()),
            None => (Attributes::new(), Condition::Gone, Marks::default()),
        };
        let stand = |reference: &&Reference| reference.owner() == *key && self.is_live(key) && self.is_live(&reference.to);
        let references = self.references.iter().filter(stand).map(|reference| observed(reference, true)).collect();
        Observed {
            kind: key.0,
            id: key.1.clone(),
            condition,
            attributes,
            references,
            mastered_elsewhere: Some(marks.mastered_elsewhere),
            protection: protection(&marks, key.0),
            unwritable: marks.unwritable,
        }
    }
}

/// What a record shows of itself.
fn protection(marks: &Marks, kind: Kind) -> BTreeSet<Protection> {
    let shown = [(marks.guest, Protection::Guest), (marks.privileged && kind == Kind::Group, Protection::RoleGroup)];
    shown.into_iter().filter(|(holds, _)| *holds).map(|(_, reason)| reason).collect()
}

pub(super) fn owner_kind(relation: Relation) -> Kind {
    match relation {
        Relation::Member | Relation::Owner => Kind::Group,
        Relation::Manager => Kind::User,
    }
}

pub(super) fn observed(reference: &Reference, present: bool) -> ObservedReference {
    let (to_kind, to) = reference.to.clone();
    ObservedReference { relation: reference.relation, to, to_kind: Some(to_kind), present }
}
