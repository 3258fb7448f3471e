//! The tenant as it is seen from a place that some writes have not reached.

use super::history::{Before, Written};
use super::lookup;
use super::names::Name;
use super::object::{Kind, Life, Object, Row};
use super::roles::Assignment;
use super::seen_links::{LinkKey, SeenLinks};
use super::tenant::Tenant;
use super::value::{Value, folded};
use crate::failure::Failure;
use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Deref;
use uuid::Uuid;

/// A place to look from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sight {
    /// The primary, which knows every write.
    Primary,
    /// One of the replicas.
    Replica(usize),
    /// The index of advanced queries.
    Index,
    /// The changes that delta queries tell, each when it has arrived.
    Delta,
    /// The same in order: up to the first write that has not arrived.
    DeltaInOrder,
}

/// What an object was, where that differs from what it is.
#[derive(Debug, Default)]
struct Past<'a> {
    life: Option<Life>,
    values: BTreeMap<Name, Option<&'a Value>>,
    object: OnceCell<Object>,
}

/// A tenant with what some place still sees. It reads as the tenant does.
#[derive(Debug)]
pub(crate) struct View<'a> {
    pub(super) tenant: &'a Tenant,
    past: BTreeMap<Row, Past<'a>>,
    /// Whether a reference is seen, where that differs from what is.
    pub(super) forward: BTreeMap<LinkKey, bool>,
    /// The same from the other end.
    pub(super) backward: BTreeMap<LinkKey, bool>,
    /// Whether a role is seen as held, where that differs from what is.
    roles: Vec<(Assignment, bool)>,
    /// The end of the journal as it is seen.
    end: u64,
}

impl Deref for View<'_> {
    type Target = Tenant;

    /// What no replica lags behind in: names, the journal.
    fn deref(&self) -> &Tenant {
        self.tenant
    }
}

impl<'a> View<'a> {
    /// The tenant as it is.
    pub(crate) fn primary(tenant: &'a Tenant) -> View<'a> {
        let end = tenant.journal().end();
        View { tenant, past: BTreeMap::new(), forward: BTreeMap::new(), backward: BTreeMap::new(), roles: Vec::new(), end }
    }

    /// The tenant as a place sees it at a moment.
    pub(crate) fn from(tenant: &'a Tenant, sight: Sight, now: i64) -> View<'a> {
        let mut view = View::primary(tenant);
        let mut cut = false;
        for write in tenant.history().writes() {
            let arrives = match sight {
                Sight::Primary => return view,
                Sight::Replica(replica) => {
                    let replicas = &write.arrivals.replicas;
                    replicas.get(replica % replicas.len().max(1)).copied().unwrap_or_default()
                }
                Sight::Index => write.arrivals.index,
                Sight::Delta | Sight::DeltaInOrder => write.arrivals.delta,
            };
            let seen = arrives <= now && !cut;
            if sight == Sight::DeltaInOrder && !seen && !cut {
                view.end = write.journal;
                cut = true;
            }
            view.apply(write, seen);
        }
        view
    }

    /// Takes a write back that is not seen, or confirms one that is: it overrules what earlier ones replaced.
    fn apply(&mut self, write: &'a Written, seen: bool) {
        for (row, before) in &write.changes {
            match before {
                Before::Link(relation, other, was) => {
                    let (key, back) = ((*relation, *row, *other), (*relation, *other, *row));
                    if seen {
                        self.forward.remove(&key);
                        self.backward.remove(&back);
                    } else {
                        self.forward.entry(key).or_insert(*was);
                        self.backward.entry(back).or_insert(*was);
                    }
                }
                Before::Role(held, was) => {
                    let at = self.roles.iter().position(|(known, _)| known == held);
                    match at {
                        Some(at) if seen => drop(self.roles.remove(at)),
                        None if !seen => self.roles.push((held.clone(), *was)),
                        Some(_) | None => {}
                    }
                }
                Before::Life(_) | Before::Value(..) if seen => self.confirm(*row, before),
                Before::Life(life) => drop(self.past.entry(*row).or_default().life.get_or_insert(*life)),
                Before::Value(name, value) => {
                    self.past.entry(*row).or_default().values.entry(*name).or_insert(value.as_ref());
                }
            }
        }
    }

    fn confirm(&mut self, row: Row, before: &Before) {
        let Some(past) = self.past.get_mut(&row) else { return };
        match before {
            Before::Life(_) => past.life = None,
            Before::Value(name, _) => drop(past.values.remove(name)),
            Before::Link(..) | Before::Role(..) => {}
        }
    }

    /// The end of the journal as it is seen from here.
    pub(crate) fn end(&self) -> u64 {
        self.end
    }

    /// The object with this number.
    pub(crate) fn object(&self, row: Row) -> &Object {
        let object = self.tenant.object(row);
        self.past.get(&row).map_or(object, |past| past.object.get_or_init(|| past.of(object)))
    }

    /// The live object with this id.
    pub(crate) fn live(&self, id: Uuid) -> Option<Row> {
        self.tenant.find(id).filter(|row| self.object(*row).is_live())
    }

    /// The objects in the recycle bin, in order.
    pub(crate) fn recycled(&self) -> Box<dyn Iterator<Item = Row> + '_> {
        if self.past.is_empty() {
            return Box::new(self.tenant.recycled());
        }
        let past = self.past.keys().copied();
        let rows: BTreeSet<Row> = self.tenant.recycled().chain(past).filter(|row| self.is_recycled(*row)).collect();
        Box::new(rows.into_iter())
    }

    fn is_recycled(&self, row: Row) -> bool {
        let life = self.past.get(&row).and_then(|past| past.life);
        matches!(life.unwrap_or(self.tenant.object(row).life), Life::Recycled(_))
    }

    /// Objects of a kind that hold the text in the property; case does not count.
    pub(crate) fn holders<'v>(&'v self, kind: Kind, name: Name, text: &'v str) -> impl Iterator<Item = Row> + 'v {
        self.holders_of_any(name, text).filter(move |row| self.tenant.object(*row).kind == kind)
    }

    /// The live object of a kind that a key names, if one does.
    ///
    /// # Errors
    /// Several do.
    pub(crate) fn keyed(&self, kind: Kind, name: Name, key: &str) -> Result<Option<Row>, Failure> {
        let mut live = self.holders(kind, name, key).filter(|row| self.object(*row).is_live());
        match (live.next(), live.next()) {
            (Some(_), Some(_)) => Err(Failure::several(key)),
            (found, _) => Ok(found),
        }
    }

    /// The same over all kinds.
    pub(crate) fn holders_of_any<'v>(&'v self, name: Name, text: &'v str) -> impl Iterator<Item = Row> + 'v {
        let differs = move |row: &Row| self.past.get(row).is_some_and(|past| past.values.contains_key(&name));
        let wanted = folded(text);
        let held = move |past: &Past<'_>| {
            let value = past.values.get(&name).copied().flatten();
            lookup::texts(value).any(|held| folded(held) == wanted)
        };
        let formerly = self.past.iter().filter(move |(_, past)| held(past)).map(|(row, _)| *row);
        self.tenant.holders_of_any(name, text).filter(move |row| !differs(row)).chain(formerly)
    }

