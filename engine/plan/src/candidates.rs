//! Why each record that a matching key finds is taken or not, in words of their own.

use entrain_model::{Candidate, Condition, Hold, KindSchema, ObjectState, codes};

use crate::matching::{Match, counts, find, is_contest, is_namesake};

/// What becomes of one candidate.
#[derive(Clone, Debug, PartialEq)]
pub enum Fit {
    /// It is taken for the object's.
    Chosen,
    /// It counts, and a stronger key finds a record that counts as well.
    WeakerKey,
    /// It is in the recycle bin and does not carry the object's anchor.
    RecycleBin,
    /// It is gone for good.
    Gone,
    /// It is another object's, and the key is a unique value that both want.
    ValueInContest,
    /// It is another object's that has the same name.
    Namesake,
    /// It is the one, and must not be taken, for this reason.
    Refused(Hold),
}

codes!(Fit {
    Chosen = "chosen",
    WeakerKey = "weaker_key",
    RecycleBin = "recycle_bin",
    Gone = "gone",
    ValueInContest = "value_in_contest",
    Namesake = "namesake",
    Refused = "refused",
});

/// What becomes of each candidate of the object, in their order: the reasons behind [`crate::plan`]'s choice.
pub fn fits(state: &ObjectState, schema: &KindSchema) -> Vec<Fit> {
    let passed = |candidate: &Candidate| passed_over(candidate, state, schema);
    let strongest = state.candidates.iter().filter(|candidate| passed(candidate).is_none()).map(|candidate| candidate.rank).min();
    let found = find(state, schema);
    let fit = |candidate: &Candidate| match passed(candidate) {
        Some(fit) => fit,
        None if Some(candidate.rank) != strongest => Fit::WeakerKey,
        None => match &found {
            Match::Link(one) if one.actual.id == candidate.actual.id => Fit::Chosen,
            Match::Restore(one) if one.id == candidate.actual.id => Fit::Chosen,
            Match::Hold(hold) => Fit::Refused(hold.clone()),
            Match::Link(_) | Match::Restore(_) | Match::None => Fit::RecycleBin,
        },
    };
    state.candidates.iter().map(fit).collect()
}

/// Why the candidate does not count at all.
fn passed_over(candidate: &Candidate, state: &ObjectState, schema: &KindSchema) -> Option<Fit> {
    if !counts(candidate) {
        let gone = candidate.actual.condition == Condition::Gone;
        return Some(if gone { Fit::Gone } else { Fit::RecycleBin });
    }
    if is_contest(candidate, state) {
        return Some(Fit::ValueInContest);
    }
    is_namesake(candidate, schema).then_some(Fit::Namesake)
}
