//! What the service does to objects by itself, once its time has come.

use crate::directory::{Name, Row, Tenant};
use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The new Microsoft 365 groups that will get a description, by when.
#[derive(Debug, Default)]
pub(crate) struct Afterwards(Mutex<BTreeSet<(i64, Row)>>);

impl Afterwards {
    /// A group that will get one at this moment.
    pub(crate) fn describe(&self, at: i64, group: Row) {
        self.kept().insert((at, group));
    }

    /// Whether something is to be done by this moment.
    pub(crate) fn is_due(&self, now: i64) -> bool {
        self.kept().first().is_some_and(|(at, _)| *at <= now)
    }

    /// Does what is to be done by this moment.
    pub(crate) fn run(&self, tenant: &mut Tenant, now: i64) {
        let mut kept = self.kept();
        while let Some((_, group)) = kept.first().copied().filter(|(at, _)| *at <= now) {
            kept.pop_first();
            described(tenant, group);
        }
    }

    fn kept(&self) -> MutexGuard<'_, BTreeSet<(i64, Row)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Somebody may have described or deleted it meanwhile.
fn described(tenant: &mut Tenant, group: Row) {
    let object = tenant.object(group);
    let name = object.value(Name::DISPLAY_NAME).cloned();
    let wanting = object.is_live() && object.text(Name::DESCRIPTION).is_none();
    if let Some(name) = name.filter(|_| wanting) {
        tenant.edit(group, vec![(Name::DESCRIPTION, name)]);
    }
}
