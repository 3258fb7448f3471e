//! Which rule lets an object in or keeps it out.

use entrain_model::{Desired, Kind, Why};

use crate::{Target, TargetChoice};

/// One rule, and what it says of the object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// The rule in words.
    pub rule: String,
    /// Why it keeps the object out; none if it lets it pass.
    pub against: Option<Why>,
}

/// The rules in the order in which they are asked, up to the one that says no.
pub(super) fn rules(target: &Target, kind: Kind, desired: &Desired) -> Vec<Rule> {
    let against = match desired {
        Desired::OutOfScope(why) => Some(why),
        Desired::Present(_) | Desired::Absent(_) | Desired::Held(_) => None,
    };
    let mut rules = Vec::new();
    for (code, rule) in asked(target, kind) {
        let why = against.filter(|why| why.code() == code).cloned();
        let ends = why.is_some();
        rules.push(Rule { rule, against: why });
        if ends {
            break;
        }
    }
    rules
}

fn asked(target: &Target, kind: Kind) -> Vec<(&'static str, String)> {
    let word = |choice: TargetChoice| match choice {
        TargetChoice::Include => "in",
        TargetChoice::Exclude => "out of",
    };
    let scope = &target.scope;
    let mut asked = match kind {
        Kind::Group => vec![("groups_out", format!("groups are {} scope", word(scope.groups)))],
        Kind::User => vec![("service_account", format!("service accounts are {} scope", word(scope.service_accounts)))],
    };
    if let (Kind::User, Some(group)) = (kind, &scope.group) {
        asked.push(("not_in_scope_group", format!("members of group {group}, directly or through groups, are in scope")));
    }
    if target.mapping.has_predicate(kind) {
        asked.push(("predicate", format!("the scope predicate of {kind}s decides")));
    }
    asked.push(("skipped", "the mapping may skip an object".to_owned()));
    asked
}
