//! The directory itself: objects, references, indexes and the journal, always changed together.

use super::history::{Arrivals, Before, History};
use super::ids::Ids;
use super::journal::{Journal, What};
use super::licences::Licences;
use super::links::{Links, Relation, Way};
use super::lookup::{self, Lookup};
use super::names::Name;
use super::object::{Kind, Life, Object, Row};
use super::passes::Passes;
use super::roles::{Assignment, Roles};
use super::schema::Schema;
use super::value::{Value, folded};
use std::collections::{BTreeSet, HashMap, VecDeque};
use uuid::Uuid;

/// How long a purged object counts for the quota, in milliseconds.
const LATELY: i64 = 30 * 24 * 3600 * 1000;

/// Everything a tenant holds.
#[derive(Debug)]
pub(crate) struct Tenant {
    /// The properties there are.
    pub(crate) schema: Schema,
    /// Who holds which directory role.
    pub(crate) roles: Roles,
    /// Products, and who has a licence.
    pub(crate) licences: Licences,
    /// Temporary access passes.
    pub(crate) passes: Passes,
    objects: Vec<Object>,
    by_id: HashMap<Uuid, Row>,
    rows: [Vec<Row>; Kind::ALL.len()],
    recycled: BTreeSet<Row>,
    purged: usize,
    purged_lately: VecDeque<i64>,
    /// When the write began that goes on.
    moment: i64,
    live_users: usize,
    lookup: Lookup,
    links: Links,
    journal: Journal,
    history: History,
    ids: Ids,
}

impl Tenant {
    /// An empty tenant. The seed decides the ids that it will give.
    pub(crate) fn new(seed: u64) -> Tenant {
        Tenant {
            schema: Schema::new(),
            roles: Roles::default(),
            licences: Licences::default(),
            passes: Passes::default(),
            objects: Vec::new(),
            by_id: HashMap::new(),
            rows: Kind::ALL.map(|_| Vec::new()),
            recycled: BTreeSet::new(),
            purged: 0,
            purged_lately: VecDeque::new(),
            moment: 0,
            live_users: 0,
            lookup: Lookup::default(),
            links: Links::default(),
            journal: Journal::default(),
            history: History::default(),
            ids: Ids::new(seed),
        }
    }

    /// The object with this number.
    pub(crate) fn object(&self, row: Row) -> &Object {
        &self.objects[row.index()]
    }

    /// The object with this id, whatever its life.
    pub(crate) fn find(&self, id: Uuid) -> Option<Row> {
        self.by_id.get(&id).copied()
    }

    /// The numbers of all objects of a kind ever created, in order, after the given one.
    pub(crate) fn rows(&self, kind: Kind, after: Option<Row>) -> &[Row] {
        let rows = &self.rows[kind as usize];
        let start = after.map_or(0, |after| rows.partition_point(|row| *row <= after));
        rows.get(start..).unwrap_or(&[])
    }

    /// How many objects count for the quota: those in the recycle bin too, and of those purged in the last thirty days a quarter.
    pub(crate) fn weight(&self) -> usize {
        let lately = self.purged_lately.iter().rev().take_while(|at| self.moment - **at < LATELY).count();
        self.objects.len() - self.purged + lately / 4
    }

    /// How many users are in the directory.
    pub(crate) fn live_users(&self) -> usize {
        self.live_users
    }

    /// The objects in the recycle bin.
    pub(crate) fn recycled(&self) -> impl Iterator<Item = Row> {
        self.recycled.iter().copied()
    }

    /// The references.
    pub(crate) fn links(&self) -> &Links {
        &self.links
    }

    /// The journal.
    pub(crate) fn journal(&self) -> &Journal {
        &self.journal
    }

    /// The writes that have not reached everyone.
    pub(crate) fn history(&self) -> &History {
        &self.history
    }

    /// Begins a write: what changes from here on arrives at these times; without them, everywhere at once.
    pub(crate) fn begin(&mut self, arrivals: Option<Arrivals>, now: i64) {
        self.journal.begin(arrivals.as_ref().map(|arrivals| arrivals.delta).filter(|told| *told > now));
        self.history.begin(arrivals, self.journal.end(), now);
        self.moment = self.moment.max(now);
    }

    /// Objects of any kind (live and recycled) that hold the text in the property; case does not count.
    pub(crate) fn holders_of_any<'a>(&'a self, name: Name, text: &'a str) -> impl Iterator<Item = Row> + 'a {
        let wanted = folded(text);
        self.lookup
            .candidates(name, text)
            .filter(move |row| lookup::texts(self.object(*row).value(name)).any(|held| folded(held) == wanted))
    }

    /// Whether a user holds a directory role, by itself or through a role-assignable group, or owns such a group.
    pub(crate) fn is_privileged(&self, row: Row) -> bool {
        let groups = self.links.closure(Relation::Member, row, Way::Backward);
        let owned = self.links.sources(Relation::Owner, row, None);
        self.roles.holds(row)
            || owned.into_iter().any(|group| self.object(group).is_true(Name::ASSIGNABLE_TO_ROLE))
            || groups.into_iter().any(|group| self.object(group).is_true(Name::ASSIGNABLE_TO_ROLE) || self.roles.holds(group))
    }

    /// A new id, the next of the seeded sequence.
    pub(crate) fn next_id(&mut self) -> Uuid {
        loop {
            let id = self.ids.next();
            if !self.by_id.contains_key(&id) {
                return id;
            }
        }
    }

