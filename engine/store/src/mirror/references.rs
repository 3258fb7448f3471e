//! References of the mirror.

use std::collections::BTreeMap;

use entrain_model::{Kind, Relation, TargetId, TargetName};
use sqlx::AnyConnection;

use crate::Result;
use crate::sql::{Arg, CHUNK, Sql};

/// A reference that stands, or stands no longer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ReferenceWrite<'a> {
    pub(crate) from_kind: Kind,
    pub(crate) from: &'a TargetId,
    pub(crate) relation: Relation,
    pub(crate) to_kind: Option<Kind>,
    pub(crate) to: &'a TargetId,
    pub(crate) present: bool,
}

/// Adds and removes references; of several words about one the last counts. A manager replaces the one before.
pub(crate) async fn write_references(
    connection: &mut AnyConnection,
    target: &TargetName,
    generation: i64,
    writes: &[ReferenceWrite<'_>],
) -> Result<()> {
    let last: BTreeMap<_, _> = writes.iter().map(|write| ((write.from, write.relation, write.to), write)).collect();
    let (present, gone): (Vec<&ReferenceWrite<'_>>, Vec<&ReferenceWrite<'_>>) =
        last.into_values().partition(|write| write.present);
    for chunk in gone.chunks(CHUNK) {
        Sql::new("delete from mirror_refs where (target, id, relation, to_id) in (select * from (values ")
            .rows(
                chunk.iter().map(|write| -> [Arg; 4] {
                    [target.into(), write.from.into(), write.relation.as_str().into(), write.to.into()]
                }),
            )
            .text(") as page)")
            .run(connection)
            .await?;
    }
    let managed: Vec<_> = present.iter().filter(|write| write.relation == Relation::Manager).collect();
    for chunk in managed.chunks(CHUNK) {
        Sql::new("delete from mirror_refs where (target, id, relation) in (select * from (values ")
            .rows(chunk.iter().map(|write| -> [Arg; 3] { [target.into(), write.from.into(), write.relation.as_str().into()] }))
            .text(") as page)")
            .run(connection)
            .await?;
    }
    for chunk in present.chunks(CHUNK) {
        Sql::new("insert into mirror_refs (target, id, relation, to_id, kind, to_kind, generation) values ")
            .rows(chunk.iter().map(|write| -> [Arg; 7] {
                [
                    target.into(),
                    write.from.into(),
                    write.relation.as_str().into(),
                    write.to.into(),
                    write.from_kind.into(),
                    write.to_kind.map(Kind::as_str).into(),
                    generation.into(),
                ]
            }))
            .text(
                " on conflict (target, id, relation, to_id) do update set generation = excluded.generation,
                   to_kind = coalesce(excluded.to_kind, mirror_refs.to_kind)",
            )
            .run(connection)
            .await?;
    }
    Ok(())
}

/// Removes all references from and to records that are no longer alive.
pub(crate) async fn drop_references(connection: &mut AnyConnection, target: &TargetName, ids: &[&TargetId]) -> Result<()> {
    for chunk in ids.chunks(CHUNK) {
        // The index of the other ends is used only where its condition is said.
        for ends in ["id", "to_id <> '' and to_id"] {
            Sql::new(&format!("delete from mirror_refs where target = $1 and {ends} in (values "))
                .arg(target)
                .rows(chunk.iter().map(|id| [Arg::from(*id)]))
                .text(")")
                .run(connection)
                .await?;
        }
    }
    Ok(())
}
