//! The limits of the guard, as written in `[target.limits]`.

use std::collections::BTreeMap;

use entrain_model::{Allowance, Kind, Limit, Limits, Operation, Rule, Share};
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
}

/// The sorts of change that have a limit, each or not.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Sorts {
    create: Option<Amounts>,
    disable: Option<Amounts>,
    delete: Option<Amounts>,
    rename: Option<Amounts>,
    clear: Option<Amounts>,
    remove_reference: Option<Amounts>,
    remove_reference_of_group: Option<Amounts>,
    change: BTreeMap<String, Amounts>,
}

/// What one run may do, and what an hour and a day may see.
#[derive(Clone, Copy, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Amounts {
    count: Option<u64>,
    percent: Option<f64>,
    minimum_population: Option<u64>,
    hour: Option<Amount>,
    day: Option<Amount>,
}

#[derive(Clone, Copy, Default, Deserialize)]
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
                    let before = limits.rule(operation, *kind, share).map_or(Allowance::of(UNLIMITED), |rule| rule.allowance);
                    let attribute = attribute.map(str::to_owned);
                    limits.put(Rule { operation, kind: *kind, attribute, share, allowance: amounts.over(before) });
                }
            }
        }
        limits
    }
}

type Given<'a> = (String, Operation, Share, Option<&'a str>, &'a Amounts);

impl Sorts {
    fn given(&self) -> impl Iterator<Item = Given<'_>> {
        let whole = [
            ("create", Operation::Create, Share::Linked, &self.create),
            ("disable", Operation::Disable, Share::Linked, &self.disable),
            ("delete", Operation::Delete, Share::Linked, &self.delete),
            ("rename", Operation::Rename, Share::Linked, &self.rename),
            ("clear", Operation::Clear, Share::Linked, &self.clear),
            ("remove_reference", Operation::RemoveReference, Share::Linked, &self.remove_reference),
            ("remove_reference_of_group", Operation::RemoveReference, Share::EachGroup, &self.remove_reference_of_group),
        ];
        let whole = whole.into_iter().filter_map(|(key, operation, share, amounts)| {
            amounts.as_ref().map(|amounts| (key.to_owned(), operation, share, None, amounts))
        });
        let changes = self.change.iter().map(|(attribute, amounts)| {
            (format!("change.{attribute}"), Operation::Change, Share::Linked, Some(attribute.as_str()), amounts)
        });
        whole.chain(changes)
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
