//! The planner of one object.

use entrain_model::{
    Action, Anchor, Candidate, Change, Condition, Decision, Desired, DesiredRecord, Hold, Kind, ObjectState, Phase,
};
use entrain_model::{KindSchema, Knowledge, Policy, Schema, TargetId};

use crate::authority::at_stake;
use crate::claims::disables;
use crate::contest;
use crate::edits::{Known, Settled, edits, forbidden_clear, is_drifting, is_filling};
use crate::matching::{Match, find};
use crate::validate::{missing, rejected, validate};
use crate::{linked, protect, removal};

/// Decides what to do about one object. References are not its business.
///
/// The decisions are in the order of execution; none at all says that everything is as it shall be.
pub fn plan(state: &ObjectState, schema: &Schema, policy: &Policy) -> Vec<Decision> {
    let case = Case { state, schema, policy };
    protect::knowing(state, schema, policy, decided(case))
}

fn decided(case: Case<'_>) -> Vec<Decision> {
    let state = case.state;
    if let Some(reason) = &state.parked {
        return vec![case.hold(Hold::Parked { detail: reason.clone() })];
    }
    if state.unsettled {
        return vec![case.hold(Hold::Settling)];
    }
    match (&state.desired, &state.link) {
        (Desired::Held(hold), _) => vec![case.hold(hold.clone())],
        (Desired::Present(record), Some(link)) => linked::plan(case, record, link),
        (Desired::Present(record), None) => unlinked(case, record),
        (Desired::Absent(_) | Desired::OutOfScope(_), Some(link)) => removal::plan(case, link),
        (Desired::Absent(_) | Desired::OutOfScope(_), None) => Vec::new(),
    }
}

/// All that the planner sees, in one small value.
#[derive(Clone, Copy)]
pub(crate) struct Case<'a> {
    pub state: &'a ObjectState,
    pub schema: &'a Schema,
    pub policy: &'a Policy,
}

impl Case<'_> {
    pub(crate) fn kind(&self) -> &KindSchema {
        self.schema.of(self.state.object.kind)
    }

    pub(crate) fn hold(&self, hold: Hold) -> Decision {
        Decision::Hold(self.state.object.clone(), hold)
    }

    pub(crate) fn change(&self, phase: Phase, action: Action) -> Decision {
        Decision::Change(Change { object: self.state.object.clone(), phase, action, basis: self.state.basis })
    }

    /// The record was written so recently that a read may show what was before.
    pub(crate) fn is_settling(&self) -> bool {
        let recent = |(written, since)| written >= since;
        self.state.written_at.zip(self.policy.unsettled_since).is_some_and(recent)
    }

    /// The phase in which records of this kind appear.
    pub(crate) fn appearance(&self) -> Phase {
        match self.state.object.kind {
            Kind::User => Phase::Users,
            Kind::Group => Phase::Groups,
        }
    }

    /// Why the record as the mapping wants it cannot be had. Of a record that is there, what is left to the target refuses nothing.
    pub(crate) fn refusal(&self, record: &DesiredRecord, known: Known<'_>, own: Option<&TargetId>) -> Option<Hold> {
        let stake = own.map(|_| at_stake(record, known, self.kind()));
        validate(self.state.object.kind, stake.as_ref().unwrap_or(record), self.schema, self.policy)
            .or_else(|| contest::lost(self.state, known, own, self.kind()))
    }

    /// Makes the record, unless something is missing or in the way.
    pub(crate) fn create(&self, record: &DesiredRecord) -> Decision {
        let nothing = Known { actual: None, link: None };
        let refusal = protect::privileging(record, self.kind())
            .or_else(|| self.refusal(record, nothing, None))
            .or_else(|| missing(self.state.object.kind, record, self.schema));
        match refusal {
            Some(hold) => self.hold(hold),
            None => self.change(self.appearance(), Action::Create { record: record.clone() }),
        }
    }

    /// Brings the record back, unless something is in the way.
    pub(crate) fn restore(&self, record: &DesiredRecord, id: &TargetId) -> Decision {
        match self.refusal(record, Known { actual: None, link: None }, Some(id)) {
            Some(hold) => self.hold(hold),
            None => self.change(self.appearance(), Action::Restore { id: id.clone(), record: record.clone() }),
        }
    }

    /// The update of what differs, if anything does.
    pub(crate) fn update(&self, record: &DesiredRecord, known: Known<'_>, id: &TargetId) -> Result<Option<Decision>, Hold> {
        let settled = if self.is_settling() { Settled::NotYet } else { Settled::Long };
        let edits = edits(record, known, self.kind(), settled);
        if let Some(edit) = forbidden_clear(&edits, self.kind()) {
            let detail = "the target does not let it be cleared: give it a value, or leave it out of the mapping".to_owned();
            return Err(rejected(&edit.attribute, detail));
        }
        if edits.is_empty() {
            return Ok(None);
        }
        let action = Action::Update { id: id.clone(), edits };
        let phase = if disables(&action, self.kind()) { Phase::Leavers } else { Phase::Updates };
        Ok(Some(self.change(phase, action)))
    }
}

/// Whether what is remembered of a linked record calls for a change that no edit of the source calls for: the record is to be
/// read before, since an incremental or a late read may have shown an older state. So it is before a value is sent only because
/// the record is remembered to have none.
pub fn is_doubtful(state: &ObjectState, schema: &Schema) -> bool {
    let (Desired::Present(record), Some(link), Some(actual)) = (&state.desired, &state.link, &state.actual) else { return false };
    let known = Known { actual: Some(actual), link: Some(link) };
    let schema = schema.of(state.object.kind);
    let filling = || actual.knowledge == Knowledge::Remembered && is_filling(record, known, schema);
    actual.condition != Condition::Live || is_drifting(record, known, schema) || filling()
}

fn unlinked(case: Case<'_>, record: &DesiredRecord) -> Vec<Decision> {
    match find(case.state, case.kind()) {
        Match::Hold(hold) => vec![case.hold(hold)],
        Match::None => vec![case.create(record)],
        Match::Restore(actual) => vec![case.restore(record, &actual.id)],
        Match::Link(candidate) => link(case, record, candidate),
    }
}

/// Takes the record over, then brings it in line. The anchor goes alone, in a change of its own.
fn link(case: Case<'_>, record: &DesiredRecord, candidate: &Candidate) -> Vec<Decision> {
    let actual = &candidate.actual;
    let known = Known { actual: Some(actual), link: None };
    if let Some(hold) = case.refusal(record, known, Some(&actual.id)) {
        return vec![case.hold(hold)];
    }
    let write_anchor = actual.anchor == Anchor::Absent;
    let action = Action::Link { id: actual.id.clone(), evidence: candidate.evidence.clone(), write_anchor };
    let link = case.change(Phase::Links, action);
    match case.update(record, known, &actual.id) {
        Err(hold) => vec![case.hold(hold)],
        Ok(update) => std::iter::once(link).chain(update).collect(),
    }
}
