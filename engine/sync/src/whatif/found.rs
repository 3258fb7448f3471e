//! What a comparison found, gathered so that it stays small whatever the size of the source.

use std::collections::BTreeMap;

use entrain_mapping::MappingError;
use entrain_model::{Hold, Kind, ObjectRef};
use entrain_plan::Groups;
use entrain_store::Clashes;
use serde::Serialize;
use serde_json::{Value as Json, json};

use super::compare::{Compared, Outcome};

/// Objects that are named of a group.
const NAMED: usize = 5;
/// Different failures that are told.
const FAILURES: usize = 50;

/// What another mapping would change.
#[derive(Clone, Debug, Default)]
pub struct WhatIf {
    /// Objects of the source that both were asked about.
    pub objects: u64,
    /// Of these, how many whose present state was read instead of evaluated.
    pub stored: u64,
    /// Objects of which some attribute would be otherwise.
    pub differ: u64,
    /// The most attributes that the other mapping names of an object.
    pub fields: usize,
    /// The differences.
    pub groups: Groups,
    /// Objects that would enter the target.
    pub enter: Moved,
    /// Objects that would leave it.
    pub leave: Moved,
    /// Objects for which the other mapping fails.
    pub failed: u64,
    /// Of these, how many for which the one in force does not.
    pub newly_failed: u64,
    /// Parked objects for which it fails; they stay parked.
    pub parked: u64,
    /// Objects for which the one in force fails and the other does not.
    pub mended: u64,
    /// The failures, by place and message.
    pub failures: Vec<Failure>,
    /// Values that the target would not take, by attribute.
    pub invalid: BTreeMap<(Kind, String), Invalid>,
    /// Unique values that could not be had.
    pub clashes: Clashes,
}

/// Objects that enter or leave.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Moved {
    /// How many.
    pub objects: u64,
    /// The first of them.
    pub examples: Vec<ObjectRef>,
}

/// A place where a script fails.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Failure {
    /// The script.
    pub script: String,
    /// The line, from 1.
    pub line: Option<usize>,
    /// The column, from 1.
    pub column: Option<usize>,
    /// What happened.
    pub message: String,
    /// For how many objects.
    pub objects: u64,
    /// The first of them.
    pub examples: Vec<ObjectRef>,
}

/// Values of an attribute that the target would not take.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Invalid {
    /// Of how many objects.
    pub objects: u64,
    /// The first of them, and why.
    pub examples: Vec<(ObjectRef, String)>,
}

impl WhatIf {
    pub(super) fn add(&mut self, one: Compared, parked: &BTreeMap<ObjectRef, String>) {
        let object = one.object;
        self.fields = self.fields.max(one.fields);
        self.objects += u64::from(!matches!(one.outcome, Outcome::Outside));
        self.stored += u64::from(one.stored);
        let invalid = match one.outcome {
            Outcome::Outside | Outcome::Same => None,
            Outcome::Differs(differences, invalid) => {
                self.differ += 1;
                differences.into_iter().for_each(|difference| self.groups.add(&object, difference));
                invalid
            }
            Outcome::Enters(invalid) => {
                self.enter.add(&object);
                invalid
            }
            Outcome::Leaves => {
                self.leave.add(&object);
                None
            }
            Outcome::Mended(invalid) => {
                self.mended += 1;
                invalid
            }
            Outcome::Fails(..) if parked.contains_key(&object) => {
                self.parked += 1;
                None
            }
            Outcome::Fails(error, before) => {
                self.failed += 1;
                self.newly_failed += u64::from(!before);
                self.fail(*error, &object);
                None
            }
        };
        if let Some(Hold::Rejected { attribute, detail }) = invalid {
            let attribute = attribute.unwrap_or_default();
            self.invalid.entry((object.kind, attribute)).or_default().add(&object, detail);
        }
    }

    fn fail(&mut self, error: MappingError, object: &ObjectRef) {
        let MappingError { script, line, column, message, .. } = error;
        let place =
            |known: &&mut Failure| (&known.script, known.line, known.column, &known.message) == (&script, line, column, &message);
        if let Some(known) = self.failures.iter_mut().find(place) {
            known.objects += 1;
            name(&mut known.examples, object);
        } else if self.failures.len() < FAILURES {
            self.failures.push(Failure { script, line, column, message, objects: 1, examples: vec![object.clone()] });
        }
    }

    /// Whether everything would stay as it is.
    pub fn is_empty(&self) -> bool {
        self.groups.is_empty() && self.enter.objects + self.leave.objects + self.failed + self.mended == 0
    }

    /// As one JSON object.
    pub fn to_json(&self) -> Json {
        let attributes: Vec<Json> = self
            .groups
            .each()
            .map(|(kind, attribute, patterns)| {
                let objects: u64 = patterns.iter().map(|(_, group)| group.objects).sum();
                let patterns: Vec<Json> = patterns
                    .into_iter()
                    .map(|(pattern, group)| {
                        json!({ "pattern": pattern.to_string(), "is": pattern, "objects": group.objects, "examples": group.examples })
                    })
                    .collect();
                json!({ "kind": kind, "attribute": attribute, "objects": objects, "patterns": patterns })
            })
            .collect();
        let invalid: Vec<Json> = self
            .invalid
            .iter()
            .map(|((kind, attribute), of)| {
                let examples: Vec<Json> =
                    of.examples.iter().map(|(object, why)| json!({ "object": object, "reason": why })).collect();
                json!({ "kind": kind, "attribute": attribute, "objects": of.objects, "examples": examples })
            })
            .collect();
        json!({
            "objects": self.objects, "stored": self.stored, "differ": self.differ, "fields": self.fields, "attributes": attributes,
            "enter": self.enter, "leave": self.leave, "invalid": invalid, "clashes": clashes(&self.clashes),
            "errors": {
                "objects": self.failed, "new": self.newly_failed, "parked": self.parked, "mended": self.mended, "first": self.failures,
            },
        })
    }
}

impl Moved {
    fn add(&mut self, object: &ObjectRef) {
        self.objects += 1;
        name(&mut self.examples, object);
    }
}

impl Invalid {
    fn add(&mut self, object: &ObjectRef, detail: String) {
        self.objects += 1;
        if self.examples.len() < NAMED {
            self.examples.push((object.clone(), detail));
        }
    }
}

fn name(examples: &mut Vec<ObjectRef>, object: &ObjectRef) {
    if examples.len() < NAMED {
        examples.push(object.clone());
    }
}

fn clashes(clashes: &Clashes) -> Json {
    let first: Vec<Json> = clashes
        .first
        .iter()
        .map(|clash| {
            json!({
                "kind": clash.kind, "attribute": clash.attribute, "value": clash.value, "objects": clash.objects,
                "wanted_by": clash.wanted_by, "held_by": clash.held_by,
            })
        })
        .collect();
    json!({ "wanted": clashes.wanted, "held": clashes.held, "first": first })
}
