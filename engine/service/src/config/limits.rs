//! The limits of the guard, as written in `[target.limits]`.

use std::collections::BTreeMap;

use entrain_model::{Allowance, Begins, Kind, Limit, Limits, Operation, Rule, Share};
use serde::Deserialize;

/// The table.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Table {
    #[serde(flatten)]
    both: Sorts,
    #[serde(default)]
    users: Sorts,
    #[serde(default)]
    groups: Sorts,
    /// Limits of single groups, by their ids.
    #[serde(default)]
    group: BTreeMap<String, OfGroup>,
}

/// What has a limit of its own for one group by name.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct OfGroup {
    add_reference: Option<Amounts>,
    remove_reference: Option<Amounts>,
}

/// Limits of changes of attributes: of each by itself, and of single ones by name.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Attributes {
    #[serde(flatten)]
    each: Amounts,
    #[serde(flatten)]
    named: BTreeMap<String, Amounts>,
}

/// The name that stands for each attribute by itself.
const EACH: &str = "*";

/// The sorts of change that have a limit, each or not.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Sorts {
    create: Option<Amounts>,
    link: Option<Amounts>,
    unlink: Option<Amounts>,
    disable: Option<Amounts>,
    delete: Option<Amounts>,
    rename: Option<Amounts>,
    clear: Attributes,
    change: Attributes,
    add_reference: Option<Amounts>,
    add_reference_to_group: Option<Amounts>,
    remove_reference: Option<Amounts>,
    remove_reference_of_group: Option<Amounts>,
}

/// What one run may do, and what an hour and a day may see.
#[derive(Clone, Copy, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Amounts {
    count: Option<u64>,
    percent: Option<f64>,
    minimum_population: Option<u64>,
    hour: Option<Amount>,
    day: Option<Amount>,
}

#[derive(Clone, Copy, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Amount {
    count: Option<u64>,
    percent: Option<f64>,
    minimum_population: Option<u64>,
}

/// What a sort that has no limit of its own is measured from once it gets one.
const UNLIMITED: Limit = Limit { count: u64::MAX, percent: 100.0, minimum_population: u64::MAX };

impl Table {
    /// The limits; what is wrong is told to `wrong` by key and message.
    pub(super) fn check(&self, wrong: &mut dyn FnMut(&str, String)) -> Limits {
        let mut limits = Limits::default();
        for (sorts, prefix, kinds) in [
            (&self.both, "limits", &Kind::ALL[..]),
            (&self.users, "limits.users", &[Kind::User][..]),
            (&self.groups, "limits.groups", &[Kind::Group][..]),
        ] {
            for (key, operation, share, attribute, amounts) in sorts.given() {
                let key = format!("{prefix}.{key}");
                amounts.check(&key, wrong);
                let kinds = kinds.iter().filter(|kind| share == Share::Linked || **kind == Kind::Group);
                for kind in kinds {
                    let rule = rule(&limits, operation, *kind, share, amounts);
                    limits.put(match attribute {
                        Some(name) => Rule { attribute: Some(name.to_owned()), begins: Begins::AtOnce, ..rule },
                        None => rule,
                    });
                }
            }
        }
        for (id, of) in &self.group {
            for (key, operation, amounts) in [
                ("add_reference", Operation::AddReference, &of.add_reference),
                ("remove_reference", Operation::RemoveReference, &of.remove_reference),
            ] {
                let Some(amounts) = amounts else { continue };
                amounts.check(&format!("limits.group.{id}.{key}"), wrong);
                let rule = rule(&limits, operation, Kind::Group, Share::EachGroup, amounts);
                limits.put(Rule { group: Some(id.as_str().into()), begins: Begins::AtOnce, ..rule });
            }
        }
        limits
    }
}

