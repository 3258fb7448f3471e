//! What a query finds.

use std::collections::{BTreeMap, BTreeSet};

use entrain_model::{Attributes, Condition, Cursor, Kind, Observed, Protection, Query, Schema, TargetId, fold};
use serde_json::Value as Json;

use super::faults::Chance;
use super::history::{Event, History, Replica};
use super::rules::read;
use super::tables::{Key, Reference, Tables, observed, owner_kind};

/// The records of a read, before they are cut into pages.
pub(super) struct Found {
    pub records: Vec<Observed>,
    pub since: Option<Cursor>,
    pub cursor: Option<Cursor>,
}

/// What a read sees of the directory.
#[derive(Clone, Copy)]
pub(super) struct Sight<'a> {
    pub tables: &'a Tables,
    pub history: &'a History,
    /// Cursors before this place are no longer valid.
    pub oldest: usize,
    /// `None`: all there is.
    pub replica: Option<Replica>,
    /// So many things are shown once more.
    pub replayed: usize,
}

impl Sight<'_> {
    /// A reference from or to a record in the recycle bin does not.
    fn stands(self, reference: &Reference) -> bool {
        let alive = |key: &Key| self.replica.is_some() || self.tables.is_live(key);
        self.tables.references.contains(reference) && alive(&reference.to) && alive(&reference.owner())
    }
}

/// `None`: the cursor is no longer valid.
pub(super) fn find(sight: Sight<'_>, query: &Query, schema: &Schema) -> Option<Found> {
    let once = |records| Some(Found { records, since: None, cursor: None });
    match query {
        Query::Everything { kind, attributes, since } => everything(sight, *kind, attributes, since.as_ref(), schema),
        Query::Record { kind, id, attributes } => {
            let key = (*kind, id.clone());
            once(sight.tables.is_live(&key).then(|| shown(sight, &key, attributes, schema)).into_iter().collect())
        }
        Query::Matching { kind, attribute, value, attributes } => {
            let matching = Some((attribute.as_str(), value.as_str()));
            once(all(sight, *kind, Condition::Live, matching, attributes, schema))
        }
        Query::Deleted { kind, matching, attributes } => {
            let matching = matching.as_ref().map(|(attribute, value)| (attribute.as_str(), value.as_str()));
            once(all(sight, *kind, Condition::Deleted, matching, attributes, schema))
        }
        Query::Privileged => once(privileged(sight)),
    }
}

fn everything(
    sight: Sight<'_>,
    kind: Kind,
    attributes: &BTreeSet<String>,
    since: Option<&Cursor>,
    schema: &Schema,
) -> Option<Found> {
    let (records, from) = match since {
        None => (all(sight, kind, Condition::Live, None, attributes, schema), 0),
        Some(since) => {
            let place: usize = since.0.parse().ok().filter(|place| (sight.oldest..=sight.history.len()).contains(place))?;
            (changes(sight, kind, place.saturating_sub(sight.replayed), attributes, schema), place)
        }
    };
    let cursor = Some(Cursor(sight.history.resume_at(from, sight.replica).to_string()));
    Some(Found { records, since: since.cloned(), cursor })
}

fn all(
    sight: Sight<'_>,
    kind: Kind,
    condition: Condition,
    matching: Option<(&str, &str)>,
    attributes: &BTreeSet<String>,
    schema: &Schema,
) -> Vec<Observed> {
    let matches = |key: &Key, known: &Attributes| match matching {
        None => true,
        Some(("id", value)) => key.1.as_str() == value,
        Some((name, value)) => read(known, name).as_str().is_some_and(|text| fold(text) == fold(value)),
    };
    let found = sight
        .tables
        .records
        .iter()
        .filter(|(key, record)| key.0 == kind && record.condition == condition && matches(key, &record.attributes));
    found.map(|(key, _)| shown(sight, key, attributes, schema)).collect()
}

/// What happened to records of this kind, and which of their references came and went; each record once.
fn changes(sight: Sight<'_>, kind: Kind, place: usize, attributes: &BTreeSet<String>, schema: &Schema) -> Vec<Observed> {
    let mut found: BTreeMap<TargetId, Observed> = BTreeMap::new();
    for event in sight.history.since(place, sight.replica) {
        match event {
            Event::Record(key) if key.0 == kind && !key.1.as_str().is_empty() => {
                let references = found.remove(&key.1).map(|known| known.references).unwrap_or_default();
                found.insert(key.1.clone(), Observed { references, ..shown(sight, key, attributes, schema) });
            }
            Event::Reference(reference, _) if owner_kind(reference.relation) == kind => {
                let bare = || Observed {
                    attributes: Attributes::new(),
                    references: Vec::new(),
                    ..sight.tables.observe(&reference.owner())
                };
                let record = found.entry(reference.from.clone()).or_insert_with(bare);
                record.references.retain(|known| (known.relation, &known.to) != (reference.relation, &reference.to.1));
                record.references.push(observed(reference, sight.stands(reference)));
            }
            Event::Record(_) | Event::Reference(..) => {}
        }
    }
    found.into_values().collect()
}

/// The same in another order, and references of one record in several places, as an incremental read may give them.
pub(super) fn torn(records: &mut Vec<Observed>, chance: &mut Chance) {
    let rest: Vec<_> = records
        .iter_mut()
        .filter(|record| record.references.len() > 1)
        .map(|record| {
            let references = record.references.split_off(1);
            Observed { attributes: Attributes::new(), references, ..record.clone() }
        })
        .collect();
    records.extend(rest);
    for last in (1..records.len()).rev() {
        records.swap(last, chance.below(last + 1));
    }
}

fn privileged(sight: Sight<'_>) -> Vec<Observed> {
    let live = sight.tables.records.iter().filter(|(_, record)| record.condition == Condition::Live);
    live.filter(|(_, record)| record.marks.privileged || record.marks.administrator)
        .map(|(key, record)| {
            let administers = record.marks.administrator.then_some(Protection::Administrator);
            let protection = administers.into_iter().chain([Protection::Role]).collect();
            Observed { attributes: Attributes::new(), references: Vec::new(), protection, ..sight.tables.observe(key) }
        })
        .collect()
}

/// The record with the attributes that are wanted, and those that the directory itself needs. What has no value is `null`.
fn shown(sight: Sight<'_>, key: &Key, wanted: &BTreeSet<String>, schema: &Schema) -> Observed {
    let record = sight.tables.observe(key);
    if record.condition == Condition::Gone {
        return record;
    }
    let kind = schema.of(key.0);
    let own = [Some(kind.anchor.as_str()), kind.login].into_iter().flatten();
    let names = wanted.iter().map(String::as_str).chain(own).map(|name| name.split_once('.').map_or(name, |(parent, _)| parent));
    let attributes = names
        .filter(|name| *name != "id")
        .map(|name| (name.to_owned(), record.attributes.get(name).cloned().unwrap_or(Json::Null)))
        .collect();
    Observed { attributes, ..record }
}
