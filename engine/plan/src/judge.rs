//! The guard: how far a run may go without a person's approval.

use entrain_model::{Kind, Limit, ObjectRef, Operation, Rule, Share, codes};
use serde::{Deserialize, Serialize};

/// How much of what a rule counts there would be, with the run and with what was done before it.
#[derive(Clone, Debug, PartialEq)]
pub struct Count<'a> {
    /// The rule.
    pub rule: &'a Rule,
    /// The attribute of a change of an attribute; the group of a rule for each group; empty otherwise.
    pub about: String,
    /// In this run.
    pub run: u64,
    /// In this run and all others within the last sixty minutes.
    pub hour: u64,
    /// In this run and all others within the last 24 hours.
    pub day: u64,
    /// What there is of it altogether: the measure of the shares.
    pub population: u64,
}

impl Count<'_> {
    /// Whether the rule is broken if nothing is linked at all: only then the population matters.
    pub fn may_exceed(&self) -> bool {
        exceeded(&Count { population: 0, ..self.clone() }).is_some()
    }
}

/// What else is suspicious about a plan, whatever its numbers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Suspicion {
    /// A record would be deleted while one with the same unique value is to be made: [`crate::order`] finds them. Mostly a
    /// rename that lost the stable id of its object.
    Recreated {
        /// The attribute.
        attribute: String,
        /// The folded value.
        value: String,
        /// Whose record would be deleted.
        deleted: ObjectRef,
        /// Whose record would be made.
        created: ObjectRef,
    },
    /// The source has nothing of a kind of which much is linked: mostly a failed import or a lost mount.
    Emptied {
        /// What it lacks, in the singular.
        what: String,
        /// How many are linked.
        linked: u64,
    },
    /// Not one record of a kind is left in the target of all that are linked: mostly another tenant, or one that somebody emptied.
    Vanished {
        /// Of which kind.
        kind: Kind,
        /// How many are linked.
        linked: u64,
    },
    /// Much is to be made in a target that no full run has filled yet, and much is there that nobody claims: mostly matching keys
    /// that find nobody, or another tenant.
    Unmatched {
        /// Of which kind.
        kind: Kind,
        /// How many are to be made.
        made: u64,
        /// So many records are claimed by nobody.
        unclaimed: u64,
    },
    /// Some of the changes are part of a plan that waits for approval already.
    Awaited {
        /// How many.
        changes: u64,
        /// The run that waits.
        run: String,
    },
    /// More objects would change in an attribute than was accepted when the mapping was published.
    Unaccepted {
        /// The version of the mapping.
        version: i64,
        /// The kind of the objects.
        kind: Kind,
        /// The attribute.
        attribute: String,
        /// How many were accepted.
        accepted: u64,
        /// How many are let through, with the tolerance.
        allowed: u64,
        /// How many would change.
        planned: u64,
    },
}

/// What the guard says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Go on.
    Apply,
    /// Not without approval, for these reasons.
    NeedsApproval(Vec<Objection>),
}

/// One reason why a person must approve a plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Objection {
    /// Its stable reason code.
    pub code: &'static str,
    /// It in a sentence.
    pub text: String,
    /// What it is about.
    #[serde(skip)]
    pub concerns: Concerns,
}

/// Which changes of a plan a reason is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Concerns {
    /// Those of this sort.
    Sort(Operation),
    /// Those of another plan, which is held for reasons of its own.
    Others,
    /// Whatever is counted.
    All,
}

impl Objection {
    /// Every reason code there is.
    pub fn codes() -> impl Iterator<Item = &'static str> {
        Window::CODES.iter().chain(Suspicion::CODES).copied()
    }
}

/// Over which time a limit counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Window {
    Run,
    Hour,
    Day,
}

codes!(Window { Run = "over_limit_of_run", Hour = "over_limit_of_hour", Day = "over_limit_of_day" });
codes!(Suspicion {
    Recreated = "recreated",
    Emptied = "emptied",
    Vanished = "vanished",
    Unmatched = "unmatched",
    Awaited = "awaited",
    Unaccepted = "unaccepted",
});

impl Window {
    fn words(self) -> &'static str {
        match self {
            Window::Run => "in one run",
            Window::Hour => "within an hour",
            Window::Day => "within 24 hours",
        }
    }
}

