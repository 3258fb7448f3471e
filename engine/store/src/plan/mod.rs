//! Plans: the lines of a run.

mod arrange;
mod counts;
pub(crate) mod lines;

use std::collections::BTreeMap;

use entrain_model::{Claim, Counted, Decision, ObjectRef, Phase, TargetId};
use serde::{Deserialize, Serialize};

use crate::Drift;

pub use counts::{Tally, UNDELIVERED};

/// A line to be stored.
#[derive(Clone, Debug, PartialEq)]
pub struct PlannedLine {
    /// What was decided.
    pub decision: Decision,
    /// Unique values that it takes or gives up: attribute and folded value.
    pub claims: Vec<(Claim, String, String)>,
    /// What the guard counts it as.
    pub counted: Vec<Counted>,
    /// What of it puts right what somebody did in the target.
    pub drift: Vec<Drift>,
}

impl From<Decision> for PlannedLine {
    /// A line that claims nothing, and that nobody counts.
    fn from(decision: Decision) -> Self {
        Self { decision, claims: Vec::new(), counted: Vec::new(), drift: Vec::new() }
    }
}

/// How a line stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LineState {
    /// To be done.
    Planned,
    /// Its call may be on the wire.
    Started,
    /// Done.
    Done,
    /// Not done, and not to be done by this run.
    Failed,
    /// No longer true when its turn came.
    Dropped,
    /// Not to be done, for the reason that it states.
    Held,
    /// Its outcome is not known.
    Unknown,
}

/// A stored line.
#[derive(Clone, Debug, PartialEq)]
pub struct PlanLine {
    /// Its place in the plan.
    pub seq: i64,
    /// When it is due; none for a hold.
    pub phase: Option<Phase>,
    /// Its place within the phase.
    pub rank: i64,
    /// Whose.
    pub object: ObjectRef,
    /// What was decided.
    pub decision: Decision,
    /// How it stands.
    pub state: LineState,
    /// What became of it.
    pub detail: Option<String>,
    /// The target's own id of the request.
    pub request_id: Option<String>,
    /// The attributes and relations of it in which it puts right what somebody did in the target. Lines that are only to be
    /// carried out have none.
    pub drift: Vec<String>,
}

/// What a plan amounts to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PlanCounts {
    /// Changes by their word.
    pub by_action: BTreeMap<String, u64>,
    /// Holds.
    pub holds: u64,
}

/// What is linked: the measure for shares.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Population {
    /// Linked users.
    pub users: u64,
    /// Linked groups.
    pub groups: u64,
}

/// A line that wants a value which a live record other than its own has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContestedLine {
    /// The line.
    pub seq: i64,
    /// Its object.
    pub object: ObjectRef,
    /// The attribute.
    pub attribute: String,
    /// The folded value.
    pub value: String,
    /// The record that has it.
    pub holder: TargetId,
    /// The object that the record is linked to.
    pub holder_object: Option<ObjectRef>,
    /// The line of the same run by which the holder gives it up.
    pub freed_by: Option<i64>,
}
