//! What another mapping would make of the whole source, beside the one in force. Calls no target and stores nothing.

mod compare;
mod found;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use entrain_mapping::Mapping;
use entrain_model::{Kind, ObjectRef, SourceId, SourceRecord};
use entrain_store::Wants;

pub use found::{Failure, Invalid, Moved, WhatIf};

use crate::{Engine, Progress, Step, SyncError, Target, map};
use compare::{Compared, compare};

/// Objects that are read, evaluated and gathered together. Nothing is written for them, so that more of them cost nobody a wait,
/// and less goes to and fro.
const PAGE: usize = 2_000;

/// Clashes that are told, of either sort.
const CLASHES: usize = 20;

/// The target with the mapping in force and with the other.
struct Pair {
    old: Target,
    new: Target,
    ruling: String,
}

/// A page of the source and all that is needed to map it twice.
struct Inputs {
    records: Vec<SourceRecord>,
    within: Option<BTreeSet<ObjectRef>>,
    managers: BTreeMap<SourceId, SourceRecord>,
    /// What the mapping in force made of them, where that still stands.
    stored: BTreeMap<ObjectRef, String>,
}

/// What the pages amount to so far.
struct Gathered {
    found: WhatIf,
    wants: Wants,
    parked: BTreeMap<ObjectRef, String>,
}

impl Gathered {
    async fn add(&mut self, page: Vec<Compared>) -> Result<(), SyncError> {
        let wanted: Vec<_> = page.iter().flat_map(|one| one.wants.iter().cloned()).collect();
        self.wants.put(&wanted).await?;
        page.into_iter().for_each(|one| self.found.add(one, &self.parked));
        Ok(())
    }

    async fn finish(self) -> Result<WhatIf, SyncError> {
        let clashes = self.wants.clashes(CLASHES).await?;
        Ok(WhatIf { clashes, ..self.found })
    }
}

impl Engine {
    /// Maps the whole source with another mapping and compares what comes out with what the target's own mapping wants. What that has
    /// made already and would make again is taken from the database.
    pub async fn what_if(
        &self,
        target: &Arc<Target>,
        mapping: Arc<Mapping>,
        progress: &dyn Progress,
    ) -> Result<WhatIf, SyncError> {
        let store = self.store();
        let new = Target { mapping, ..Target::clone(target) };
        let pair = Arc::new(Pair { ruling: target.ruling(), old: Target::clone(target), new });
        let parked = store.parked(&target.name).await?;
        let counts = store.source_counts().await?;
        progress.begin(Step::Map, Some(counts.users + counts.groups));
        let mut gathered = Gathered { found: WhatIf::default(), wants: store.wants(&target.name).await?, parked };
        for kind in Kind::ALL {
            let mut next = self.inputs(&pair, kind, None).await?;
            let mut done = Vec::new();
            while let Some((inputs, last)) = next {
                let count = inputs.records.len() as u64;
                // While a page is evaluated, the next is read and the one before is gathered.
                let (compared, following, ()) =
                    tokio::try_join!(compare(&pair, inputs), self.inputs(&pair, kind, Some(last)), gathered.add(done))?;
                (done, next) = (compared, following);
                progress.advance(count);
            }
            gathered.add(done).await?;
        }
        gathered.finish().await
    }

    async fn inputs(&self, pair: &Pair, kind: Kind, after: Option<SourceId>) -> Result<Option<(Inputs, SourceId)>, SyncError> {
        let store = self.store();
        let records = store.source_page(kind, after.as_ref(), PAGE).await?;
        let Some(last) = records.last().map(|record| record.object.id.clone()) else { return Ok(None) };
        let target = &pair.old;
        let bodies = store.standing_bodies(&target.name, kind, &pair.ruling, after.as_ref(), &last).await?;
        let within = match (&target.scope.group, kind) {
            (Some(group), Kind::User) => {
                let users: Vec<_> = records.iter().map(|record| record.object.clone()).collect();
                Some(store.within_group(group, &users).await?)
            }
            (Some(_) | None, Kind::User | Kind::Group) => None,
        };
        let reads_manager = [&pair.new, &pair.old].into_iter().find(|target| target.mapping.reads_manager());
        let managers = match reads_manager {
            Some(target) => map::managers_of(store, target, &records).await?,
            None => BTreeMap::new(),
        };
        Ok(Some((Inputs { records, within, managers, stored: bodies.into_iter().collect() }, last)))
    }
}
