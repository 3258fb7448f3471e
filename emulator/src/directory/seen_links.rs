//! References as they are seen from a place that some writes have not reached.

use super::links::{Relation, Way};
use super::object::Row;
use super::view::View;
use std::collections::{BTreeMap, BTreeSet};

/// A reference: what it is, where it begins, where it ends.
pub(super) type LinkKey = (Relation, Row, Row);

/// The references as they are seen.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SeenLinks<'v>(&'v View<'v>);

impl<'v> SeenLinks<'v> {
    /// Those of a view.
    pub(super) fn of(view: &'v View<'v>) -> SeenLinks<'v> {
        SeenLinks(view)
    }

    /// Where the relation leads from here, in order, after the given one.
    pub(crate) fn targets(self, relation: Relation, from: Row, after: Option<Row>) -> Box<dyn Iterator<Item = Row> + 'v> {
        let present = self.0.tenant.links().targets(relation, from, after);
        adjusted(present, &self.0.forward, relation, from, after)
    }

    /// Who leads here.
    pub(crate) fn sources(self, relation: Relation, to: Row, after: Option<Row>) -> Box<dyn Iterator<Item = Row> + 'v> {
        let present = self.0.tenant.links().sources(relation, to, after);
        adjusted(present, &self.0.backward, relation, to, after)
    }

    /// Whether the reference exists.
    pub(crate) fn has(self, relation: Relation, from: Row, to: Row) -> bool {
        let seen = self.0.forward.get(&(relation, from, to)).copied();
        seen.unwrap_or_else(|| self.0.tenant.links().has(relation, from, to))
    }

    /// Everything reached over a relation, each once, in order (cycles are harmless).
    pub(crate) fn closure(self, relation: Relation, from: Row, way: Way) -> BTreeSet<Row> {
        let mut seen = BTreeSet::new();
        let mut open = vec![from];
        while let Some(row) = open.pop() {
            let next = match way {
                Way::Forward => self.targets(relation, row, None),
                Way::Backward => self.sources(relation, row, None),
            };
            open.extend(next.filter(|row| seen.insert(*row)));
        }
        seen
    }
}

fn adjusted<'v>(
    present: impl Iterator<Item = Row> + 'v,
    differing: &BTreeMap<LinkKey, bool>,
    relation: Relation,
    from: Row,
    after: Option<Row>,
) -> Box<dyn Iterator<Item = Row> + 'v> {
    let range = (relation, from, Row(0))..=(relation, from, Row(u32::MAX));
    let mut changes = differing.range(range).filter(|((_, _, to), _)| after.is_none_or(|after| *to > after)).peekable();
    if changes.peek().is_none() {
        return Box::new(present);
    }
    let mut rows: BTreeSet<Row> = present.collect();
    for ((_, _, to), seen) in changes {
        if *seen {
            rows.insert(*to);
        } else {
            rows.remove(to);
        }
    }
    Box::new(rows.into_iter())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::directory::view::tests::write;
    use crate::directory::{Kind, Sight, Tenant};

    #[test]
    fn references_are_seen_as_they_were() {
        let mut tenant = Tenant::new(1);
        let mut new = |kind| {
            let id = tenant.next_id();
            tenant.create(id, kind, Vec::new())
        };
        let (group, ann, bob) = (new(Kind::Group), new(Kind::User), new(Kind::User));
        tenant.link(Relation::Member, group, bob);
        write(&mut tenant, 100, 0);
        tenant.link(Relation::Member, group, ann);
        tenant.unlink(Relation::Member, group, bob);
        write(&mut tenant, 50, 0);
        tenant.unlink(Relation::Member, group, ann);
        let members = |now| {
            let view = View::from(&tenant, Sight::Replica(0), now);
            let members: Vec<Row> = view.links().targets(Relation::Member, group, None).collect();
            for row in [ann, bob] {
                let groups: Vec<Row> = view.links().sources(Relation::Member, row, None).collect();
                assert_eq!(groups.contains(&group), members.contains(&row));
                assert_eq!(view.links().has(Relation::Member, group, row), members.contains(&row));
            }
            members
        };
        assert_eq!(members(49), [bob]);
        assert_eq!(members(50), [bob], "what removed her is there, what added her is not");
        assert_eq!(members(100), []);
    }
}
