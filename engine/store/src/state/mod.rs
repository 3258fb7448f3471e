//! What a run plans from.

mod candidates;
mod contests;
mod known;
mod supposed;

use std::collections::BTreeMap;

use entrain_model::{Kind, ObjectRef, ObjectState, SourceId, TargetName};

use sqlx::AnyConnection;

use crate::sql::{CHUNK, Columns as _, Sql, limit};
use crate::{Result, Store};

pub(crate) use known::INTERRUPTED;
pub use supposed::Supposition;

impl Store {
    /// The next objects that the target has a state or a link for, users first.
    pub async fn object_page(&self, target: &TargetName, after: Option<&ObjectRef>, rows: usize) -> Result<Vec<ObjectRef>> {
        let mut connection = self.read().await?;
        let mut page = Vec::new();
        for kind in Kind::ALL.into_iter().filter(|kind| after.is_none_or(|after| *kind >= after.kind)) {
            let after = after.filter(|after| after.kind == kind).map_or("", |after| after.id.as_str());
            let ids = Sql::new(
                "select id from (
                   select id from (select d.id from desired d where d.target = $1 and d.kind = $2 and d.id > $3 order by d.id limit $4) as a
                   union
                   select id from (select l.id from links l where l.target = $1 and l.kind = $2 and l.id > $3 order by l.id limit $4) as b
                 ) as page order by id limit $4",
            )
            .arg(target)
            .arg(kind)
            .arg(after)
            .arg(limit(rows - page.len()))
            .all(&mut connection)
            .await?;
            for row in &ids {
                page.push(ObjectRef { kind, id: SourceId::from(row.str("id")?) });
            }
            if page.len() == rows {
                break;
            }
        }
        Ok(page)
    }

    /// All that is known of these objects, in the order given. Records read in `generation` or later are fresh; `anchors`
    /// are the anchors that the objects' records would carry.
    ///
    /// Five queries for each few hundred objects, whatever they find.
    pub async fn states(
        &self,
        target: &TargetName,
        generation: i64,
        objects: &[ObjectRef],
        anchors: &BTreeMap<ObjectRef, String>,
    ) -> Result<Vec<ObjectState>> {
        read(&mut *self.read().await?, target, generation, objects, anchors).await
    }
}

/// All that is known of these objects, by a connection that may be within a transaction.
async fn read(
    connection: &mut AnyConnection,
    target: &TargetName,
    generation: i64,
    objects: &[ObjectRef],
    anchors: &BTreeMap<ObjectRef, String>,
) -> Result<Vec<ObjectState>> {
    let mut states = Vec::with_capacity(objects.len());
    for chunk in objects.chunks(CHUNK) {
        let mut known: BTreeMap<ObjectRef, ObjectState> = known::read(connection, target, generation, chunk, anchors).await?;
        candidates::add(connection, target, generation, &mut known, anchors).await?;
        contests::add(connection, target, &mut known).await?;
        states.extend(chunk.iter().filter_map(|object| known.get(object).cloned()));
    }
    Ok(states)
}
