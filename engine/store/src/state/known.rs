//! Object, desired state, link and linked record: one row each.

use std::collections::BTreeMap;

use entrain_model::{
    Actual, Anchor, Basis, Desired, Hold, Knowledge, Left, LinkState, ObjectRef, ObjectState, Outstanding, TargetId, TargetName,
    Why,
};
use sqlx::AnyConnection;
use sqlx::any::AnyRow;

use crate::sql::{Columns as _, Sql};
use crate::{Result, protection};

/// The columns of a mirror row `m`, for [`actual`].
pub(crate) fn columns() -> String {
    format!("{ACTUAL}, {}", protection::COLUMNS)
}

const ACTUAL: &str = "m.id as m_id, m.condition as m_condition, m.generation as m_generation, m.attributes as m_attributes,
     m.anchor as m_anchor, m.mastered as m_mastered, m.unwritable as m_unwritable";

/// Reads everything about these objects but candidates and contests. `cross join` makes SQLite begin with the page.
pub(crate) async fn read(
    connection: &mut AnyConnection,
    target: &TargetName,
    generation: i64,
    objects: &[ObjectRef],
    anchors: &BTreeMap<ObjectRef, String>,
) -> Result<BTreeMap<ObjectRef, ObjectState>> {
    let rows = Sql::new("with page (kind, id) as (values ")
        .arg(target)
        .objects(objects)
        .text(&format!(
            ") select page.kind as kind, page.id as id, coalesce(t.epoch, 0) as epoch, v.version as version, v.present as present,
                 d.source_version as source_version, d.body as desired, p.reason as parked,
                 l.target_id as target_id, l.version as link_version, l.anchored as anchored, l.sent as sent, l.stored as stored,
                 case when exists (select 1 from effects e where e.target = $1 and e.kind = page.kind and e.id = page.id
                   and e.state in ('started', 'unknown')) then 1 else 0 end as unsettled,
                 (select max(w.ended_at) from effects w where w.target = $1 and w.kind = page.kind and w.id = page.id
                   and w.state in ('done', 'settled_done')
                   and w.action in ('link', 'create', 'restore', 'update', 'disable')) as written_at,
                 lv.left_at as left_at, lv.event as left_event, lv.sessions_ended_at as sessions_ended_at, rt.reason as retained,
                 fc.state as credential, fc.detail as credential_detail,
                 case when v.present = 0 then (select max(e.seq) from change_events e
                   where e.kind = page.kind and e.id = page.id and e.op = 'deleted') end as gone_event, {}
               from page
               left join targets t on t.name = $1
               left join source_versions v on v.kind = page.kind and v.id = page.id
               left join desired d on d.target = $1 and d.kind = page.kind and d.id = page.id
               left join links l on l.target = $1 and l.kind = page.kind and l.id = page.id
               left join mirror m on m.target = $1 and m.kind = page.kind and m.id = l.target_id
               left join parked p on p.target = $1 and p.kind = page.kind and p.id = page.id
               left join leavers lv on lv.target = $1 and lv.kind = page.kind and lv.id = page.id
               left join retained rt on rt.target = $1 and rt.kind = page.kind and rt.id = page.id
               left join first_credentials fc on fc.target = $1 and fc.kind = page.kind and fc.id = page.id",
            columns()
        ))
        .all(connection)
        .await?;
    let mut states = BTreeMap::new();
    for row in &rows {
        let object = row.object("")?;
        let anchor = anchors.get(&object).map(String::as_str).unwrap_or_default();
        states.insert(object.clone(), state(row, object, generation, anchor)?);
    }
    Ok(states)
}

fn state(row: &AnyRow, object: ObjectRef, generation: i64, anchor: &str) -> Result<ObjectState> {
    let link = link(row)?;
    let known = row.opt_str("m_id")?.is_some();
    let (source, desired) = desired(row)?;
    Ok(ObjectState {
        basis: Basis { source, link: link.as_ref().map_or(0, |link| link.version), epoch: row.int("epoch")? },
        actual: if known { Some(actual(row, generation, anchor)?) } else { None },
        link,
        candidates: Vec::new(),
        contests: Vec::new(),
        unsettled: row.int("unsettled")? != 0,
        written_at: row.opt_int("written_at")?,
        parked: row.opt_str("parked")?,
        left: left(row, &desired)?,
        retained: row.opt_str("retained")?,
        outstanding: outstanding(row)?,
        desired,
        object,
    })
}

/// When it left, if that is noted. An object that came back and left once more meanwhile has to be noted anew.
fn left(row: &AnyRow, desired: &Desired) -> Result<Option<Left>> {
    let gone = matches!(desired, Desired::Absent(_) | Desired::OutOfScope(_));
    let Some(at) = row.opt_int("left_at")?.filter(|_| gone) else { return Ok(None) };
    if row.opt_int("gone_event")? > row.opt_int("left_event")? {
        return Ok(None);
    }
    Ok(Some(Left { at, sessions_ended: row.opt_int("sessions_ended_at")? }))
}

/// What was on its way when a process ended never arrived.
fn outstanding(row: &AnyRow) -> Result<Option<Outstanding>> {
    let detail = row.opt_str("credential_detail")?;
    Ok(row.opt_str("credential")?.map(|state| match state.as_str() {
        "due" => Outstanding::Due,
        _ => Outstanding::Lost { detail: detail.unwrap_or_else(|| INTERRUPTED.to_owned()) },
    }))
}

/// What became of a first credential of which nothing is recorded but that it was made.
pub(crate) const INTERRUPTED: &str = "the first credential was made, and nobody knows whether it arrived";

/// What shall be, and the version of the source object that says so.
fn desired(row: &AnyRow) -> Result<(i64, Desired)> {
    let version = row.opt_int("version")?.unwrap_or(0);
    Ok(match (row.opt_int("present")?, row.opt_int("source_version")?) {
        (Some(0), _) => (version, Desired::Absent(Why::Tombstone)),
        (None, _) => (version, Desired::Absent(Why::NotInCompleteRead)),
        (Some(_), Some(mapped)) => (mapped, row.json("desired")?),
        // The source has it and no run has mapped it yet.
        (Some(_), None) => (version, Desired::Held(Hold::IncompleteRead)),
    })
}

fn link(row: &AnyRow) -> Result<Option<LinkState>> {
    let Some(id) = row.opt_str("target_id")? else { return Ok(None) };
    Ok(Some(LinkState {
        id: id.into(),
        version: row.int("link_version")?,
        anchored: row.int("anchored")? != 0,
        sent: row.json("sent")?,
        stored: row.json("stored")?,
    }))
}

/// A target record as last known, from [`columns`].
pub(crate) fn actual(row: &AnyRow, generation: i64, anchor: &str) -> Result<Actual> {
    let (protection, approved) = protection::reasons(row)?;
    Ok(Actual {
        id: TargetId::from(row.str("m_id")?),
        condition: row.word("m_condition")?,
        attributes: row.json("m_attributes")?,
        anchor: Anchor::compare(row.opt_str("m_anchor")?.as_deref(), anchor),
        protection,
        approved,
        mastered_elsewhere: row.int("m_mastered")? != 0,
        unwritable: row.opt_str("m_unwritable")?,
        knowledge: if row.int("m_generation")? >= generation { Knowledge::Fresh } else { Knowledge::Remembered },
    })
}
