//! The guard: which changes are counted, and how many of them may be made without a person's approval.

use serde::{Deserialize, Serialize};

use crate::{Kind, SourceId};

/// A sort of change that can do harm in numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Operation {
    /// A record is made, or comes back from the recycle bin.
    Create,
    /// A record that is there already is taken for that of an object.
    Link,
    /// A record that is believed gone is given up; an object that is there gets another one.
    Unlink,
    /// A sign-in is blocked, by removal or by attribute.
    Disable,
    /// A record is deleted.
    Delete,
    /// The login of a record changes.
    Rename,
    /// An attribute gets another value.
    Change,
    /// An attribute loses its value.
    Clear,
    /// A record that was there before gets a reference; with users that is another manager.
    AddReference,
    /// A reference is taken away.
    RemoveReference,
}

impl Operation {
    /// The word that is stored and shown.
    pub fn as_str(self) -> &'static str {
        match self {
            Operation::Create => "create",
            Operation::Link => "link",
            Operation::Unlink => "unlink",
            Operation::Disable => "disable",
            Operation::Delete => "delete",
            Operation::Rename => "rename",
            Operation::Change => "change",
            Operation::Clear => "clear",
            Operation::AddReference => "add_reference",
            Operation::RemoveReference => "remove_reference",
        }
    }
}

/// What the guard counts a change as. A change can be counted more than once, as when an update clears two attributes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Counted {
    /// The sort.
    pub operation: Operation,
    /// What of the object: the attribute, or relation and record of a reference; empty for the object as a whole.
    pub about: String,
    /// A digest of the change: who approves it approves this and no other.
    pub fingerprint: String,
}

/// The most of one sort of change: at most a count, and at most a share of the population.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limit {
    /// Never more than this many.
    pub count: u64,
    /// Never more than this many per cent of the population ...
    pub percent: f64,
    /// ... which is taken to be at least this, so that a small one can be changed at all.
    pub minimum_population: u64,
}

impl Limit {
    /// This many, whatever the population.
    pub fn of(count: u64) -> Self {
        Self { count, percent: 100.0, minimum_population: u64::MAX }
    }

    /// How many are allowed at this population.
    pub fn allowed(&self, population: u64) -> u64 {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "a share is far below 2^52, or larger than every count"
        )]
        let share = (population.max(self.minimum_population) as f64 * self.percent / 100.0).floor() as u64;
        self.count.min(share)
    }
}

/// The limits of one sort of change: of one run, and of all runs within an hour and within a day.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Allowance {
    /// Of one run.
    pub run: Limit,
    /// Of any sixty minutes.
    pub hour: Limit,
    /// Of any 24 hours.
    pub day: Limit,
}

impl Allowance {
    /// The same in a run, an hour and a day.
    pub fn of(limit: Limit) -> Self {
        Self { run: limit, hour: limit, day: limit }
    }
}

/// Of what a rule takes its share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Share {
    /// Of all that is linked: of the records of the kind, or of the references between linked records.
    Linked,
    /// Of the references of each group by itself.
    EachGroup,
}

/// From when on a rule counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Begins {
    /// From the first run on.
    AtOnce,
    /// Once a full run has carried out what the mode of the target lets be done: the first one takes over and fills a whole
    /// tenant, and is looked at beforehand.
    OnceLoaded,
}

/// One rule of the guard. A change that no rule counts is not limited.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    /// Which sort of change.
    pub operation: Operation,
    /// Of which kind of object.
    pub kind: Kind,
    /// Of which attribute; without one of each attribute by itself.
    pub attribute: Option<String>,
    /// Of the references of which group, if the share is that of a group; without one of each group by itself.
    pub group: Option<SourceId>,
    /// What the shares are of.
    pub share: Share,
    /// From when on.
    pub begins: Begins,
    /// How many.
    pub allowance: Allowance,
}

impl Rule {
    /// For whatever no other rule decides.
    pub fn of(operation: Operation, kind: Kind, share: Share, allowance: Allowance) -> Self {
        let begins = match operation {
            Operation::Create | Operation::Link | Operation::AddReference | Operation::Change => Begins::OnceLoaded,
            Operation::Unlink
            | Operation::Disable
            | Operation::Delete
            | Operation::Rename
            | Operation::Clear
            | Operation::RemoveReference => Begins::AtOnce,
        };
        Self { operation, kind, attribute: None, group: None, share, begins, allowance }
    }

    /// Whether the rule counts this.
    pub fn counts(&self, kind: Kind, operation: Operation, about: &str) -> bool {
        self.kind == kind && self.operation == operation && self.attribute.as_ref().is_none_or(|attribute| attribute == about)
    }
}

