//! The records, and what writes do to them.

use entrain_model::{
    Attributes, Condition, DirectoryError, Domain, Fault, HandedOver, Kind, Lane, NewRecord, Observed, Query, Relation, Schema,
    TargetId, Tenant, Write, Written,
};
use entrain_plan::merge;
use serde_json::{Value as Json, json};

use super::faults::{Chance, Fate, Next};
use super::history::{Event, History};
use super::reads::{Found, Sight};
use super::tables::{Key, Record, Reference, Tables, owner_kind};
use super::{Arrived, Marks, reads, rules};

/// A create, and what was answered to it.
pub(super) type Sent = (NewRecord, Result<Written, DirectoryError>);

pub(super) struct State {
    /// As it is.
    pub tables: Tables,
    /// All that happened, and when whom it becomes visible to.
    pub history: History,
    /// Cursors before this place are no longer valid.
    pub oldest: usize,
    pub page_size: usize,
    pub break_read_after: Option<usize>,
    pub domains: Vec<String>,
    /// Why nobody is told who holds roles.
    pub concealed: Option<String>,
    /// What becomes of the first credentials of new users; `None`: nobody is told them.
    pub handing: Option<HandedOver>,
    pub writes_privileged: bool,
    /// How many members of a new group it takes together with the group.
    pub members_with_new: usize,
    pub log: Vec<Arrived>,
    pub faults: Chance,
    made: u64,
}

