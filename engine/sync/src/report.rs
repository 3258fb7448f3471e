//! What a run tells when it ends.

use std::collections::BTreeMap;
use std::time::Duration;

use entrain_model::{RunId, TargetName};
use entrain_plan::Objection;
use entrain_store::{Halt, Kept, RunState, UNDELIVERED};
use serde_json::{Value as Json, json};

use crate::engine::Run;
use crate::{SyncError, drift};

/// The report of one run.
#[derive(Clone, Debug)]
pub struct Report {
    /// Which run; `None` when the target was halted before one began.
    pub run: Option<RunId>,
    /// Which target.
    pub target: TargetName,
    /// How it ended.
    pub state: RunState,
    /// Why it is held, in sentences.
    pub reasons: Vec<String>,
    /// The same as stable reason codes, one for each.
    pub codes: Vec<&'static str>,
    /// Why the target is halted.
    pub halt: Option<Halt>,
    /// Objects of source and target that were looked at.
    pub seen: u64,
    /// Changes by action that were planned.
    pub planned: BTreeMap<String, u64>,
    /// Changes by action that were done.
    pub done: BTreeMap<String, u64>,
    /// Objects or references that nothing was done about, by reason code.
    pub held: BTreeMap<String, u64>,
    /// Changes that were refused, lost or have an unknown outcome.
    pub failed: u64,
    /// Changes that were no longer true when their turn came; their objects are queued anew.
    pub dropped: u64,
    /// Changes by action that the mode of the target leaves undone.
    pub left: BTreeMap<String, u64>,
    /// Values, by kind and attribute, that differ from what the mapping says and are the target's to decide.
    pub left_to_target: BTreeMap<String, u64>,
    /// Values and references, by kind and attribute, that somebody changed in the target.
    pub drift_found: BTreeMap<String, u64>,
    /// Those of them that were put right.
    pub drift_repaired: BTreeMap<String, u64>,
    /// For a run that applied a reviewed plan: what came out as in it.
    pub kept: Option<Kept>,
    /// How the writing went in time; `None` if nothing was written.
    pub writing: Option<Writing>,
}

/// How long the writing was to take by the quotas of the target, and how long it took.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Writing {
    /// The estimate at its beginning; `None` where the target has no quotas.
    pub expected: Option<Duration>,
    /// From the first write to the last answer.
    pub took: Duration,
}

impl Report {
    /// Of a target that is halted.
    pub(crate) fn halted(target: &TargetName, halt: Halt) -> Self {
        Self { halt: Some(halt), ..Self::empty(target, RunState::Halted) }
    }

    fn empty(target: &TargetName, state: RunState) -> Self {
        Self {
            run: None,
            target: target.clone(),
            state,
            reasons: Vec::new(),
            codes: Vec::new(),
            halt: None,
            seen: 0,
            planned: BTreeMap::new(),
            done: BTreeMap::new(),
            held: BTreeMap::new(),
            failed: 0,
            dropped: 0,
            left: BTreeMap::new(),
            left_to_target: BTreeMap::new(),
            drift_found: BTreeMap::new(),
            drift_repaired: BTreeMap::new(),
            kept: None,
            writing: None,
        }
    }

    /// How many changes of this action were done.
    pub fn count(&self, action: &str) -> u64 {
        self.done.get(action).copied().unwrap_or(0)
    }

    /// As one JSON object.
    pub fn to_json(&self) -> Json {
        json!({
            "run": self.run, "target": self.target, "state": self.state.as_str(), "reasons": self.reasons,
            "reason_codes": self.codes,
            "halt": self.halt, "seen": self.seen, "planned": self.planned, "done": self.done, "held": self.held,
            "failed": self.failed, "dropped": self.dropped, "left": self.left, "left_to_target": self.left_to_target,
            "drift": { "found": self.drift_found, "repaired": self.drift_repaired },
            "reviewed": self.kept.map(|kept| json!({
                "same": kept.same, "drifted": kept.drifted, "settled": kept.settled, "others": kept.others,
            })),
            "expected_seconds": self.writing.and_then(|writing| Some(writing.expected?.as_secs())),
            "writing_seconds": self.writing.map(|writing| writing.took.as_secs_f64()),
        })
    }
}

impl Run<'_> {
    /// How an executed run ended: converged unless something was left.
    pub(crate) async fn outcome(&self) -> Result<RunState, SyncError> {
        let tally = self.store().tally(&self.id).await?;
        let clean = tally.failed == 0 && tally.held.is_empty();
        // What failed with a lost create, or waited for it, may be done by now: see `tail`.
        let lost = tally.held.contains_key(UNDELIVERED);
        let clean = clean || !lost && !self.store().is_left(&self.target.name, &self.id).await?;
        let clean = clean && tally.dropped == 0;
        Ok(if clean { RunState::Converged } else { RunState::Partial })
    }

    pub(crate) async fn report(&self, state: RunState, reasons: Vec<Objection>) -> Result<Report, SyncError> {
        let (reasons, codes) = reasons.into_iter().map(|reason| (reason.text, reason.code)).unzip();
        let tally = self.store().tally(&self.id).await?;
        let drift = self.store().drift_tally(&self.id).await?;
        Ok(Report {
            run: Some(self.id.clone()),
            reasons,
            codes,
            seen: self.seen(),
            planned: tally.planned,
            done: tally.done,
            held: tally.held,
            failed: tally.failed,
            dropped: tally.dropped,
            left: self.left(),
            left_to_target: self.left_values(),
            drift_found: drift::in_words(drift.found),
            drift_repaired: drift::in_words(drift.repaired),
            kept: self.kept(),
            ..Report::empty(&self.target.name, state)
        })
    }
}
