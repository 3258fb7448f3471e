//! References between objects, in both directions.

use super::object::Row;
use std::collections::{BTreeSet, HashMap};
use std::ops::Bound;

/// The kinds of reference.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Relation {
    /// Group to user or group.
    Member,
    /// Group to user.
    Owner,
    /// User to user.
    Manager,
}

impl Relation {
    /// The navigation property: `members`, `owners`, `manager`.
    pub(crate) fn property(self) -> &'static str {
        match self {
            Relation::Member => "members",
            Relation::Owner => "owners",
            Relation::Manager => "manager",
        }
    }

    /// The relation that a navigation property names.
    pub(crate) fn named(text: &str) -> Option<Relation> {
        [Relation::Member, Relation::Owner, Relation::Manager].into_iter().find(|relation| relation.property() == text)
    }
}

#[derive(Debug, Default)]
struct Direction(HashMap<Row, BTreeSet<Row>>);

impl Direction {
    fn after(&self, from: Row, after: Option<Row>) -> impl Iterator<Item = Row> {
        let start = after.map_or(Bound::Unbounded, Bound::Excluded);
        self.0.get(&from).into_iter().flat_map(move |set| set.range((start, Bound::Unbounded)).copied())
    }

    fn insert(&mut self, from: Row, to: Row) -> bool {
        self.0.entry(from).or_default().insert(to)
    }

    fn remove(&mut self, from: Row, to: Row) -> bool {
        let Some(set) = self.0.get_mut(&from) else { return false };
        let removed = set.remove(&to);
        if set.is_empty() {
            self.0.remove(&from);
        }
        removed
    }
}

/// All references of the tenant.
#[derive(Debug, Default)]
pub(crate) struct Links {
    forward: [Direction; 3],
    backward: [Direction; 3],
    total: usize,
}

impl Links {
    /// Where the relation leads from here, in order, after the given one.
    pub(crate) fn targets(&self, relation: Relation, from: Row, after: Option<Row>) -> impl Iterator<Item = Row> {
        self.forward[relation as usize].after(from, after)
    }

    /// Who leads here.
    pub(crate) fn sources(&self, relation: Relation, to: Row, after: Option<Row>) -> impl Iterator<Item = Row> {
        self.backward[relation as usize].after(to, after)
    }

    /// Whether the reference exists.
    pub(crate) fn has(&self, relation: Relation, from: Row, to: Row) -> bool {
        self.forward[relation as usize].0.get(&from).is_some_and(|set| set.contains(&to))
    }

    /// How many references lead from here.
    pub(crate) fn count(&self, relation: Relation, from: Row) -> usize {
        self.forward[relation as usize].0.get(&from).map_or(0, BTreeSet::len)
    }

    /// How many references there are in all.
    pub(crate) fn total(&self) -> usize {
        self.total
    }

    /// Adds a reference; `false` if it was there.
    pub(crate) fn add(&mut self, relation: Relation, from: Row, to: Row) -> bool {
        let new = self.forward[relation as usize].insert(from, to);
        if new {
            self.backward[relation as usize].insert(to, from);
            self.total += 1;
        }
        new
    }

    /// Removes a reference; `false` if there was none.
    pub(crate) fn remove(&mut self, relation: Relation, from: Row, to: Row) -> bool {
        let was = self.forward[relation as usize].remove(from, to);
        if was {
            self.backward[relation as usize].remove(to, from);
            self.total -= 1;
        }
        was
    }

    /// Everything reached over a relation, each once, in order (cycles are harmless).
    pub(crate) fn closure(&self, relation: Relation, from: Row, way: Way) -> BTreeSet<Row> {
        let mut seen = BTreeSet::new();
        let mut open = vec![from];
        while let Some(row) = open.pop() {
            let next: Vec<Row> = match way {
                Way::Forward => self.targets(relation, row, None).collect(),
                Way::Backward => self.sources(relation, row, None).collect(),
            };
            open.extend(next.into_iter().filter(|row| seen.insert(*row)));
        }
        seen
    }
}

/// The direction in which a relation is followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// From a group to its members, from a user to the manager.
    Forward,
    /// From a member to its groups, from a manager to the reports.
    Backward,
}
