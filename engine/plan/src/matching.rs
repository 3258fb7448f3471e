//! Which target record, if any, is that of an object without a link.

use std::collections::BTreeSet;

use entrain_model::{Actual, Anchor, Candidate, Condition, Evidence, Hold, KindSchema, ObjectState, Protection, TargetId};

/// What the matching keys found.
#[derive(Debug, PartialEq)]
pub(crate) enum Match<'a> {
    /// No record: one is to be made.
    None,
    /// This one.
    Link(&'a Candidate),
    /// This one, from the recycle bin.
    Restore(&'a Actual),
    /// Nothing may be done.
    Hold(Hold),
}

/// Decides by the strongest key that finds a record which counts.
///
/// What counts: live records, and those in the recycle bin that carry the object's own anchor. A record of another
/// object counts unless the key is a unique value in contest: then it is not a match but a value to wait for; or a mere
/// name, which many may share.
pub(crate) fn find<'a>(state: &'a ObjectState, schema: &KindSchema) -> Match<'a> {
    let counts = |candidate: &&Candidate| counts(candidate) && !is_contest(candidate, state) && !is_namesake(candidate, schema);
    let Some(rank) = state.candidates.iter().filter(counts).map(|candidate| candidate.rank).min() else { return Match::None };
    let found: Vec<&Candidate> = state.candidates.iter().filter(|c| c.rank == rank).filter(counts).collect();
    let (live, deleted): (Vec<&Candidate>, Vec<&Candidate>) =
        found.into_iter().partition(|candidate| candidate.actual.condition == Condition::Live);
    match (live.as_slice(), deleted.as_slice()) {
        ([one], _) => hold(one).map_or(Match::Link(one), Match::Hold),
        ([], [one]) => hold(one).map_or(Match::Restore(&one.actual), Match::Hold),
        ([], several) => Match::Hold(ambiguous(several, "empty all but one from the recycle bin")),
        (several, _) => Match::Hold(ambiguous(several, "name the right one by its id in the source, or change the others")),
    }
}

/// Why this record must not be touched, whoever it belongs to.
pub(crate) fn untouchable(actual: &Actual) -> Option<Hold> {
    let id = &actual.id;
    if let Anchor::Foreign(anchor) = &actual.anchor {
        return Some(Hold::ForeignAnchor { anchor: anchor.clone() });
    }
    if actual.is_shielded() {
        return Some(Hold::Protected { detail: protected(id, &actual.protection) });
    }
    if actual.mastered_elsewhere {
        return Some(Hold::OnPremisesMastered);
    }
    actual.unwritable.as_ref().map(|sort| Hold::Unwritable { detail: format!("record {id}: {sort}") })
}

fn protected(id: &TargetId, reasons: &BTreeSet<Protection>) -> String {
    let why = Protection::sentence(reasons);
    format!("record {id} {why}: manage it in the target, or approve it by name with `entrain protect allow {id} --reason ..`")
}

pub(crate) fn counts(candidate: &Candidate) -> bool {
    match candidate.actual.condition {
        Condition::Live => true,
        Condition::Deleted => candidate.actual.anchor == Anchor::Ours,
        Condition::Gone => false,
    }
}

pub(crate) fn is_contest(candidate: &Candidate, state: &ObjectState) -> bool {
    let Evidence::Key(attribute) = &candidate.evidence else { return false };
    let id = &candidate.actual.id;
    candidate.linked_to.is_some()
        && state
            .contests
            .iter()
            .any(|contest| contest.attribute == *attribute && contest.held_by.iter().any(|(held, _)| held == id))
}

/// A record of another object that has the same name.
pub(crate) fn is_namesake(candidate: &Candidate, schema: &KindSchema) -> bool {
    candidate.linked_to.is_some() && matches!(&candidate.evidence, Evidence::Key(attribute) if attribute == schema.name)
}

fn hold(candidate: &Candidate) -> Option<Hold> {
    let id = &candidate.actual.id;
    let by = words(&candidate.evidence);
    if let Some(other) = &candidate.linked_to {
        let detail = format!("record {id} is found by {by} and is linked to {other} already: correct the one that is wrong");
        return Some(Hold::Ambiguous { detail });
    }
    if !candidate.rivals.is_empty() {
        let rivals: Vec<String> = candidate.rivals.iter().map(ToString::to_string).collect();
        let detail =
            format!("record {id} is found by {by} for {} as well: make the value differ in the source", rivals.join(", "));
        return Some(Hold::Ambiguous { detail });
    }
    untouchable(&candidate.actual)
}

fn ambiguous(found: &[&Candidate], remedy: &str) -> Hold {
    let ids: Vec<&str> = found.iter().map(|candidate| candidate.actual.id.as_str()).collect();
    let by = found.first().map_or(String::new(), |candidate| words(&candidate.evidence));
    Hold::Ambiguous { detail: format!("{by} finds {} records ({}): {remedy}", ids.len(), ids.join(", ")) }
}

/// Evidence as part of a sentence.
pub(crate) fn words(evidence: &Evidence) -> String {
    match evidence {
        Evidence::Anchor => "its anchor".to_owned(),
        Evidence::TargetId => "its id".to_owned(),
        Evidence::Key(attribute) => attribute.clone(),
        Evidence::Created => "its creation".to_owned(),
    }
}