    /// Creates an object. The caller has checked that the id is free.
    pub(crate) fn create(&mut self, id: Uuid, kind: Kind, properties: Vec<(Name, Value)>) -> Row {
        let row = Row(u32::try_from(self.objects.len()).unwrap_or(u32::MAX));
        let mut object = Object::new(id, kind);
        object.set(properties);
        self.lookup.add(row, &object);
        if object.value(Name::ASSIGNED_LICENSES).is_some() {
            self.licences.note(row, object.value(Name::ASSIGNED_LICENSES));
        }
        self.objects.push(object);
        self.by_id.insert(id, row);
        self.rows[kind as usize].push(row);
        self.live_users += usize::from(kind == Kind::User);
        self.history.note(row, Before::Life(Life::Purged));
        self.journal.note(row, What::Created);
        row
    }

    /// Sets properties; what does not change is not noted.
    pub(crate) fn edit(&mut self, row: Row, edits: Vec<(Name, Value)>) {
        let object = &mut self.objects[row.index()];
        self.lookup.remove(row, object);
        let names = edits.iter().map(|(name, _)| *name).filter(|_| self.history.is_open());
        let before: Vec<(Name, Option<Value>)> = names.map(|name| (name, object.value(name).cloned())).collect();
        let changed = object.set(edits);
        self.lookup.add(row, object);
        if changed.contains(&Name::ASSIGNED_LICENSES) {
            self.licences.note(row, object.value(Name::ASSIGNED_LICENSES));
        }
        for (name, value) in before.into_iter().filter(|(name, _)| changed.contains(name)) {
            self.history.note(row, Before::Value(name, value));
        }
        for name in changed {
            self.journal.note(row, What::Property(name));
        }
    }

    /// Adds a reference; `false` if it was there.
    pub(crate) fn link(&mut self, relation: Relation, from: Row, to: Row) -> bool {
        let new = self.links.add(relation, from, to);
        if new {
            self.history.note(from, Before::Link(relation, to, false));
            self.journal.note(from, What::Link(relation, to));
        }
        new
    }

    /// Removes a reference; `false` if there was none.
    pub(crate) fn unlink(&mut self, relation: Relation, from: Row, to: Row) -> bool {
        let was = self.links.remove(relation, from, to);
        if was {
            self.history.note(from, Before::Link(relation, to, true));
            self.journal.note(from, What::Link(relation, to));
        }
        was
    }

    /// Gives a role; `false` if it was given before.
    pub(crate) fn assign(&mut self, assignment: Assignment) -> bool {
        let new = self.roles.assign(assignment.clone());
        if new {
            self.history.note(assignment.principal, Before::Role(assignment, false));
        }
        new
    }

    /// Takes a role back; `false` if it was not given.
    pub(crate) fn withdraw(&mut self, assignment: &Assignment) -> bool {
        let was = self.roles.withdraw(assignment);
        if was {
            self.history.note(assignment.principal, Before::Role(assignment.clone(), true));
        }
        was
    }

    /// Moves a live object to the recycle bin; references stay.
    pub(crate) fn recycle(&mut self, row: Row, at: i64) {
        self.history.note(row, Before::Life(self.object(row).life));
        self.live_users -= usize::from(self.is_live_user(row));
        self.objects[row.index()].life = Life::Recycled(at);
        self.recycled.insert(row);
        self.journal.note(row, What::Recycled);
    }

    /// Brings an object back from the recycle bin.
    pub(crate) fn restore(&mut self, row: Row) {
        self.history.note(row, Before::Life(self.object(row).life));
        self.objects[row.index()].life = Life::Live;
        self.live_users += usize::from(self.is_live_user(row));
        self.recycled.remove(&row);
        self.journal.note(row, What::Restored);
    }

    fn is_live_user(&self, row: Row) -> bool {
        self.object(row).kind == Kind::User && self.object(row).is_live()
    }

    /// Removes an object for good, with every reference to and from it.
    pub(crate) fn purge(&mut self, row: Row, at: i64) {
        for relation in [Relation::Member, Relation::Owner, Relation::Manager] {
            let to: Vec<Row> = self.links.targets(relation, row, None).collect();
            let from: Vec<Row> = self.links.sources(relation, row, None).collect();
            for other in to {
                self.history.note(row, Before::Link(relation, other, true));
                self.links.remove(relation, row, other);
            }
            for other in from {
                self.unlink(relation, other, row);
            }
        }
        self.roles.forget(row);
        self.passes.remove(&row);
        self.licences.note(row, None);
        self.recycled.remove(&row);
        self.purged += 1;
        while self.purged_lately.front().is_some_and(|earlier| at - *earlier >= LATELY) {
            self.purged_lately.pop_front();
        }
        self.purged_lately.push_back(at);
        self.live_users -= usize::from(self.is_live_user(row));
        let object = &mut self.objects[row.index()];
        self.history.note(row, Before::Life(object.life));
        for (name, value) in object.properties().filter(|_| self.history.is_open()).collect::<Vec<_>>() {
            self.history.note(row, Before::Value(name, Some(value.clone())));
        }
        self.lookup.remove(row, object);
        object.purge();
        self.journal.note(row, What::Purged);
    }

    /// Purges what has been in the recycle bin since before the moment; returns how many.
    pub(crate) fn purge_recycled_before(&mut self, moment: i64, now: i64) -> usize {
        let old = |row: &Row| matches!(self.object(*row).life, Life::Recycled(at) if at < moment);
        let rows: Vec<Row> = self.recycled.iter().copied().filter(old).collect();
        for row in &rows {
            self.purge(*row, now);
        }
        rows.len()
    }
}
