//! A page of the source, mapped twice and compared object by object.

use std::collections::BTreeSet;
use std::sync::Arc;

use entrain_mapping::MappingError;
use entrain_model::{Desired, DesiredRecord, Hold, ObjectRef, SourceId, SourceRecord, Why, fold};
use entrain_plan::{Difference, differences, missing, validate};
use entrain_store::Want;

use super::{Inputs, Pair};
use crate::{SyncError, Target, map};

/// What the other mapping would make of one object.
pub(super) struct Compared {
    pub(super) object: ObjectRef,
    pub(super) outcome: Outcome,
    /// What the mapping in force wants was read, not evaluated.
    pub(super) stored: bool,
    /// How many attributes the other mapping names.
    pub(super) fields: usize,
    /// The unique values that it would want, where they differ or the stored ones do not stand.
    pub(super) wants: Vec<Want>,
}

pub(super) enum Outcome {
    /// The scope leaves it out, whatever a script says.
    Outside,
    /// Nothing differs.
    Same,
    /// Attributes differ; the target would not take a value.
    Differs(Vec<Difference>, Option<Hold>),
    /// It enters the target.
    Enters(Option<Hold>),
    /// It leaves the target.
    Leaves,
    /// The other mapping fails; whether the one in force does too.
    Fails(Box<MappingError>, bool),
    /// The mapping in force fails, the other does not.
    Mended(Option<Hold>),
}

/// Compares a page on threads that may block, one half each.
pub(super) async fn compare(pair: &Arc<Pair>, inputs: Inputs) -> Result<Vec<Compared>, SyncError> {
    let inputs = Arc::new(inputs);
    let half = inputs.records.len().div_ceil(2);
    let tasks = [0..half, half..inputs.records.len()].map(|part| {
        let (pair, inputs) = (Arc::clone(pair), Arc::clone(&inputs));
        tokio::task::spawn_blocking(move || {
            inputs.records[part].iter().map(|record| one(&pair, &inputs, record)).collect::<Vec<_>>()
        })
    });
    let mut compared = Vec::with_capacity(inputs.records.len());
    for task in tasks {
        compared.extend(task.await.map_err(|dead| SyncError::Thread(dead.to_string()))?);
    }
    Ok(compared)
}

fn one(pair: &Pair, inputs: &Inputs, record: &SourceRecord) -> Compared {
    let object = record.object.clone();
    let plain = |outcome, stored| Compared { object: object.clone(), outcome, stored, fields: 0, wants: Vec::new() };
    if map::outside(&pair.old, record, inputs.within.as_ref()).is_some() {
        return plain(Outcome::Outside, false);
    }
    let manager = map::manager_of(record).and_then(|id| inputs.managers.get(&SourceId::from(id)));
    let mapped = |target: &Target| map::desired(target, record, inputs.within.as_ref(), manager);
    let stored = inputs.stored.get(&object);
    let new = match mapped(&pair.new) {
        Ok(new) => new,
        Err(error) => {
            return plain(Outcome::Fails(Box::new(error), stored.is_none() && mapped(&pair.old).is_err()), stored.is_some());
        }
    };
    let fields = settings(&new).map_or(0, |wanted| wanted.settings.len());
    // Most objects do not differ, and their text is the same then.
    if stored.is_some_and(|stored| serde_json::to_string(&new).is_ok_and(|new| new == *stored)) {
        return Compared { fields, ..plain(Outcome::Same, true) };
    }
    let read = stored.and_then(|text| serde_json::from_str::<Desired>(text).ok());
    let read = read.filter(|desired| !matches!(desired, Desired::OutOfScope(Why::NotInScopeGroup) | Desired::Held(_)));
    let stored = read.is_some();
    let old = read.or_else(|| mapped(&pair.old).ok());
    let wants = wants(pair, &object, old.as_ref(), &new, stored);
    Compared { object, outcome: outcome(pair, record, old.as_ref(), &new), stored, fields, wants }
}

fn outcome(pair: &Pair, record: &SourceRecord, old: Option<&Desired>, new: &Desired) -> Outcome {
    let (kind, schema) = (record.object.kind, pair.new.schema());
    let invalid =
        |wanted: &DesiredRecord| validate(kind, wanted, schema, &pair.new.policy).or_else(|| missing(kind, wanted, schema));
    let Some(old) = old else { return Outcome::Mended(settings(new).and_then(invalid)) };
    match (settings(old), settings(new)) {
        (Some(old), Some(new)) => {
            let differences = differences(old, new, record, schema.of(kind));
            if differences.is_empty() {
                return Outcome::Same;
            }
            let bad = invalid(new).filter(|bad| invalid(old).as_ref() != Some(bad));
            Outcome::Differs(differences, bad)
        }
        (None, Some(new)) => Outcome::Enters(invalid(new)),
        (Some(_), None) => Outcome::Leaves,
        (None, None) => Outcome::Same,
    }
}

fn settings(desired: &Desired) -> Option<&DesiredRecord> {
    match desired {
        Desired::Present(wanted) => Some(wanted),
        Desired::Absent(_) | Desired::OutOfScope(_) | Desired::Held(_) => None,
    }
}

fn wants(pair: &Pair, object: &ObjectRef, old: Option<&Desired>, new: &Desired, stored: bool) -> Vec<Want> {
    let values = |desired: Option<&Desired>| -> BTreeSet<(String, String)> {
        let wanted = desired.and_then(settings).map(|wanted| map::unique(&pair.new, object.kind, wanted));
        wanted.into_iter().flatten().map(|(attribute, value)| (attribute, fold(&value))).collect()
    };
    let (old, new) = (values(old), values(Some(new)));
    if stored && old == new {
        return Vec::new();
    }
    let want = |value: Option<(String, String)>, new| Want { object: object.clone(), value, new };
    if new.is_empty() {
        return vec![want(None, false)];
    }
    new.into_iter().map(|value| want(Some(value.clone()), !old.contains(&value))).collect()
}
