//! The guard: how far a run may go without a person's approval.

use entrain_model::{Limit, Limits, ObjectRef};
use serde::{Deserialize, Serialize};

/// How many changes of each dangerous sort a run would make.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Users whose sign-in would be blocked.
    pub disable: u64,
    /// Records that would be deleted.
    pub delete: u64,
    /// References that would be taken away.
    pub remove_reference: u64,
    /// Records that would be deleted while one with the same unique value is to be made: [`crate::order`] finds them.
    pub recreated: Vec<Recreated>,
}

/// What the target holds of ours; the shares of the limits refer to it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Population {
    /// Linked users.
    pub users: u64,
    /// Linked groups.
    pub groups: u64,
    /// References between linked records.
    pub references: u64,
}

/// What the guard says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Go on.
    Apply,
    /// Not without approval, for these reasons; each is a sentence.
    NeedsApproval(Vec<String>),
}

/// A unique value that one change gives up by deleting a record and another wants for a new one: mostly a rename that
/// lost the stable id of its object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recreated {
    /// The attribute.
    pub attribute: String,
    /// The folded value.
    pub value: String,
    /// Whose record would be deleted.
    pub deleted: ObjectRef,
    /// Whose record would be made.
    pub created: ObjectRef,
}

/// Judges a run by its counts.
pub fn judge(counts: &Counts, population: &Population, limits: &Limits) -> Verdict {
    let records = population.users + population.groups;
    let limited = [
        beyond("block the sign-in of", "user", counts.disable, &limits.disable, population.users, "linked users"),
        beyond("delete", "record", counts.delete, &limits.delete, records, "linked records"),
        beyond(
            "take away",
            "reference",
            counts.remove_reference,
            &limits.remove_reference,
            population.references,
            "references between linked records",
        ),
    ];
    let reasons: Vec<String> = limited.into_iter().flatten().chain(counts.recreated.iter().map(renamed)).collect();
    if reasons.is_empty() { Verdict::Apply } else { Verdict::NeedsApproval(reasons) }
}

fn beyond(verb: &str, noun: &str, count: u64, limit: &Limit, population: u64, of: &str) -> Option<String> {
    let allowed = limit.allowed(population);
    let (most, percent) = (limit.count, limit.percent);
    (count > allowed).then(|| {
        let plural = if count == 1 { "" } else { "s" };
        format!(
            "the run would {verb} {count} {noun}{plural}; {allowed} are allowed without approval \
             (the larger of {most} and {percent} % of {population} {of})"
        )
    })
}

fn renamed(pair: &Recreated) -> String {
    let Recreated { attribute, value, deleted, created } = pair;
    format!(
        "the run would delete the record of {deleted} and make one for {created} with the same {attribute} \"{value}\": \
         if this is one person or group under a new id, give it back its old id in the source"
    )
}
