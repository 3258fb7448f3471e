//! Links: this source object is that target record.

use std::collections::{BTreeMap, BTreeSet};

use entrain_model::{Attributes, Evidence, Kind, LinkState, Millis, ObjectRef, RunId, TargetId, TargetName};
use sqlx::AnyConnection;
use sqlx::any::AnyRow;

use crate::sql::{Arg, CHUNK, Columns as _, Sql, limit, to_json};
use crate::{Result, Store};

/// A link as stored.
#[derive(Clone, Debug, PartialEq)]
pub struct LinkRow {
    /// The object.
    pub object: ObjectRef,
    /// Its record and what was sent to it.
    pub link: LinkState,
    /// Why the record was taken for the object's.
    pub evidence: Evidence,
    /// Since when.
    pub linked_at: Millis,
}

const COLUMNS: &str = "kind, id, target_id, version, anchored, evidence, sent, stored, linked_at";

impl Store {
    /// Which of these objects are linked to a record that we made.
    pub async fn made(&self, target: &TargetName, objects: &[ObjectRef]) -> Result<BTreeSet<ObjectRef>> {
        let mut made = BTreeSet::new();
        for chunk in objects.chunks(CHUNK) {
            let sql = Sql::new(
                "select kind, id from links where target = $1 and evidence = $2 and (kind, id) in (select * from (values ",
            );
            let sql = sql.arg(target).arg(to_json(&Evidence::Created)?).objects(chunk).text(") as page)");
            for row in sql.all(&mut *self.read().await?).await? {
                made.insert(row.object("")?);
            }
        }
        Ok(made)
    }

    /// Which of these objects the run will link to a record that is there.
    pub async fn to_be_linked(&self, run: &RunId, objects: &[ObjectRef]) -> Result<BTreeSet<ObjectRef>> {
        let mut linked = BTreeSet::new();
        for chunk in objects.chunks(CHUNK) {
            let sql =
                Sql::new("select kind, id from plan_links where run = $1 and (kind, id) in (select * from (values ").arg(run);
            for row in sql.objects(chunk).text(") as page)").all(&mut *self.read().await?).await? {
                linked.insert(row.object("")?);
            }
        }
        Ok(linked)
    }

    /// The records of these objects, and whether each carries our anchor.
    pub async fn link_ids(&self, target: &TargetName, objects: &[ObjectRef]) -> Result<BTreeMap<ObjectRef, (TargetId, bool)>> {
        let mut connection = self.read().await?;
        let mut ids = BTreeMap::new();
        for chunk in objects.chunks(CHUNK) {
            let rows = Sql::new(
                "select kind, id, target_id, anchored from links where target = $1 and (kind, id) in (select * from (values ",
            )
            .arg(target)
            .objects(chunk)
            .text(") as page)")
            .all(&mut connection)
            .await?;
            for row in &rows {
                ids.insert(row.object("")?, (row.str("target_id")?.into(), row.int("anchored")? != 0));
            }
        }
        Ok(ids)
    }