/// All rules of a target. Where several count one change, the most specific one decides: that which names the attribute or
/// the group.
#[derive(Clone, Debug, PartialEq)]
pub struct Limits(pub Vec<Rule>);

impl Limits {
    /// Whether any rule counts this.
    pub fn count(&self, kind: Kind, operation: Operation, about: &str) -> bool {
        self.0.iter().any(|rule| rule.counts(kind, operation, about))
    }

    /// The rule for whatever no rule of a single attribute or group decides.
    pub fn rule(&self, operation: Operation, kind: Kind, share: Share) -> Option<&Rule> {
        let same = |rule: &&Rule| (rule.operation, rule.kind, rule.share) == (operation, kind, share);
        self.0.iter().find(|rule| same(rule) && rule.attribute.is_none() && rule.group.is_none())
    }

    /// Whether a rule is for this attribute by its name.
    pub fn name(&self, kind: Kind, operation: Operation, attribute: &str) -> bool {
        self.0.iter().any(|rule| rule.attribute.is_some() && rule.counts(kind, operation, attribute))
    }

    /// The rules of a target that no full run has filled yet. What is made is counted, for it may be too much beside what is there.
    #[must_use]
    pub fn loading(&self) -> Self {
        let counts = |rule: &&Rule| rule.begins == Begins::AtOnce || rule.operation == Operation::Create;
        Self(self.0.iter().filter(counts).cloned().collect())
    }

    /// Takes the rule in, in place of the one for the same.
    pub fn put(&mut self, rule: Rule) {
        let same = |other: &Rule| {
            (other.operation, other.kind, &other.attribute, &other.group, other.share)
                == (rule.operation, rule.kind, &rule.attribute, &rule.group, rule.share)
        };
        match self.0.iter_mut().find(|other| same(other)) {
            Some(other) => *other = rule,
            None => self.0.push(rule),
        }
    }

    /// This allowance for an operation on both kinds.
    pub fn allow(&mut self, operation: Operation, share: Share, allowance: Allowance) {
        for kind in Kind::ALL {
            self.put(Rule::of(operation, kind, share, allowance));
        }
    }
}

impl Default for Limits {
    /// Safe for fifty users and for half a million: a few of a small population, a small share of a middling one, and
    /// never so many that a person would not want to look first.
    fn default() -> Self {
        let allowance = |per_cent: [f64; 2], minimum_population, [run, hour, day]: [u64; 3]| {
            let limit = |count, percent| Limit { count, percent, minimum_population };
            Allowance { run: limit(run, per_cent[0]), hour: limit(hour, per_cent[0]), day: limit(day, per_cent[1]) }
        };
        let mut limits = Self(Vec::new());
        limits.allow(Operation::Create, Share::Linked, allowance([10.0, 20.0], 1_000, [5_000, 5_000, 20_000]));
        limits.allow(Operation::Link, Share::Linked, allowance([2.0, 5.0], 500, [500, 500, 2_000]));
        limits.allow(Operation::Unlink, Share::Linked, allowance([2.0, 5.0], 150, [100, 100, 500]));
        limits.allow(Operation::Disable, Share::Linked, allowance([2.0, 5.0], 150, [250, 250, 1_000]));
        limits.allow(Operation::Delete, Share::Linked, allowance([2.0, 5.0], 150, [100, 100, 500]));
        limits.allow(Operation::Rename, Share::Linked, allowance([2.0, 5.0], 500, [500, 500, 2_000]));
        limits.allow(Operation::Change, Share::Linked, allowance([5.0, 10.0], 500, [5_000, 5_000, 20_000]));
        limits.allow(Operation::Clear, Share::Linked, allowance([5.0, 10.0], 200, [1_000, 1_000, 2_000]));
        limits.allow(Operation::RemoveReference, Share::Linked, allowance([2.0, 5.0], 2_500, [5_000, 5_000, 20_000]));
        let (users, groups) = (Kind::User, Kind::Group);
        for (operation, kind, share, allowance) in [
            (Operation::AddReference, users, Share::Linked, allowance([5.0, 10.0], 500, [5_000, 5_000, 20_000])),
            (Operation::AddReference, groups, Share::Linked, allowance([5.0, 10.0], 2_500, [10_000, 10_000, 40_000])),
            (Operation::AddReference, groups, Share::EachGroup, allowance([50.0, 50.0], 200, [2_000, 2_000, 5_000])),
            (Operation::RemoveReference, groups, Share::EachGroup, allowance([50.0, 50.0], 40, [1_000, 1_000, 2_000])),
        ] {
            limits.put(Rule::of(operation, kind, share, allowance));
        }
        limits
    }
}