/// The rule for whatever no other decides, with these amounts in place of what it has.
fn rule(limits: &Limits, operation: Operation, kind: Kind, share: Share, amounts: &Amounts) -> Rule {
    // Whoever says how many are made says it of the first run as well, where no share is of any use.
    if operation == Operation::Create {
        return Rule { begins: Begins::AtOnce, ..Rule::of(operation, kind, share, amounts.over(Allowance::of(UNLIMITED))) };
    }
    let before = limits.rule(operation, kind, share).map_or(Allowance::of(UNLIMITED), |rule| rule.allowance);
    Rule::of(operation, kind, share, amounts.over(before))
}

type Given<'a> = (String, Operation, Share, Option<&'a str>, &'a Amounts);

impl Sorts {
    /// What is for each attribute comes before what names one: the names are measured from it.
    fn given(&self) -> impl Iterator<Item = Given<'_>> {
        let whole = [
            ("create", Operation::Create, Share::Linked, &self.create),
            ("link", Operation::Link, Share::Linked, &self.link),
            ("unlink", Operation::Unlink, Share::Linked, &self.unlink),
            ("disable", Operation::Disable, Share::Linked, &self.disable),
            ("delete", Operation::Delete, Share::Linked, &self.delete),
            ("rename", Operation::Rename, Share::Linked, &self.rename),
            ("add_reference", Operation::AddReference, Share::Linked, &self.add_reference),
            ("add_reference_to_group", Operation::AddReference, Share::EachGroup, &self.add_reference_to_group),
            ("remove_reference", Operation::RemoveReference, Share::Linked, &self.remove_reference),
            ("remove_reference_of_group", Operation::RemoveReference, Share::EachGroup, &self.remove_reference_of_group),
        ];
        let whole = whole.into_iter().filter_map(|(key, operation, share, amounts)| {
            amounts.as_ref().map(|amounts| (key.to_owned(), operation, share, None, amounts))
        });
        let clear = self.clear.given("clear", Operation::Clear);
        whole.chain(clear).chain(self.change.given("change", Operation::Change))
    }
}

impl Attributes {
    fn given<'a>(&'a self, key: &'static str, operation: Operation) -> impl Iterator<Item = Given<'a>> {
        let each = Some((key.to_owned(), operation, Share::Linked, None, &self.each)).filter(|_| self.each != Amounts::default());
        // The star sorts before every name.
        let named = self.named.iter().map(move |(name, amounts)| {
            (format!("{key}.{name}"), operation, Share::Linked, Some(name.as_str()).filter(|name| *name != EACH), amounts)
        });
        each.into_iter().chain(named)
    }
}

impl Amounts {
    fn check(&self, key: &str, wrong: &mut dyn FnMut(&str, String)) {
        let run = Amount { count: self.count, percent: self.percent, minimum_population: self.minimum_population };
        for (window, amount) in [("", Some(run)), (".hour", self.hour), (".day", self.day)] {
            let percent = amount.and_then(|amount| amount.percent);
            if let Some(percent) = percent.filter(|percent| !(0.0..=100.0).contains(percent)) {
                wrong(&format!("{key}{window}.percent"), format!("{percent} is no share: write 0 to 100"));
            }
        }
    }

    /// These in place of what was before. An hour and a day are never below a run unless that is said.
    fn over(&self, before: Allowance) -> Allowance {
        let run = Amount { count: self.count, percent: self.percent, minimum_population: self.minimum_population };
        let run = run.over(before.run);
        let at_least = |limit: Limit| Limit {
            count: limit.count.max(run.count),
            percent: limit.percent.max(run.percent),
            minimum_population: limit.minimum_population.max(run.minimum_population),
        };
        Allowance {
            run,
            hour: self.hour.unwrap_or_default().over(at_least(before.hour)),
            day: self.day.unwrap_or_default().over(at_least(before.day)),
        }
    }
}

impl Amount {
    fn over(self, before: Limit) -> Limit {
        Limit {
            count: self.count.unwrap_or(before.count),
            percent: self.percent.unwrap_or(before.percent),
            minimum_population: self.minimum_population.unwrap_or(before.minimum_population),
        }
    }
}