    /// The records of these objects, of those alone whose record the mirror shows deleted or gone.
    pub async fn lost_records(&self, target: &TargetName, objects: &[ObjectRef]) -> Result<BTreeMap<ObjectRef, TargetId>> {
        let mut connection = self.read().await?;
        let mut ids = BTreeMap::new();
        for chunk in objects.chunks(CHUNK) {
            let rows = Sql::new(
                "select l.kind as kind, l.id as id, l.target_id as target_id from links l
                   join mirror m on m.target = l.target and m.kind = l.kind and m.id = l.target_id and m.condition <> 'live'
                 where l.target = $1 and (l.kind, l.id) in (select * from (values ",
            )
            .arg(target)
            .objects(chunk)
            .text(") as page)")
            .all(&mut connection)
            .await?;
            for row in &rows {
                ids.insert(row.object("")?, row.str("target_id")?.into());
            }
        }
        Ok(ids)
    }

    /// The objects that these records are linked to.
    pub async fn linked_objects(&self, target: &TargetName, records: &[&TargetId]) -> Result<BTreeMap<TargetId, ObjectRef>> {
        owners(&mut *self.read().await?, target, records).await
    }

    /// The next links, users first.
    pub async fn links(&self, target: &TargetName, after: Option<&ObjectRef>, rows: usize) -> Result<Vec<LinkRow>> {
        let mut connection = self.read().await?;
        let mut links = Vec::new();
        for kind in Kind::ALL.into_iter().filter(|kind| after.is_none_or(|after| *kind >= after.kind)) {
            let after = after.filter(|after| after.kind == kind).map_or("", |after| after.id.as_str());
            let sql = Sql::new(&format!(
                "select {COLUMNS} from links where target = $1 and kind = $2 and id > $3 order by id limit $4"
            ));
            let page = sql.arg(target).arg(kind).arg(after).arg(limit(rows - links.len())).all(&mut connection).await?;
            for row in &page {
                links.push(read(row)?);
            }
            if links.len() == rows {
                break;
            }
        }
        Ok(links)
    }

    /// Values that were found as wanted count as sent. A link that was changed since it was read is passed over.
    pub async fn count_as_sent(&self, target: &TargetName, found: &[(ObjectRef, &LinkState, Attributes)]) -> Result<()> {
        let mut transaction = self.begin_derived().await?;
        for chunk in found.chunks(CHUNK) {
            let rows = chunk.iter().map(|(object, link, agreed)| -> Result<[Arg; 5]> {
                let mut sent = agreed.clone();
                sent.extend(link.sent.clone());
                let (kind, id, record) = (object.kind.into(), (&object.id).into(), (&link.id).into());
                Ok([kind, id, record, to_json(&link.sent)?.into(), to_json(&sent)?.into()])
            });
            Sql::new("with page (kind, id, target_id, was, sent) as (values ")
                .arg(target)
                .rows(rows.collect::<Result<Vec<_>>>()?)
                .text(
                    ") update links set sent = page.sent from page where links.target = $1 and links.kind = page.kind
                       and links.id = page.id and links.target_id = page.target_id and links.sent = page.was",
                )
                .run(&mut transaction)
                .await?;
        }
        Ok(transaction.commit().await?)
    }

    /// Keeps what the target stored for what was sent: it is not drift. Objects without a link are passed over.
    pub async fn accept_stored(&self, target: &TargetName, stored: &[(ObjectRef, Attributes)]) -> Result<()> {
        let mut transaction = self.begin_derived().await?;
        for chunk in stored.chunks(CHUNK) {
            let mut links = load(&mut transaction, target, chunk.iter().map(|(object, _)| object)).await?;
            for (object, attributes) in chunk {
                if let Some(row) = links.get_mut(object) {
                    row.link.stored.extend(attributes.clone());
                }
            }
            let rows: Vec<&LinkRow> = links.values().collect();
            store(&mut transaction, target, None, &rows).await?;
        }
        Ok(transaction.commit().await?)
    }
}

fn read(row: &AnyRow) -> Result<LinkRow> {
    Ok(LinkRow {
        object: row.object("")?,
        link: LinkState {
            id: row.str("target_id")?.into(),
            version: row.int("version")?,
            anchored: row.int("anchored")? != 0,
            sent: row.json("sent")?,
            stored: row.json("stored")?,
        },
        evidence: row.json("evidence")?,
        linked_at: row.int("linked_at")?,
    })
}

/// The links of these objects.
pub(crate) async fn load(
    connection: &mut AnyConnection,
    target: &TargetName,
    objects: impl Iterator<Item = &ObjectRef>,
) -> Result<BTreeMap<ObjectRef, LinkRow>> {
    let objects: Vec<&ObjectRef> = objects.collect();
    let mut links = BTreeMap::new();
    for chunk in objects.chunks(CHUNK) {
        let sql = Sql::new(&format!("select {COLUMNS} from links where target = $1 and (kind, id) in (select * from (values "))
            .arg(target);
        for row in sql.objects(chunk.iter().copied()).text(") as page)").all(connection).await? {
            let link = read(&row)?;
            links.insert(link.object.clone(), link);
        }
    }
    Ok(links)
}

/// Writes links. `run` is the run that changed them; `None` leaves the one that did.
pub(crate) async fn store(
    connection: &mut AnyConnection,
    target: &TargetName,
    run: Option<&RunId>,
    links: &[&LinkRow],
) -> Result<()> {
    for chunk in links.chunks(CHUNK) {
        let rows = chunk.iter().map(|row| row_args(target, run, row)).collect::<Result<Vec<_>>>()?;
        let keeps = if run.is_none() { "links.run" } else { "excluded.run" };
        Sql::new(&format!("insert into links (target, run, {COLUMNS}) values "))
            .rows(rows)
            .text(&format!(
                " on conflict (target, kind, id) do update set target_id = excluded.target_id, version = excluded.version,
                   anchored = excluded.anchored, evidence = excluded.evidence, sent = excluded.sent, stored = excluded.stored,
                   linked_at = excluded.linked_at, run = {keeps}"
            ))
            .run(connection)
            .await?;
    }
    Ok(())
}

fn row_args(target: &TargetName, run: Option<&RunId>, row: &LinkRow) -> Result<[Arg; 11]> {
    Ok([
        target.into(),
        run.map_or("", RunId::as_str).into(),
        row.object.kind.into(),
        (&row.object.id).into(),
        (&row.link.id).into(),
        row.link.version.into(),
        row.link.anchored.into(),
        to_json(&row.evidence)?.into(),
        to_json(&row.link.sent)?.into(),
        to_json(&row.link.stored)?.into(),
        row.linked_at.into(),
    ])
}

/// Forgets the links of these objects.
pub(crate) async fn remove(connection: &mut AnyConnection, target: &TargetName, objects: &[&ObjectRef]) -> Result<()> {
    for chunk in objects.chunks(CHUNK) {
        Sql::new("delete from links where target = $1 and (kind, id) in (select * from (values ")
            .arg(target)
            .objects(chunk.iter().copied())
            .text(") as page)")
            .run(connection)
            .await?;
    }
    Ok(())
}

/// The objects that these records are linked to.
pub(crate) async fn owners(
    connection: &mut AnyConnection,
    target: &TargetName,
    records: &[&TargetId],
) -> Result<BTreeMap<TargetId, ObjectRef>> {
    let mut owners = BTreeMap::new();
    for chunk in records.chunks(CHUNK) {
        let sql = Sql::new("select kind, id, target_id from links where target = $1 and target_id in (values ").arg(target);
        for row in sql.rows(chunk.iter().map(|id| [Arg::from(*id)])).text(")").all(connection).await? {
            owners.insert(row.str("target_id")?.into(), row.object("")?);
        }
    }
    Ok(owners)
}