    /// Who holds which role.
    pub(crate) fn assignments(&self) -> Vec<&Assignment> {
        let seen = |held: &Assignment| self.roles.iter().find(|(known, _)| known == held).map(|(_, seen)| *seen);
        let present = self.tenant.roles.assignments();
        let former = self.roles.iter().filter(|(held, seen)| *seen && !present.contains(held)).map(|(held, _)| held);
        present.iter().filter(|held| seen(held).unwrap_or(true)).chain(former).collect()
    }

    /// The objects that differ from what they are.
    pub(crate) fn differing(&self) -> impl Iterator<Item = Row> {
        self.past.keys().copied()
    }

    /// The references.
    pub(crate) fn links(&self) -> SeenLinks<'_> {
        SeenLinks::of(self)
    }
}

impl Past<'_> {
    fn of(&self, object: &Object) -> Object {
        let kept = object.properties().filter(|(name, _)| !self.values.contains_key(name));
        let former = self.values.iter().filter_map(|(name, value)| Some((*name, (*value)?)));
        let properties = kept.chain(former).map(|(name, value)| (name, value.clone())).collect();
        Object::restored(object.id, object.kind, self.life.unwrap_or(object.life), properties)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::directory::Arrivals;

    /// Arrives at the only replica at this moment, and at the delta at that one.
    pub(in crate::directory) fn write(tenant: &mut Tenant, replica: i64, delta: i64) {
        tenant.begin(Some(Arrivals { replicas: Box::new([replica]), index: replica, delta }), 0);
    }

    fn named(tenant: &Tenant, row: Row, sight: Sight, now: i64) -> String {
        View::from(tenant, sight, now).object(row).text(Name::DISPLAY_NAME).unwrap_or("-").to_owned()
    }

    #[test]
    fn the_newest_write_that_has_arrived_counts() {
        let mut tenant = Tenant::new(1);
        let id = tenant.next_id();
        let row = tenant.create(id, Kind::Group, vec![(Name::DISPLAY_NAME, Value::text("first"))]);
        for (name, replica, delta) in [("second", 100, 60), ("third", 50, 70), ("fourth", 200, 10)] {
            write(&mut tenant, replica, delta);
            tenant.edit(row, vec![(Name::DISPLAY_NAME, Value::text(name))]);
        }
        let at = |now| named(&tenant, row, Sight::Replica(0), now);
        assert_eq!([at(49), at(50), at(100), at(199), at(200)], ["first", "third", "third", "third", "fourth"]);
        let told = |now| (named(&tenant, row, Sight::DeltaInOrder, now), View::from(&tenant, Sight::DeltaInOrder, now).end());
        assert_eq!(told(59), ("first".to_owned(), 1), "a later one waits for an earlier one");
        assert_eq!(told(60), ("second".to_owned(), 2));
        assert_eq!(told(70), ("fourth".to_owned(), 4));
        let each = |now| (named(&tenant, row, Sight::Delta, now), View::from(&tenant, Sight::Delta, now).end());
        assert_eq!(each(10), ("fourth".to_owned(), 4), "or it does not wait");
    }

    #[test]
    fn a_purged_object_is_seen_whole() {
        let mut tenant = Tenant::new(1);
        let id = tenant.next_id();
        let row = tenant.create(id, Kind::User, vec![(Name::USER_PRINCIPAL_NAME, Value::text("a@b"))]);
        write(&mut tenant, 100, 0);
        tenant.recycle(row, 7);
        tenant.purge(row, 7);
        let view = View::from(&tenant, Sight::Replica(0), 99);
        assert!(view.object(row).is_live());
        assert_eq!(view.holders(Kind::User, Name::USER_PRINCIPAL_NAME, "A@B").collect::<Vec<_>>(), [row]);
        assert_eq!(View::from(&tenant, Sight::Replica(0), 100).holders(Kind::User, Name::USER_PRINCIPAL_NAME, "a@b").count(), 0);
    }
}
