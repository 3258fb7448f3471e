//! Records that the keys of unlinked objects find, and the objects that rival for them.

use std::collections::{BTreeMap, BTreeSet};

use entrain_model::{Anchor, Candidate, Desired, Evidence, ObjectRef, ObjectState, TargetId, TargetName};
use sqlx::AnyConnection;

use super::known::{actual, columns};
use crate::Result;
use crate::sql::{Columns as _, Sql};

/// Adds the candidates of the present objects without a link, strongest key first. A record that carries the anchor of
/// another object is that object's, linked or not yet.
pub(crate) async fn add(
    connection: &mut AnyConnection,
    target: &TargetName,
    generation: i64,
    states: &mut BTreeMap<ObjectRef, ObjectState>,
    anchors: &BTreeMap<ObjectRef, String>,
) -> Result<()> {
    let unlinked: Vec<ObjectRef> = states
        .values()
        .filter(|state| state.link.is_none() && matches!(state.desired, Desired::Present(_)))
        .map(|state| state.object.clone())
        .collect();
    if unlinked.is_empty() {
        return Ok(());
    }
    let rivals = rivals(connection, target, &unlinked).await?;
    let rows = Sql::new("with page (kind, id) as (values ")
        .arg(target)
        .objects(&unlinked)
        .text(&format!(
            ") select page.kind as kind, page.id as id, k.rank as rank, k.evidence as evidence,
                 page.kind as linked_kind, coalesce(l.id, (
                   select min(a.id) from desired_keys a join mirror_kinds i on i.target = $1 and i.kind = m.kind
                   where a.target = $1 and a.kind = m.kind and a.rank = 0 and a.attribute = i.anchor
                     and a.value = lower(m.anchor) and a.id <> page.id)) as linked_id, {}
               from page
               cross join desired_keys k
               cross join mirror_keys x
               cross join mirror m
               left join links l on l.target = $1 and l.target_id = m.id
               where k.target = $1 and k.kind = page.kind and k.id = page.id
                 and x.target = $1 and x.kind = k.kind and x.attribute = k.attribute and x.value = k.value
                 and m.target = $1 and m.kind = x.kind and m.id = x.id and m.condition in ('live', 'deleted')
               order by page.kind, page.id, k.rank, m.id",
            columns()
        ))
        .all(connection)
        .await?;
    for row in &rows {
        let object = row.object("")?;
        let anchor = anchors.get(&object).map(String::as_str).unwrap_or_default();
        let (rank, evidence): (i64, Evidence) = (row.int("rank")?, row.json("evidence")?);
        let actual = actual(row, generation, anchor)?;
        // Keys are compared folded; anchors differ by case.
        if evidence == Evidence::Anchor && actual.anchor != Anchor::Ours {
            continue;
        }
        let rivals = rivals.get(&(object.clone(), rank, actual.id.clone())).cloned().unwrap_or_default();
        let candidate =
            Candidate { rank, evidence, actual, linked_to: row.opt_object("linked_")?, rivals: rivals.into_iter().collect() };
        if let Some(state) = states.get_mut(&object) {
            // Two values of one key may lead to the same record.
            if !state.candidates.iter().any(|other| other.rank == rank && other.actual.id == candidate.actual.id) {
                state.candidates.push(candidate);
            }
        }
    }
    Ok(())
}

type Rivals = BTreeMap<(ObjectRef, i64, TargetId), BTreeSet<ObjectRef>>;

/// For each object, rank and record: the other present objects without a link that a key of the same rank leads there.
async fn rivals(connection: &mut AnyConnection, target: &TargetName, objects: &[ObjectRef]) -> Result<Rivals> {
    let rows = Sql::new("with page (kind, id) as (values ")
        .arg(target)
        .objects(objects)
        .text(
            ") select page.kind as kind, page.id as id, k.rank as rank, x.id as record, o.kind as other_kind, o.id as other_id
               from page
               cross join desired_keys k
               cross join mirror_keys x
               cross join desired_keys o
               cross join desired d
               cross join source_versions v
               where k.target = $1 and k.kind = page.kind and k.id = page.id
                 and x.target = $1 and x.kind = k.kind and x.attribute = k.attribute and x.value = k.value
                 and o.target = $1 and o.kind = k.kind and o.attribute = k.attribute and o.value = k.value and o.rank = k.rank
                 and o.id <> page.id
                 and d.target = $1 and d.kind = o.kind and d.id = o.id and d.state = 'present'
                 and v.kind = o.kind and v.id = o.id and v.present = 1
                 and not exists (select 1 from links l where l.target = $1 and l.kind = o.kind and l.id = o.id)",
        )
        .all(connection)
        .await?;
    let mut rivals = Rivals::new();
    for row in &rows {
        let key = (row.object("")?, row.int("rank")?, TargetId::from(row.str("record")?));
        rivals.entry(key).or_default().insert(row.object("other_")?);
    }
    Ok(rivals)
}
