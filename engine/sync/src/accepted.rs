//! A mapping that was published with an accepted difference: until a run over everything has carried it out, runs are held to it.

use std::collections::BTreeMap;
use std::sync::Arc;

use entrain_model::{Allowance, Begins, Kind, Limit, Operation, Rule, Share};
use entrain_plan::{Accepted, Suspicion};
use entrain_store::{GuardCount, Store, StoreError};

use crate::Target;

/// The accepted difference that a run must keep to.
#[derive(Clone, Debug)]
pub(crate) struct Open {
    pub(crate) version: i64,
    accepted: Accepted,
}

/// What counts as a change of an attribute's value.
const COUNTED: [Operation; 3] = [Operation::Change, Operation::Clear, Operation::Rename];

/// The accepted difference of the target's mapping, if it is published with one and not carried out yet.
pub(crate) async fn open(store: &Store, target: &Target) -> Result<Option<Open>, StoreError> {
    let Some((version, accepted)) = store.open_difference(&target.name).await? else { return Ok(None) };
    // Before the first run over everything there is nothing that a difference could be measured against.
    if store.target(&target.name).await?.is_none_or(|row| row.last_full_at.is_none()) {
        return Ok(None);
    }
    let accepted: Accepted = serde_json::from_value(accepted)
        .map_err(|error| StoreError::Unreadable { what: "accepted".into(), detail: error.to_string() })?;
    Ok((accepted.mapping == target.mapping.version()).then_some(Open { version, accepted }))
}

impl Open {
    /// The same target, of which every change of an attribute is counted, also where no limit asks for it.
    pub(crate) fn counting(&self, target: &Target) -> Arc<Target> {
        let mut target = target.clone();
        for kind in Kind::ALL {
            for operation in COUNTED {
                if target.limits.rule(operation, kind, Share::Linked).is_none() {
                    let allowance = Allowance::of(Limit::of(u64::MAX));
                    target.limits.put(Rule { begins: Begins::AtOnce, ..Rule::of(operation, kind, Share::Linked, allowance) });
                }
            }
        }
        Arc::new(target)
    }

    /// Attributes whose changes were accepted, and are no more than that.
    pub(crate) fn within(&self, counted: &[GuardCount], target: &Target) -> Vec<(Kind, String)> {
        let beyond = self.beyond(counted, target);
        let is_beyond = |of: Kind, name: &str| {
            let is = |suspicion: &Suspicion| matches!(suspicion, Suspicion::Unaccepted { kind, attribute, .. } if *kind == of && attribute == name);
            beyond.iter().any(is)
        };
        counted
            .iter()
            .filter(|count| count.operation == Operation::Change && self.accepted.objects(count.kind, &count.about) > 0)
            .filter(|count| !is_beyond(count.kind, &count.about))
            .map(|count| (count.kind, count.about.clone()))
            .collect()
    }

    /// Attributes that would change for more objects than was accepted.
    pub(crate) fn beyond(&self, counted: &[GuardCount], target: &Target) -> Vec<Suspicion> {
        let mut planned: BTreeMap<(Kind, String), u64> = BTreeMap::new();
        for count in counted.iter().filter(|count| COUNTED.contains(&count.operation)) {
            let attribute = match (count.operation, target.schema().of(count.kind).login) {
                (Operation::Rename, Some(login)) => login.to_owned(),
                _ => count.about.clone(),
            };
            *planned.entry((count.kind, attribute)).or_default() += count.run;
        }
        let accepted = &self.accepted;
        let beyond = planned.into_iter().filter(|((kind, attribute), n)| *n > accepted.allowed(*kind, attribute));
        beyond
            .map(|((kind, attribute), planned)| Suspicion::Unaccepted {
                version: self.version,
                kind,
                accepted: accepted.objects(kind, &attribute),
                allowed: accepted.allowed(kind, &attribute),
                attribute,
                planned,
            })
            .collect()
    }
}
