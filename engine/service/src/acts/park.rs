//! An object is left alone, or goes on.

use entrain_model::{ObjectRef, TargetName};
use entrain_store::{Store, StoreError};

/// Why an object cannot be parked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unknown {
    /// The source does not have it.
    #[error("the source has no {0}")]
    Object(ObjectRef),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Parks an object in a target.
///
/// # Errors
/// The source does not have it.
pub(crate) async fn park(store: &Store, target: &TargetName, object: &ObjectRef, reason: &str) -> Result<(), Unknown> {
    if store.source_records(std::slice::from_ref(object)).await?.is_empty() {
        return Err(Unknown::Object(object.clone()));
    }
    Ok(store.park(target, object, Some(reason)).await?)
}

/// Lets an object go on with the next sync.
pub(crate) async fn unpark(store: &Store, target: &TargetName, object: &ObjectRef) -> Result<(), StoreError> {
    store.park(target, object, None).await?;
    store.enqueue(target, std::slice::from_ref(object), store.now()).await
}
