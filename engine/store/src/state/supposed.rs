//! What a run would plan from if rows of the desired state were other than stored. Nothing of it stays.

use std::collections::BTreeMap;

use entrain_model::{ObjectRef, ObjectState, RunId, TargetId, TargetName};

use crate::sql::Sql;
use crate::transaction::Writing;
use crate::{DesiredRow, Leavers, ReferenceChange, ReferenceScope, Result, Store, desired, reference};

/// A transaction in which the rows stand. Whatever becomes of it, it leaves nothing.
#[derive(Debug)]
pub struct Supposition {
    transaction: Writing,
    target: TargetName,
}

/// The plan of a run that does not exist: links that are supposed count as its own.
const NOBODY: &str = "";

impl Store {
    /// Supposes that these rows stand.
    pub async fn suppose(&self, target: &TargetName, rows: &[DesiredRow]) -> Result<Supposition> {
        let mut transaction = self.begin_derived().await?;
        desired::put(&mut transaction, target, rows).await?;
        Ok(Supposition { transaction, target: target.clone() })
    }
}

impl Supposition {
    /// As [`Store::states`].
    pub async fn states(
        &mut self,
        generation: i64,
        objects: &[ObjectRef],
        anchors: &BTreeMap<ObjectRef, String>,
    ) -> Result<Vec<ObjectState>> {
        super::read(&mut self.transaction, &self.target, generation, objects, anchors).await
    }

    /// Supposes further that the object is linked to this record.
    pub async fn link(&mut self, object: &ObjectRef, id: &TargetId) -> Result<()> {
        Sql::new("insert into plan_links (run, kind, id, target_id) values ($1, $2, $3, $4) on conflict do nothing")
            .arg(NOBODY)
            .arg(object.kind)
            .arg(&object.id)
            .arg(id)
            .run(&mut self.transaction)
            .await?;
        Ok(())
    }

    /// The first differences between the references of the object and those of its record.
    pub async fn references(&mut self, object: &ObjectRef, leavers: Leavers, rows: usize) -> Result<Vec<ReferenceChange>> {
        let (scope, run) = (ReferenceScope::Only(std::slice::from_ref(object)), RunId::from(NOBODY));
        let (mut changes, mut after) = (Vec::new(), None);
        loop {
            let page =
                reference::page(&mut self.transaction, &self.target, &run, (scope, leavers), after, rows - changes.len()).await?;
            changes.extend(page.0);
            match page.1 {
                Some(next) if changes.len() < rows => after = Some(next),
                Some(_) | None => return Ok(changes),
            }
        }
    }
}
