//! What was done lately about references.

use entrain_model::{Action, Millis, ObjectRef, TargetName};

use crate::sql::{CHUNK, Columns as _, Sql};
use crate::{Result, Store};

/// A change of a reference that was begun.
#[derive(Clone, Debug, PartialEq)]
pub struct ReferenceEffect {
    /// Whose reference.
    pub object: ObjectRef,
    /// What was to be done.
    pub action: Action,
    /// When it was begun.
    pub started_at: Millis,
    /// What was said of its outcome.
    pub detail: Option<String>,
}

impl Store {
    /// The changes of references of these objects that were begun since, except those under way, oldest first.
    pub async fn reference_effects(
        &self,
        target: &TargetName,
        objects: &[ObjectRef],
        since: Millis,
    ) -> Result<Vec<ReferenceEffect>> {
        let mut effects = Vec::new();
        for chunk in objects.chunks(CHUNK) {
            let rows = Sql::new(
                "select kind, id, body, started_at, detail from effects where target = $1 and started_at >= $2
                   and state <> 'started' and action in ('add_reference', 'remove_reference')
                   and (kind, id) in (select * from (values ",
            )
            .arg(target)
            .arg(since)
            .objects(chunk)
            .text(") as page) order by started_at, run, seq")
            .all(&mut *self.read().await?)
            .await?;
            for row in &rows {
                effects.push(ReferenceEffect {
                    object: row.object("")?,
                    action: row.json("body")?,
                    started_at: row.int("started_at")?,
                    detail: row.opt_str("detail")?,
                });
            }
        }
        Ok(effects)
    }
}
