//! Effects whose outcome is not known, and what recovery finds of them.

use std::collections::BTreeSet;

use entrain_model::{Attributes, Evidence, LinkState, Millis, ObjectRef, RunId, TargetId, TargetName};
use serde_json::Value as Json;
use sqlx::AnyConnection;
use sqlx::any::AnyRow;

use super::{OpenEffect, Settled};
use crate::audit::Entry;
use crate::lease::TOO_LONG;
use crate::link::{self, LinkRow};
use crate::sql::{CHUNK, Columns as _, Sql};
use crate::{Result, Store};

impl Store {
    /// Effects begun until a time that nobody works on any more, or whose outcome is unknown, oldest first.
    pub async fn open_effects(&self, target: &TargetName, until: Millis) -> Result<Vec<OpenEffect>> {
        Sql::new(
            "select e.run as run, e.seq as seq, e.kind as kind, e.id as id, e.body as body, e.sent as sent, e.started_at as started_at
             from effects e where e.target = $1 and e.state in ('started', 'unknown') and e.started_at <= $2
               and (e.state = 'unknown' or not exists (select 1 from leases l
                 where l.target = $1 and l.kind = e.kind and l.id = e.id and l.holder = e.holder and l.until between $3 and $4))
             order by e.started_at, e.run, e.seq",
        )
        .arg(target)
        .arg(until)
        .arg(self.now())
        .arg(self.now() + TOO_LONG)
        .all(&mut *self.read().await?)
        .await?
        .iter()
        .map(|row| {
            Ok(OpenEffect {
                run: row.str("run")?.into(),
                seq: row.int("seq")?,
                object: row.object("")?,
                action: row.json("body")?,
                sent: row.json("sent")?,
                started_at: row.int("started_at")?,
            })
        })
        .collect()
    }

    /// Dates open effects of a time that is far ahead to now: the clock was set back since, and they would settle only then.
    pub async fn date_back_effects(&self, target: &TargetName) -> Result<()> {
        let now = self.now();
        let of = |text: &str| Sql::new(text).arg(target).arg(now + TOO_LONG);
        let ahead =
            "select 1 as n from effects where target = $1 and state in ('started', 'unknown') and started_at > $2 limit 1";
        if of(ahead).one(&mut *self.read().await?).await?.is_none() {
            return Ok(());
        }
        let mut transaction = self.begin().await?;
        of("update effects set started_at = $3 where target = $1 and state in ('started', 'unknown') and started_at > $2")
            .arg(now)
            .run(&mut transaction)
            .await?;
        Ok(transaction.commit().await?)
    }

