//! The digest of a plan: what an approval refers to.

use std::collections::BTreeMap;

use entrain_model::Decision;
use serde_json::Value as Json;
use sha2::{Digest, Sha256};

use crate::render::json;

/// SHA-256 over the decisions, one line of canonical JSON each, in the order given. It grows line by line.
#[derive(Clone, Debug, Default)]
pub struct PlanDigest(Sha256);

impl PlanDigest {
    /// Takes the next decision.
    pub fn add(&mut self, decision: &Decision) {
        self.add_json(&json(decision));
    }

    /// Takes the next decision in its JSON form, as [`crate::json`] makes it.
    pub fn add_json(&mut self, decision: &Json) {
        self.0.update(canonical(decision).to_string());
        self.0.update("\n");
    }

    /// The digest in 64 hexadecimal digits.
    pub fn finish(self) -> String {
        hex(&self.0.finalize())
    }
}

/// The digest of decisions that are at hand.
pub fn digest<'a>(lines: impl Iterator<Item = &'a Decision>) -> String {
    let mut digest = PlanDigest::default();
    lines.for_each(|line| digest.add(line));
    digest.finish()
}

/// The digest of a single decision in its JSON form.
pub fn digest_of(decision: &Json) -> String {
    let mut digest = PlanDigest::default();
    digest.add_json(decision);
    digest.finish()
}

/// The same value with object members in order of their names, however the map was made to keep them.
pub(crate) fn canonical(value: &Json) -> Json {
    match value {
        Json::Object(members) => {
            let sorted: BTreeMap<&String, Json> = members.iter().map(|(name, value)| (name, canonical(value))).collect();
            Json::Object(sorted.into_iter().map(|(name, value)| (name.clone(), value)).collect())
        }
        Json::Array(list) => Json::Array(list.iter().map(canonical).collect()),
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) => value.clone(),
    }
}

/// Bytes as lower-case hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
