//! What was there before a change, from the mirror as it is until the change is laid over it.

use std::collections::{BTreeMap, BTreeSet};

use entrain_model::{Attributes, Kind, ObjectRef, Relation, TargetId, TargetName};
use serde_json::{Value as Json, json};
use sqlx::AnyConnection;

use super::{CONDITION, Recall};
use crate::effect::End;
use crate::sql::{Arg, CHUNK, Columns as _, Sql};
use crate::{Result, link};

/// What is known of a record: its attributes and the word of its state.
type Known = BTreeMap<(Kind, TargetId), (Attributes, String)>;

/// The side before of each of these, by line.
pub(crate) async fn recall(
    connection: &mut AnyConnection,
    target: &TargetName,
    ends: &[End],
) -> Result<BTreeMap<i64, Attributes>> {
    let mut sides = BTreeMap::new();
    if ends.iter().all(|end| end.audit.recall == Recall::Nothing) {
        return Ok(sides);
    }
    let known = records(connection, target, ends).await?;
    let managers = managers(connection, target, ends).await?;
    let others = others(ends);
    let owners = link::owners(connection, target, &others.iter().collect::<Vec<_>>()).await?;
    for end in ends {
        let mut before = end.audit.before.clone();
        let record = end.audit.record.as_ref();
        let of = record.and_then(|record| known.get(&(end.object.kind, record.clone())));
        match (end.audit.recall, of) {
            (Recall::Named, Some((attributes, condition))) => before.extend(named(&end.audit.after, attributes, condition)),
            (Recall::Everything, Some((attributes, condition))) => {
                before.extend(attributes.clone());
                before.insert(CONDITION.into(), condition.clone().into());
            }
            (Recall::Manager, _) => {
                let manager = record.and_then(|record| managers.get(record));
                let manager = manager.map_or(Json::Null, |id| json!({ "record": id }));
                before.insert(Relation::Manager.as_str().to_owned(), manager);
            }
            (Recall::OtherEnd, _) => before.values_mut().for_each(|value| name_object(value, &owners)),
            (Recall::Nothing | Recall::Named | Recall::Everything, _) => {}
        }
        sides.insert(end.seq, before);
    }
    Ok(sides)
}

async fn records(connection: &mut AnyConnection, target: &TargetName, ends: &[End]) -> Result<Known> {
    let of_mirror = |recall| matches!(recall, Recall::Named | Recall::Everything);
    let wanted: Vec<(Kind, &TargetId)> = ends
        .iter()
        .filter(|end| of_mirror(end.audit.recall))
        .filter_map(|end| Some((end.object.kind, end.audit.record.as_ref()?)))
        .collect();
    let mut known = Known::new();
    for chunk in wanted.chunks(CHUNK) {
        let rows = Sql::new(
            "select kind, id, condition, attributes from mirror where target = $1 and (kind, id) in (select * from (values ",
        )
        .arg(target)
        .rows(chunk.iter().map(|(kind, id)| [Arg::from(*kind), Arg::from(*id)]))
        .text(") as page)")
        .all(connection)
        .await?;
        for row in &rows {
            let key = (row.word("kind")?, row.str("id")?.into());
            known.insert(key, (row.json("attributes")?, row.str("condition")?));
        }
    }
    Ok(known)
}

async fn managers(connection: &mut AnyConnection, target: &TargetName, ends: &[End]) -> Result<BTreeMap<TargetId, TargetId>> {
    let wanted: Vec<&TargetId> =
        ends.iter().filter(|end| end.audit.recall == Recall::Manager).filter_map(|end| end.audit.record.as_ref()).collect();
    let mut managers = BTreeMap::new();
    for chunk in wanted.chunks(CHUNK) {
        let rows = Sql::new("select id, to_id from mirror_refs where target = $1 and relation = $2 and id in (values ")
            .arg(target)
            .arg(Relation::Manager.as_str())
            .rows(chunk.iter().map(|id| [Arg::from(*id)]))
            .text(")")
            .all(connection)
            .await?;
        for row in &rows {
            managers.insert(row.str("id")?.into(), row.str("to_id")?.into());
        }
    }
    Ok(managers)
}

/// The other ends of references whose source objects are wanted.
fn others(ends: &[End]) -> BTreeSet<TargetId> {
    let wanted = ends.iter().filter(|end| end.audit.recall == Recall::OtherEnd);
    wanted.flat_map(|end| end.audit.before.values()).filter_map(|value| Some(value["record"].as_str()?.into())).collect()
}

fn name_object(value: &mut Json, owners: &BTreeMap<TargetId, ObjectRef>) {
    let Some(record) = value["record"].as_str().map(TargetId::from) else { return };
    if let Some(object) = owners.get(&record) {
        value["object"] = json!(object);
    }
}

/// The fields that the side after the change names, as far as they are known.
fn named(after: &Attributes, attributes: &Attributes, condition: &str) -> Attributes {
    let value = |name: &str| match (attributes.get(name), name.split_once('.')) {
        (Some(value), _) => Some(value.clone()),
        (None, Some((whole, part))) => attributes.get(whole)?.get(part).cloned(),
        (None, None) => None,
    };
    let known = after.keys().filter_map(|name| match name.as_str() {
        CONDITION => Some((name.clone(), condition.into())),
        name => Some((name.to_owned(), value(name)?)),
    });
    known.collect()
}
