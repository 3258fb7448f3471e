//! Where the values of a mapped record come from.

use std::collections::BTreeMap;
use std::sync::Arc;

use entrain_mapping::{Context, Origin};
use entrain_model::{Desired, SourceId, SourceRecord};
use entrain_store::Store;

use crate::map::{manager_of, managers_of};
use crate::{SyncError, Target};

/// By attribute, the scripts and lines that set it. The record was mapped before without an error.
pub(super) async fn origins(
    store: &Store,
    target: &Arc<Target>,
    record: &SourceRecord,
    desired: &Desired,
) -> Result<BTreeMap<String, Vec<Origin>>, SyncError> {
    let Desired::Present(_) = desired else { return Ok(BTreeMap::new()) };
    let managers = managers_of(store, target, std::slice::from_ref(record)).await?;
    let (target, record) = (Arc::clone(target), record.clone());
    let traced = tokio::task::spawn_blocking(move || {
        let manager = manager_of(&record).and_then(|id| managers.get(&SourceId::from(id)));
        target.mapping.trace(&record, &Context { target: &target.settings, manager })
    });
    let traced = traced.await.map_err(|dead| SyncError::Thread(dead.to_string()))?;
    Ok(traced.map(|traced| traced.origins).unwrap_or_default())
}