impl State {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            tables: Tables::default(),
            history: History::default(),
            oldest: 0,
            page_size: 100,
            break_read_after: None,
            domains: vec!["x.example".to_owned()],
            concealed: None,
            handing: None,
            writes_privileged: false,
            members_with_new: 0,
            log: Vec::new(),
            faults: Chance::new(seed),
            made: 0,
        }
    }

    /// What a read finds; `None` if its cursor is no longer valid.
    pub(super) fn find(&mut self, query: &Query, schema: &Schema) -> Option<Found> {
        let replica = self.history.replica(&mut self.faults);
        let seen = replica.map(|replica| self.history.seen_by(replica));
        let tables = seen.as_ref().unwrap_or(&self.tables);
        let replayed = self.faults.replayed();
        let sight = Sight { tables, history: &self.history, oldest: self.oldest, replica, replayed };
        let mut found = reads::find(sight, query, schema)?;
        if matches!(query, Query::Everything { since: Some(_), .. }) && self.faults.reorders() {
            reads::torn(&mut found.records, &mut self.faults);
        }
        Some(found)
    }

    /// One write arrives. `None`: nothing is answered, now and later.
    pub(super) fn arrive(&mut self, lane: Lane, write: &Write, schema: &Schema) -> Option<Result<Written, DirectoryError>> {
        let (committed, answer) = match self.faults.fate() {
            Fate::Silence { done } => (done && self.apply(write, schema).is_ok(), None),
            Fate::Answer(next) => {
                let (committed, answer) = self.answer(next, write, schema);
                (committed, Some(answer))
            }
        };
        self.log.push(Arrived { lane, write: write.clone(), committed, answer: answer.clone() });
        answer
    }

    /// A member that came with the create of its group shares the fate of that.
    pub(super) fn join(
        &mut self,
        lane: Lane,
        (new, answer): &Sent,
        to_kind: Kind,
        to: &TargetId,
    ) -> Result<Written, DirectoryError> {
        let (anchor, value) = &new.anchor;
        let from = match answer {
            Ok(written) => written.id.clone(),
            Err(error) if error.fault == Fault::OutcomeUnknown => self.by_anchor(new.kind, anchor, value),
            Err(_) => None,
        };
        let joined = from.as_ref().map(|from| self.added_with(from, to_kind, to));
        let committed = joined.as_ref().is_some_and(Result::is_ok);
        let joined = match (answer, joined) {
            (Ok(_), Some(joined)) => joined,
            (Ok(_), None) => Err(DirectoryError::new(Fault::OutcomeUnknown, "the group is not shown yet")),
            (Err(error), _) => Err(error.clone()),
        };
        let (relation, from) = (Relation::Member, from.unwrap_or_else(|| TargetId::from("?")));
        let write = Write::AddReference { relation, from, to_kind, to: to.clone() };
        self.log.push(Arrived { lane, write, committed, answer: Some(joined.clone()) });
        joined
    }

    fn added_with(&mut self, from: &TargetId, to_kind: Kind, to: &TargetId) -> Result<Written, DirectoryError> {
        let reference = Reference { relation: Relation::Member, from: from.clone(), to: (to_kind, to.clone()) };
        rules::joinable(self, &reference)?;
        if let Some(replica) = self.history.replica(&mut self.faults)
            && !self.history.seen_by(replica).is_live(&reference.to)
        {
            return Err(rules::not_found(to));
        }
        let already = !self.refer(Relation::Member, from, to_kind, to);
        Ok(Written { already, ..Written::default() })
    }

    fn answer(&mut self, next: Next, write: &Write, schema: &Schema) -> (bool, Result<Written, DirectoryError>) {
        let lost = || DirectoryError::new(Fault::OutcomeUnknown, "the connection broke before the answer came");
        match next {
            Next::Works => {
                let answer = self.apply(write, schema);
                (answer.is_ok(), answer)
            }
            Next::LostAfter => (self.apply(write, schema).is_ok(), Err(lost())),
            Next::LostBefore => (false, Err(lost())),
            Next::LostAndRepeated => {
                let committed = self.apply(write, schema).is_ok();
                let again = self.apply(write, schema);
                (
                    committed,
                    again.map(|written| Written {
                        after_lost_sending: written.already,
                        request_id: Some("again".into()),
                        ..written
                    }),
                )
            }
            Next::Throttled(retry_after) => {
                (false, Err(DirectoryError::new(Fault::Throttled { retry_after }, "too many requests; the write is repeated")))
            }
            Next::Unreachable => (false, Err(DirectoryError::new(Fault::Unreachable, "no connection; the write is repeated"))),
            Next::Unauthorized => (false, Err(DirectoryError::new(Fault::Unauthorized, "the credential is not accepted"))),
        }
    }

    fn apply(&mut self, write: &Write, schema: &Schema) -> Result<Written, DirectoryError> {
        let seen = self.history.replica(&mut self.faults).map(|replica| self.history.seen_by(replica));
        if let Some(seen) = &seen {
            rules::visible(seen, write)?;
        }
        match write {
            Write::Create(record) => self.create(record, seen.as_ref(), schema),
            Write::Restore { kind, id, attributes } => self.restore((*kind, id.clone()), attributes, schema),
            Write::Update { kind, id, attributes } => {
                let key = (*kind, id.clone());
                rules::writable(self, &key)?;
                rules::acceptable(self, *kind, Some(id), attributes, schema)?;
                self.put(key, attributes, schema);
                Ok(Written::default())
            }
            Write::Disable { id, .. } => {
                let key = (Kind::User, id.clone());
                rules::writable(self, &key)?;
                let enabled = schema.users.enabled.map(|name| (name.to_owned(), Json::Bool(false)));
                self.put(key, &enabled.into_iter().collect(), schema);
                Ok(Written::default())
            }
            Write::RevokeSessions { id } => {
                rules::writable(self, &(Kind::User, id.clone()))?;
                Ok(Written::default())
            }
            Write::Issue { id, .. } => {
                rules::writable(self, &(Kind::User, id.clone()))?;
                Ok(Written { credential: self.handing.clone(), ..Written::default() })
            }
            Write::Delete { kind, id } => {
                rules::writable(self, &(*kind, id.clone()))?;
                self.delete(*kind, id);
                Ok(Written::default())
            }
            Write::AddReference { relation, from, to_kind, to } => {
                let reference = Reference { relation: *relation, from: from.clone(), to: (*to_kind, to.clone()) };
                rules::joinable(self, &reference)?;
                // A replica that shows it still calls it needless, and does nothing.
                if seen.as_ref().is_some_and(|seen| seen.references.contains(&reference)) {
                    return Ok(Written { already: true, ..Written::default() });
                }
                let already = !self.refer(*relation, from, *to_kind, to);
                Ok(Written { already, ..Written::default() })
            }
            Write::FirstMember { group, .. } => {
                Err(DirectoryError::new(Fault::NotFound { id: None }, format!("nothing makes {group}")))
            }
            Write::RemoveReference { relation, from, to_kind, to } => {
                rules::writable(self, &(owner_kind(*relation), from.clone()))?;
                let reference = Reference { relation: *relation, from: from.clone(), to: (*to_kind, to.clone()) };
                if seen.as_ref().is_some_and(|seen| !seen.references.contains(&reference)) {
                    return Ok(Written { already: true, ..Written::default() });
                }
                let already = !self.unrefer(*relation, from, *to_kind, to);
                Ok(Written { already, ..Written::default() })
            }
        }
    }

    /// A record that is there by its anchor, and that the replica does not show, has no id to answer with.
    fn create(&mut self, record: &NewRecord, seen: Option<&Tables>, schema: &Schema) -> Result<Written, DirectoryError> {
        let (anchor, value) = &record.anchor;
        if schema.of(record.kind).created_by_anchor
            && let Some(id) = self.by_anchor(record.kind, anchor, value)
        {
            if seen.is_some_and(|seen| !seen.is_live(&(record.kind, id.clone()))) {
                return Err(DirectoryError::new(Fault::OutcomeUnknown, "the record is there and not shown yet"));
            }
            return Ok(Written { id: Some(id), already: true, ..Written::default() });
        }
        rules::complete(record, schema)?;
        rules::acceptable(self, record.kind, None, &record.attributes, schema)?;
        self.made += 1;
        let id = TargetId::from(format!("r{:04}", self.made));
        self.seed(record.kind, id.clone(), record.attributes.clone(), schema);
        let credential = self.handing.clone().filter(|_| record.kind == Kind::User);
        Ok(Written { id: Some(id), credential, ..Written::default() })
    }

    pub(super) fn restore(&mut self, key: Key, attributes: &Attributes, schema: &Schema) -> Result<Written, DirectoryError> {
        let record = self.tables.records.get(&key).filter(|record| record.condition == Condition::Deleted);
        let Some(record) = record else { return Err(rules::not_found(&key.1)) };
        let mut after = record.attributes.clone();
        merge(&mut after, attributes, schema.of(key.0));
        rules::acceptable(self, key.0, Some(&key.1), &after, schema)?;
        if let Some(record) = self.tables.records.get_mut(&key) {
            record.condition = Condition::Live;
        }
        self.put(key.clone(), attributes, schema);
        for reference in self.tables.references_with(&key) {
            self.happened(Event::Reference(reference, true));
        }
        Ok(Written::default())
    }

    fn by_anchor(&self, kind: Kind, anchor: &str, value: &str) -> Option<TargetId> {
        let carries = |(key, record): &(&Key, &Record)| {
            key.0 == kind && record.condition == Condition::Live && rules::read(&record.attributes, anchor) == &Json::from(value)
        };
        self.tables.records.iter().find(carries).map(|(key, _)| key.1.clone())
    }

    fn happened(&mut self, event: Event) {
        let record = match &event {
            Event::Record(key) => self.tables.records.get(key).cloned(),
            Event::Reference(..) => None,
        };
        self.history.push(event, record, &mut self.faults);
    }

    fn put(&mut self, key: Key, attributes: &Attributes, schema: &Schema) {
        if let Some(record) = self.tables.records.get_mut(&key) {
            merge(&mut record.attributes, attributes, schema.of(key.0));
            prune(&mut record.attributes);
            self.happened(Event::Record(key));
        }
    }

    pub(super) fn seed(&mut self, kind: Kind, id: TargetId, attributes: Attributes, schema: &Schema) {
        let mut known = Attributes::new();
        merge(&mut known, &attributes, schema.of(kind));
        prune(&mut known);
        let key = (kind, id);
        self.tables
            .records
            .insert(key.clone(), Record { attributes: known, condition: Condition::Live, marks: Marks::default() });
        self.happened(Event::Record(key));
    }

    pub(super) fn edit(&mut self, kind: Kind, id: &TargetId, attributes: &Attributes, schema: &Schema) {
        self.put((kind, id.clone()), attributes, schema);
    }

    /// References of a deleted record are not shown until it is restored.
    pub(super) fn delete(&mut self, kind: Kind, id: &TargetId) {
        let key = (kind, id.clone());
        for reference in self.tables.references_with(&key) {
            self.happened(Event::Reference(reference, false));
        }
        if let Some(record) = self.tables.records.get_mut(&key) {
            record.condition = Condition::Deleted;
            self.happened(Event::Record(key));
        }
    }

    pub(super) fn purge(&mut self, kind: Kind, id: &TargetId) {
        let key = (kind, id.clone());
        for reference in self.tables.references_with(&key) {
            self.tables.references.remove(&reference);
            self.happened(Event::Reference(reference, false));
        }
        self.tables.records.remove(&key);
        self.happened(Event::Record(key));
    }

    /// Whether the reference is new. A manager replaces the one before.
    pub(super) fn refer(&mut self, relation: Relation, from: &TargetId, to_kind: Kind, to: &TargetId) -> bool {
        let reference = Reference { relation, from: from.clone(), to: (to_kind, to.clone()) };
        if relation == Relation::Manager {
            let before: Vec<_> = self
                .tables
                .references
                .iter()
                .filter(|r| r.relation == relation && r.from == *from && **r != reference)
                .cloned()
                .collect();
            for old in before {
                self.drop_reference(old);
            }
        }
        let new = self.tables.references.insert(reference.clone());
        if new {
            self.happened(Event::Reference(reference, true));
        }
        new
    }

    /// Whether the reference was there.
    pub(super) fn unrefer(&mut self, relation: Relation, from: &TargetId, to_kind: Kind, to: &TargetId) -> bool {
        self.drop_reference(Reference { relation, from: from.clone(), to: (to_kind, to.clone()) })
    }

    fn drop_reference(&mut self, reference: Reference) -> bool {
        let there = self.tables.references.remove(&reference);
        if there {
            self.happened(Event::Reference(reference, false));
        }
        there
    }

    pub(super) fn mark(&mut self, kind: Kind, id: &TargetId, change: impl FnOnce(&mut Marks)) {
        let key = (kind, id.clone());
        if let Some(record) = self.tables.records.get_mut(&key) {
            change(&mut record.marks);
            self.happened(Event::Record(key));
        }
    }

    pub(super) fn expire_cursors(&mut self) {
        self.oldest = self.history.len() + 1;
        self.happened(Event::Record((Kind::User, TargetId::from(""))));
    }

    pub(super) fn dump(&self) -> Vec<Observed> {
        self.tables.records.keys().map(|key| self.tables.observe(key)).collect()
    }

    pub(super) fn value(&self, kind: Kind, id: &TargetId, attribute: &str) -> Option<Json> {
        let record = self.tables.records.get(&(kind, id.clone())).filter(|record| record.condition == Condition::Live)?;
        Some(rules::read(&record.attributes, attribute).clone())
    }

    pub(super) fn tenant(&self) -> Tenant {
        let domain = |name: &String| Domain { name: name.clone(), verified: true, federated: name.starts_with("federated.") };
        Tenant {
            id: "tenant".to_owned(),
            display_name: "In memory".to_owned(),
            domains: self.domains.iter().map(domain).collect(),
            ..Tenant::default()
        }
    }
}

/// What has no value is not kept.
fn prune(attributes: &mut Attributes) {
    let is_set = |value: &Json| !value.is_null() && *value != json!("") && *value != json!([]) && *value != json!({});
    for value in attributes.values_mut() {
        if let Json::Object(parts) = value {
            parts.retain(|_, part| is_set(part));
        }
    }
    attributes.retain(|_, value| is_set(value));
}