    /// Of these objects, those whose record appeared or was written by us since: not everybody may see it yet.
    pub async fn written_since(&self, target: &TargetName, objects: &[ObjectRef], since: Millis) -> Result<BTreeSet<ObjectRef>> {
        let mut recent = BTreeSet::new();
        for chunk in objects.chunks(CHUNK) {
            let rows = Sql::new(
                "select distinct e.kind as kind, e.id as id from effects e where e.target = $1 and e.ended_at >= $2
                   and e.state in ('done', 'settled_done') and e.action in ('link', 'create', 'restore')
                   and (e.kind, e.id) in (select * from (values ",
            )
            .arg(target)
            .arg(since)
            .objects(chunk)
            .text(") as page)")
            .all(&mut *self.read().await?)
            .await?;
            for row in &rows {
                recent.insert(row.object("")?);
            }
        }
        Ok(recent)
    }

    /// The objects of this run whose creation was not answered and was found done.
    pub async fn found_creates(&self, run: &RunId) -> Result<BTreeSet<ObjectRef>> {
        let rows = Sql::new("select kind, id from effects where run = $1 and action = 'create' and state = 'settled_done'")
            .arg(run)
            .all(&mut *self.read().await?)
            .await?;
        rows.iter().map(|row| row.object("")).collect()
    }

    /// Whether this run left something undone. Where a create had no answer, a smaller run may have made good since what
    /// failed with it and what waited for it.
    pub async fn is_left(&self, target: &TargetName, run: &RunId) -> Result<bool> {
        let mut connection = self.read().await?;
        let lost = Sql::new(
            "select 1 as n from effects where run = $1 and action = 'create' and state in ('settled_done', 'settled_not_done') limit 1",
        );
        if lost.arg(run).one(&mut connection).await?.is_none() {
            return Ok(true);
        }
        let undone = Sql::new(
            "select 1 as n from effects e where e.run = $1 and e.state not in ('done', 'settled_done')
               and not (e.action = 'create' and e.state = 'settled_not_done'
                 and exists (select 1 from links l where l.target = e.target and l.kind = e.kind and l.id = e.id)) limit 1",
        );
        if undone.arg(run).one(&mut connection).await?.is_some() {
            return Ok(true);
        }
        let held = Sql::new(
            "select 1 as n from plan_lines p join holds h on h.target = $1 and h.kind = p.kind and h.id = p.id
             where p.run = $2 and p.action = 'hold' limit 1",
        );
        Ok(held.arg(target).arg(run).one(&mut connection).await?.is_some())
    }

    /// Records what recovery found. Whether the effect was still open: another run may have settled it first.
    pub async fn settle_effect(&self, run: &RunId, seq: i64, settled: Settled) -> Result<bool> {
        let (effect, line) = match settled {
            Settled::Landed(_) => ("settled_done", "done"),
            Settled::NotDone => ("settled_not_done", "failed"),
        };
        let mut transaction = self.begin().await?;
        let now = self.now();
        let of = |text: &str| Sql::new(text).arg(run).arg(seq);
        let rows =
            of("update effects set state = $3, ended_at = $4 where run = $1 and seq = $2 and state in ('started', 'unknown')")
                .arg(effect)
                .arg(now)
                .run(&mut transaction)
                .await?;
        if rows == 0 {
            return Ok(false);
        }
        of("update plan_lines set state = $3, detail = 'settled by recovery' where run = $1 and seq = $2")
            .arg(line)
            .run(&mut transaction)
            .await?;
        let entry = of(
            "select e.target as target, e.kind as kind, e.id as id, e.action as action, e.sent as sent, r.mapping_version as mapping_version
             from effects e left join runs r on r.id = e.run where e.run = $1 and e.seq = $2",
        );
        let entry = entry.one(&mut transaction).await?.map(|row| settled_entry(&row, run, seq, effect)).transpose()?;
        let Some(mut entry) = entry else { return Ok(false) };
        if let Settled::Landed(id) = settled {
            entry.record = Some(id.clone());
            if let (Some(target), Some(object)) = (&entry.target, &entry.object) {
                landed(&mut transaction, target, run, object.clone(), id, now).await?;
            }
        }
        self.record(&mut transaction, entry).await?;
        transaction.commit().await?;
        Ok(true)
    }
}

fn settled_entry(row: &AnyRow, run: &RunId, seq: i64, outcome: &str) -> Result<Entry> {
    let sent: Json = row.json("sent")?;
    Ok(Entry {
        target: Some(row.str("target")?.into()),
        run: Some(run.clone()),
        line: Some(seq),
        object: Some(row.object("")?),
        action: row.str("action")?,
        outcome: outcome.to_owned(),
        mapping_version: row.opt_str("mapping_version")?,
        after: sent.as_object().map(|sent| sent.clone().into_iter().collect()).unwrap_or_default(),
        ..Entry::default()
    })
}

/// Links the record of a create, unless the object has a link or the record is another object's by now.
async fn landed(
    connection: &mut AnyConnection,
    target: &TargetName,
    run: &RunId,
    object: ObjectRef,
    id: TargetId,
    now: Millis,
) -> Result<()> {
    let linked = !link::load(connection, target, std::iter::once(&object)).await?.is_empty();
    if linked || !link::owners(connection, target, &[&id]).await?.is_empty() {
        return Ok(());
    }
    let link = LinkState { id, version: 1, anchored: true, sent: Attributes::new(), stored: Attributes::new() };
    let row = LinkRow { object, link, evidence: Evidence::Created, linked_at: now };
    link::store(connection, target, Some(run), &[&row]).await
}