/// Judges a run by what it would do that nobody approved.
pub fn judge(counts: &[Count<'_>], suspicions: &[Suspicion]) -> Verdict {
    let suspicious = suspicions.iter().map(|suspicion| Objection {
        code: suspicion.code(),
        text: told(suspicion),
        concerns: if matches!(suspicion, Suspicion::Awaited { .. }) { Concerns::Others } else { Concerns::All },
    });
    let reasons: Vec<Objection> = counts.iter().filter_map(exceeded).chain(suspicious).collect();
    if reasons.is_empty() { Verdict::Apply } else { Verdict::NeedsApproval(reasons) }
}

/// The first limit that is exceeded.
fn exceeded(count: &Count<'_>) -> Option<Objection> {
    let allowance = &count.rule.allowance;
    let windows = [
        (Window::Run, count.run, &allowance.run),
        (Window::Hour, count.hour, &allowance.hour),
        (Window::Day, count.day, &allowance.day),
    ];
    // Without a change of its own a run is not to blame for what others did.
    let mut exceeded =
        windows.into_iter().filter(|(_, number, limit)| count.run > 0 && *number > limit.allowed(count.population));
    let (window, number, limit) = exceeded.next()?;
    let concerns = Concerns::Sort(count.rule.operation);
    Some(Objection { code: window.code(), text: sentence(count, window, number, limit), concerns })
}

fn sentence(count: &Count<'_>, window: Window, number: u64, limit: &Limit) -> String {
    let (allowed, population) = (limit.allowed(count.population), count.population);
    let would = match window {
        Window::Run => format!("the run would {}", deed(count, number)),
        Window::Hour | Window::Day => {
            format!("with what was done before, the run would {} {}", deed(count, number), window.words())
        }
    };
    let mut bounds = Vec::new();
    if limit.count != u64::MAX {
        bounds.push(format!("at most {}", limit.count));
    }
    if limit.minimum_population != u64::MAX {
        let least = match limit.minimum_population {
            least if population < least => format!(", taken as {least}"),
            _ => String::new(),
        };
        bounds.push(format!("at most {} % of {population} {}{least}", limit.percent, whole(count)));
    }
    let bounds = if bounds.len() > 1 { format!(" ({})", bounds.join(", and ")) } else { String::new() };
    format!("{would}; {allowed} are allowed {} without approval{bounds}", window.words())
}

/// What would be done to how many.
fn deed(count: &Count<'_>, number: u64) -> String {
    let plural = if number == 1 { "" } else { "s" };
    let (kind, about) = (count.rule.kind, &count.about);
    match (count.rule.operation, count.rule.share) {
        (Operation::Create, _) => format!("make or restore {number} {kind}{plural}"),
        (Operation::Link, _) => format!("take over the records of {number} {kind}{plural}"),
        (Operation::Unlink, _) => format!("give up the records of {number} {kind}{plural}"),
        (Operation::Disable, _) => format!("block the sign-in of {number} {kind}{plural}"),
        (Operation::Delete, _) => format!("delete {number} {kind}{plural}"),
        (Operation::Rename, _) => format!("change the login of {number} {kind}{plural}"),
        (Operation::Change, _) => format!("change {about} of {number} {kind}{plural}"),
        (Operation::Clear, _) => format!("clear {about} of {number} {kind}{plural}"),
        (Operation::AddReference, Share::EachGroup) => format!("add {number} reference{plural} to group {about}"),
        (Operation::AddReference, Share::Linked) => match kind {
            Kind::User => format!("set the manager of {number} {kind}{plural}"),
            Kind::Group => format!("add {number} reference{plural} to {kind}s"),
        },
        (Operation::RemoveReference, Share::EachGroup) => format!("take {number} reference{plural} away from group {about}"),
        (Operation::RemoveReference, Share::Linked) => format!("take away {number} reference{plural} of {kind}s"),
    }
}

/// Of what the share is, in the plural.
fn whole(count: &Count<'_>) -> &'static str {
    match (count.rule.operation, count.rule.share, count.rule.kind) {
        (_, Share::EachGroup, _) => "references that it has",
        (Operation::RemoveReference, Share::Linked, _) | (Operation::AddReference, Share::Linked, Kind::Group) => {
            "references between linked records"
        }
        (_, _, Kind::User) => "linked users",
        (_, _, Kind::Group) => "linked groups",
    }
}

fn told(suspicion: &Suspicion) -> String {
    match suspicion {
        Suspicion::Recreated { attribute, value, deleted, created } => format!(
            "the run would delete the record of {deleted} and make one for {created} with the same {attribute} \"{value}\": \
             if this is one person or group under a new id, give it back its old id in the source"
        ),
        Suspicion::Emptied { what, linked } => format!(
            "the source has not a single {what}, and {linked} are linked: if an import failed or a mount is lost, fill the source again"
        ),
        Suspicion::Vanished { kind, linked } => format!(
            "not one record of the {linked} linked {kind}s is in the target any more: look whether it is the right tenant, and in its \
             audit log who deleted them, before they are made anew"
        ),
        Suspicion::Unmatched { kind, made, unclaimed } => format!(
            "the run would make {made} {kind}s in a target that no full run has filled yet, and {unclaimed} are there that nobody claims: \
             if they are the same, change [target.match], else each gets a second record; `entrain adoption` lists both. One approval \
             is enough, however many runs the filling takes"
        ),
        Suspicion::Awaited { changes, run } => {
            let (plural, are) = if *changes == 1 { ("", "is") } else { ("s", "are") };
            format!("{changes} change{plural} of this run {are} part of run {run}, which waits for approval")
        }
        Suspicion::Unaccepted { version, kind, attribute, accepted, allowed, planned } => format!(
            "the run would change {attribute} of {planned} {kind}s; version {version} of the mapping was published for {accepted}, \
             and {allowed} are let through"
        ),
    }
}
