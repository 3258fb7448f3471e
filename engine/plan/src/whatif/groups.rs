//! Differences of many objects, gathered. Bounded, however many there are.

use std::collections::BTreeMap;

use entrain_model::{Kind, ObjectRef};
use serde::Serialize;
use serde_json::Value as Json;

use super::{Difference, Pattern};

/// Patterns that are kept of an attribute. One more puts the rarest among [`Pattern::Other`]: what many objects share stays.
const PATTERNS: usize = 64;
/// Examples that are kept of a pattern.
const EXAMPLES: usize = 3;

/// One object of a group.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Example {
    /// Which.
    pub object: ObjectRef,
    /// What the one mapping wants.
    pub from: Json,
    /// What the other wants.
    pub to: Json,
}

/// The differences of one attribute that have a pattern in common.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Group {
    /// How many objects.
    pub objects: u64,
    /// The first of them.
    pub examples: Vec<Example>,
}

/// All differences, by attribute and pattern.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Groups(BTreeMap<(Kind, String), BTreeMap<Pattern, Group>>);

impl Groups {
    /// Adds one difference of one object.
    pub fn add(&mut self, object: &ObjectRef, difference: Difference) {
        let Difference { attribute, pattern, from, to } = difference;
        let patterns = self.0.entry((object.kind, attribute)).or_default();
        patterns.entry(pattern).or_default().add(|| Example { object: object.clone(), from, to });
        if patterns.len() > PATTERNS {
            fold_rarest(patterns);
        }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many objects differ in each attribute.
    pub fn counts(&self) -> BTreeMap<Kind, BTreeMap<String, u64>> {
        let mut counts: BTreeMap<Kind, BTreeMap<String, u64>> = BTreeMap::new();
        for ((kind, attribute), patterns) in &self.0 {
            let objects = patterns.values().map(|group| group.objects).sum();
            counts.entry(*kind).or_default().insert(attribute.clone(), objects);
        }
        counts
    }

    /// Attribute by attribute, its patterns with the most frequent first.
    pub fn each(&self) -> impl Iterator<Item = (Kind, &str, Vec<(&Pattern, &Group)>)> {
        self.0.iter().map(|((kind, attribute), patterns)| {
            let mut patterns: Vec<_> = patterns.iter().collect();
            patterns.sort_by_key(|(_, group)| std::cmp::Reverse(group.objects));
            (*kind, attribute.as_str(), patterns)
        })
    }
}

impl Group {
    fn add(&mut self, example: impl FnOnce() -> Example) {
        self.objects += 1;
        if self.examples.len() < EXAMPLES {
            self.examples.push(example());
        }
    }
}

fn fold_rarest(patterns: &mut BTreeMap<Pattern, Group>) {
    let rare = patterns.iter().filter(|(pattern, _)| **pattern != Pattern::Other);
    let Some(rarest) = rare.min_by_key(|(_, group)| group.objects).map(|(pattern, _)| pattern.clone()) else { return };
    let Some(folded) = patterns.remove(&rarest) else { return };
    let other = patterns.entry(Pattern::Other).or_default();
    other.objects += folded.objects;
    let room = EXAMPLES - other.examples.len().min(EXAMPLES);
    other.examples.extend(folded.examples.into_iter().take(room));
}
