//! The targets that this process serves. They come and go while it runs.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use entrain_model::TargetName;

use super::Served;

/// All of them, by name.
#[derive(Default)]
pub(crate) struct Targets {
    served: RwLock<BTreeMap<TargetName, Arc<Served>>>,
    differing: RwLock<Vec<TargetName>>,
}

impl Targets {
    /// All that are served now.
    pub(crate) fn all(&self) -> Vec<(TargetName, Arc<Served>)> {
        let served = self.served.read().unwrap_or_else(PoisonError::into_inner);
        served.iter().map(|(name, one)| (name.clone(), Arc::clone(one))).collect()
    }

    /// The target of that name.
    pub(crate) fn one(&self, name: &TargetName) -> Option<Arc<Served>> {
        self.served.read().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
    }

    pub(super) fn add(&self, name: TargetName, served: Arc<Served>) {
        self.served.write().unwrap_or_else(PoisonError::into_inner).insert(name, served);
    }

    pub(super) fn remove(&self, name: &TargetName) {
        self.served.write().unwrap_or_else(PoisonError::into_inner).remove(name);
    }

    /// The targets of which this process's file says something else than the database, which counts.
    pub(crate) fn differing(&self) -> Vec<TargetName> {
        self.differing.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Notes them; whether that is news.
    pub(super) fn note_differing(&self, names: Vec<TargetName>) -> bool {
        let mut differing = self.differing.write().unwrap_or_else(PoisonError::into_inner);
        let news = *differing != names;
        *differing = names;
        news
    }
}
