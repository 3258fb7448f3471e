//! All that is known of one object when a run plans for it.

use std::collections::BTreeSet;

use serde_json::Value as Json;

use crate::{Anchor, Attributes, Basis, Condition, Desired, Evidence, Millis, ObjectRef, Protection, TargetId, Value};

/// The input of the planner for one object.
#[derive(Clone, Debug, PartialEq)]
pub struct ObjectState {
    /// Which object.
    pub object: ObjectRef,
    /// The versions that this state was read at.
    pub basis: Basis,
    /// What shall be.
    pub desired: Desired,
    /// The link, if there is one.
    pub link: Option<LinkState>,
    /// The linked record as last known. `None` with a link: it was never seen, which proves nothing.
    pub actual: Option<Actual>,
    /// For an object without a link: the records that its keys find, strongest key first.
    pub candidates: Vec<Candidate>,
    /// Unique values that this object wants and that another object wants or another record has.
    pub contests: Vec<Contest>,
    /// An earlier change of it has an unknown outcome and the target may not show it yet.
    pub unsettled: bool,
    /// When its record was last written by us. Reads may show the state before that for a while.
    pub written_at: Option<Millis>,
    /// An operator parked it, with this reason.
    pub parked: Option<String>,
    /// Since when it is gone from the source or out of scope; `None` if it is not, or if no run has noted it yet.
    pub left: Option<Left>,
    /// An operator retains its record, with this reason: it may be blocked, and is neither deleted nor taken out of groups.
    pub retained: Option<String>,
    /// How it stands with the first credential of a record that we made and whose credential is handed over.
    pub outstanding: Option<Outstanding>,
}

/// An object that left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Left {
    /// When the source recorded its deletion, or when it was first seen out of scope.
    pub at: Millis,
    /// When its sessions were revoked for that.
    pub sessions_ended: Option<Millis>,
}

/// A first credential that has reached nobody yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outstanding {
    /// It is to be made by the next run.
    Due,
    /// It was made, or may have been, and is lost: somebody must ask for another one.
    Lost {
        /// What happened.
        detail: String,
    },
}

/// A link: this source object is that target record.
#[derive(Clone, Debug, PartialEq)]
pub struct LinkState {
    /// The record.
    pub id: TargetId,
    /// Counts the changes of the link.
    pub version: i64,
    /// Whether the record is known to carry our anchor. Without it a record is never deleted.
    pub anchored: bool,
    /// The values that were last sent, by attribute; `null` for a clear.
    pub sent: Attributes,
    /// Where the target made something else of what was sent: what it stored.
    pub stored: Attributes,
}

/// A target record as last known.
#[derive(Clone, Debug, PartialEq)]
pub struct Actual {
    /// Its id.
    pub id: TargetId,
    /// Its state.
    pub condition: Condition,
    /// Known attributes; `null` for no value, missing for not known.
    pub attributes: Attributes,
    /// Whose anchor it carries, seen from the object.
    pub anchor: Anchor,
    /// Why it is protected; empty for most.
    pub protection: BTreeSet<Protection>,
    /// A person approved by name that it is linked and written although it is protected.
    pub approved: bool,
    /// Another directory owns it.
    pub mastered_elsewhere: bool,
    /// Of a sort that cannot be written, and which.
    pub unwritable: Option<String>,
    /// How its attributes are known.
    pub knowledge: Knowledge,
}

impl Actual {
    /// It is protected and nobody approved that it is touched.
    pub fn is_shielded(&self) -> bool {
        !self.protection.is_empty() && !self.approved
    }

    /// What is known of one attribute.
    pub fn value(&self, attribute: &str) -> Value {
        match self.attributes.get(attribute) {
            None => Value::Unknown,
            Some(Json::Null) => Value::Unset,
            Some(value) => Value::Value(value.clone()),
        }
    }
}

/// How a record's attributes are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Knowledge {
    /// This run read them.
    Fresh,
    /// An earlier run read or wrote them.
    Remembered,
}

/// A record that a matching key finds.
#[derive(Clone, Debug, PartialEq)]
pub struct Candidate {
    /// Which key; smaller is stronger. All candidates of one rank were found by one key.
    pub rank: i64,
    /// The same in words.
    pub evidence: Evidence,
    /// The record.
    pub actual: Actual,
    /// The object that it is linked to already.
    pub linked_to: Option<ObjectRef>,
    /// Other objects without a link that the same key leads to the same record.
    pub rivals: Vec<ObjectRef>,
}

/// A unique value that more than one wants or has.
#[derive(Clone, Debug, PartialEq)]
pub struct Contest {
    /// The attribute.
    pub attribute: String,
    /// The value as this object wants it.
    pub value: String,
    /// Other objects in scope that want it too.
    pub wanted_by: Vec<ObjectRef>,
    /// Live records, other than this object's own, that have it, and the object each is linked to.
    pub held_by: Vec<(TargetId, Option<ObjectRef>)>,
}
