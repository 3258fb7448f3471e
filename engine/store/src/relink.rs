//! An operator says which record is whose: a link is looked at, taken away, or set on another record.

use entrain_model::{Attributes, Evidence, LinkState, ObjectRef, TargetId, TargetName};
use sqlx::AnyConnection;

use crate::audit::Entry;
use crate::link::{self, LinkRow};
use crate::sql::{Columns as _, Sql};
use crate::{Result, Store, StoreError, queue};

/// What a link was, and what it is.
#[derive(Clone, Debug, PartialEq)]
pub struct Relinked {
    /// The record before.
    pub before: Option<TargetId>,
    /// The link now.
    pub link: LinkRow,
}

impl Store {
    /// The link of one object.
    pub async fn link_of(&self, target: &TargetName, object: &ObjectRef) -> Result<Option<LinkRow>> {
        Ok(link::load(&mut *self.read().await?, target, std::iter::once(object)).await?.remove(object))
    }

    /// Takes a link away and parks the object: its anchor and its keys would find the record again. The record stays as it is.
    ///
    /// # Errors
    /// It has no link.
    pub async fn unlink(&self, target: &TargetName, object: &ObjectRef, reason: &str) -> Result<TargetId> {
        let mut tx = self.begin().await?;
        let row = link::load(&mut tx, target, std::iter::once(object)).await?.remove(object);
        let row = row.ok_or_else(|| StoreError::Missing { what: format!("link of {object} in target `{target}`") })?;
        link::remove(&mut tx, target, &[object]).await?;
        Sql::new(
            "insert into parked (target, kind, id, reason, since) values ($1, $2, $3, $4, $5)
             on conflict (target, kind, id) do update set reason = excluded.reason",
        )
        .arg(target)
        .arg(object.kind)
        .arg(&object.id)
        .arg(reason)
        .arg(self.now())
        .run(&mut tx)
        .await?;
        queue::enqueue(&mut tx, target, std::slice::from_ref(object), 0, self.now()).await?;
        let act = Entry::act("unlink").target(target).object(object).before("record", row.link.id.as_str());
        self.record(&mut tx, act.after("reason", reason)).await?;
        tx.commit().await?;
        self.notify();
        Ok(row.link.id)
    }

    /// Links an object to the record that an operator names. What a run then writes to it, it decides as for any link.
    ///
    /// # Errors
    /// The record is not known to be there, is linked to another object, or carries the anchor of somebody else.
    pub async fn relink(&self, target: &TargetName, object: &ObjectRef, record: &TargetId, reason: &str) -> Result<Relinked> {
        let mut tx = self.begin().await?;
        let anchored = free_record(&mut tx, target, object, record).await?;
        let was = link::load(&mut tx, target, std::iter::once(object)).await?.remove(object);
        let row = LinkRow {
            object: object.clone(),
            link: LinkState {
                id: record.clone(),
                version: was.as_ref().map_or(1, |row| row.link.version + 1),
                anchored,
                sent: Attributes::new(),
                stored: Attributes::new(),
            },
            evidence: Evidence::TargetId,
            linked_at: self.now(),
        };
        link::store(&mut tx, target, None, &[&row]).await?;
        queue::enqueue(&mut tx, target, std::slice::from_ref(object), 0, self.now()).await?;
        let before = was.map(|row| row.link.id);
        let act = Entry::act("relink").target(target).object(object).before("record", before.as_ref().map(TargetId::as_str));
        self.record(&mut tx, act.after("record", record.as_str()).after("reason", reason)).await?;
        tx.commit().await?;
        self.notify();
        Ok(Relinked { before, link: row })
    }
}

/// Whether the record carries the object's own anchor; an error if it may not be linked.
async fn free_record(connection: &mut AnyConnection, target: &TargetName, object: &ObjectRef, record: &TargetId) -> Result<bool> {
    let (kind, id) = (object.kind, &object.id);
    let of = "select anchor from mirror where target = $1 and kind = $2 and id = $3 and condition = 'live'";
    let Some(known) = Sql::new(of).arg(target).arg(kind).arg(record).one(connection).await? else {
        return Err(StoreError::Missing {
            what: format!(
                "{kind} record {record} in target `{target}`, as far as the last sync knows; run a sync, or correct the id"
            ),
        });
    };
    if let Some(other) = link::owners(connection, target, &[record]).await?.remove(record).filter(|other| other != object) {
        return Err(StoreError::Conflict(format!("record {record} is linked to {other}: unlink that first")));
    }
    let Some(anchor) = known.opt_str("anchor")? else { return Ok(false) };
    let own = "select value from desired_keys where target = $1 and kind = $2 and id = $3 and rank = 0";
    let own = Sql::new(own).arg(target).arg(kind).arg(id).one(connection).await?.map(|row| row.str("value")).transpose()?;
    if own.is_some_and(|own| own.eq_ignore_ascii_case(&anchor)) {
        return Ok(true);
    }
    Err(StoreError::Conflict(format!(
        "record {record} carries the anchor of another object or of another source: it is never overwritten. Take it away in the target first"
    )))
}
