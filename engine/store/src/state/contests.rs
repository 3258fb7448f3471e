//! Unique values that more than one wants or has.

use std::collections::BTreeMap;

use entrain_model::{Contest, Desired, ObjectRef, ObjectState, TargetName};
use sqlx::AnyConnection;

use crate::Result;
use crate::sql::{Columns as _, Sql};

/// Adds the contests of the present objects.
pub(crate) async fn add(
    connection: &mut AnyConnection,
    target: &TargetName,
    states: &mut BTreeMap<ObjectRef, ObjectState>,
) -> Result<()> {
    let present: Vec<ObjectRef> =
        states.values().filter(|state| matches!(state.desired, Desired::Present(_))).map(|state| state.object.clone()).collect();
    if present.is_empty() {
        return Ok(());
    }
    let mut contests: BTreeMap<(ObjectRef, String, String), Contest> = BTreeMap::new();
    for row in &Sql::new(WANTED).arg(target).objects(&present).text(WANTED_BY).all(connection).await? {
        let (key, mut contest) = contest(row)?;
        contest.wanted_by.push(row.object("other_")?);
        contests.entry(key).and_modify(|known| known.wanted_by.append(&mut contest.wanted_by)).or_insert(contest);
    }
    for row in &Sql::new(WANTED).arg(target).objects(&present).text(HELD_BY).all(connection).await? {
        let (key, mut contest) = contest(row)?;
        contest.held_by.push((row.str("record")?.into(), row.opt_object("other_")?));
        contests.entry(key).and_modify(|known| known.held_by.append(&mut contest.held_by)).or_insert(contest);
    }
    for ((object, _, _), contest) in contests {
        if let Some(state) = states.get_mut(&object) {
            state.contests.push(contest);
        }
    }
    Ok(())
}

const WANTED: &str = "with page (kind, id) as (values ";

/// Other present objects that want the same value.
const WANTED_BY: &str = ") select page.kind as kind, page.id as id, u.attribute as attribute, u.value as value,
       o.kind as other_kind, o.id as other_id
     from page
     cross join desired_unique u
     cross join desired_unique o
     cross join desired d
     cross join source_versions v
     where u.target = $1 and u.kind = page.kind and u.id = page.id
       and o.target = $1 and o.kind = u.kind and o.attribute = u.attribute and o.value = u.value and o.id <> page.id
       and d.target = $1 and d.kind = o.kind and d.id = o.id and d.state = 'present'
       and v.kind = o.kind and v.id = o.id and v.present = 1
     order by o.id";

/// Live records other than the object's own that have the value.
const HELD_BY: &str = ") select page.kind as kind, page.id as id, u.attribute as attribute, u.value as value, m.id as record,
       h.kind as other_kind, h.id as other_id
     from page
     cross join desired_unique u
     cross join mirror_keys x
     cross join mirror m
     left join links h on h.target = $1 and h.target_id = m.id
     where u.target = $1 and u.kind = page.kind and u.id = page.id
       and x.target = $1 and x.kind = u.kind and x.attribute = u.attribute and x.value = u.value
       and m.target = $1 and m.kind = x.kind and m.id = x.id and m.condition = 'live'
       and (h.id is null or h.id <> page.id)
     order by m.id";

fn contest(row: &sqlx::any::AnyRow) -> Result<((ObjectRef, String, String), Contest)> {
    let (attribute, value) = (row.str("attribute")?, row.str("value")?);
    let key = (row.object("")?, attribute.clone(), value.clone());
    Ok((key, Contest { attribute, value, wanted_by: Vec::new(), held_by: Vec::new() }))
}
