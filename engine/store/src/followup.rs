//! What follows a run: the echo of its writes, and what must be looked at again.

use std::collections::BTreeMap;
use std::time::Duration;

use entrain_model::{Attributes, Basis, Kind, Millis, ObjectRef, RunId, TargetName};
use serde_json::Value as Json;
use sqlx::AnyConnection;

use crate::mirror::is_unset;
use crate::sql::{Arg, CHUNK, Columns as _, Sql, limit, to_json};
use crate::{Result, Store};

/// Factors of the wait by the number of attempts; portable, since the two databases shift integers differently.
const DOUBLING: &str = "case queue.attempts when 0 then 1 when 1 then 2 when 2 then 4 when 3 then 8 when 4 then 16 \
                        when 5 then 32 when 6 then 64 else 128 end";

impl Store {
    /// What stands of these objects now, whether or not they are in the target's desired state.
    pub async fn standing_bases(&self, target: &TargetName, objects: &[ObjectRef]) -> Result<BTreeMap<ObjectRef, Basis>> {
        let mut bases = BTreeMap::new();
        for chunk in objects.chunks(CHUNK) {
            let sql = Sql::new(
                "select v.kind as kind, v.id as id, v.version as source, t.epoch as epoch,
                   coalesce((select l.version from links l where l.target = t.name and l.kind = v.kind and l.id = v.id), 0) as link
                 from source_versions v, targets t where t.name = $1 and (v.kind, v.id) in (select * from (values ",
            );
            for row in sql.arg(target).objects(chunk).text(") as page)").all(&mut *self.read().await?).await? {
                let basis = Basis { source: row.int("source")?, link: row.int("link")?, epoch: row.int("epoch")? };
                bases.insert(row.object("")?, basis);
            }
        }
        Ok(bases)
    }

    /// Keeps what the target shows after this run's writes beside what was sent, where it differs.
    pub async fn accept_echo(&self, target: &TargetName, run: &RunId) -> Result<()> {
        let mut after = 0;
        loop {
            let page = Sql::new(
                "select p.seq as seq, l.kind as kind, l.id as id, l.sent as sent, l.stored as stored, m.attributes as attributes \
                 from plan_lines p join runs r on r.id = p.run \
                 join links l on l.target = r.target and l.kind = p.kind and l.id = p.id \
                 join mirror m on m.target = l.target and m.kind = l.kind and m.id = l.target_id \
                 where p.run = $1 and p.seq > $2 and p.state = 'done' and p.action in ('create', 'restore', 'update', 'disable') \
                 order by p.seq limit $3",
            )
            .arg(run)
            .arg(after)
            .arg(limit(CHUNK))
            .all(&mut *self.read().await?)
            .await?;
            let Some(last) = page.last() else { return Ok(()) };
            after = last.int("seq")?;
            let mut differing = Vec::new();
            for row in &page {
                let (sent, stored): (Attributes, Attributes) = (row.json("sent")?, row.json("stored")?);
                let echo = echo(&sent, &row.json("attributes")?);
                if echo != stored {
                    differing.push((row.object("")?, echo));
                }
            }
            self.keep_stored(target, &differing).await?;
        }
    }

    async fn keep_stored(&self, target: &TargetName, stored: &[(ObjectRef, Attributes)]) -> Result<()> {
        if stored.is_empty() {
            return Ok(());
        }
        let mut tx = self.begin_derived().await?;
        for (object, stored) in stored {
            Sql::new("update links set stored = $1 where target = $2 and kind = $3 and id = $4")
                .arg(to_json(stored)?)
                .arg(target)
                .arg(object.kind)
                .arg(&object.id)
                .run(&mut tx)
                .await?;
        }
        Ok(tx.commit().await?)
    }

    /// Puts objects back that must be looked at again: after `base`, doubled with each attempt.
    pub async fn enqueue_again(&self, target: &TargetName, objects: &[ObjectRef], base: Duration) -> Result<()> {
        let mut tx = self.begin().await?;
        put_back(&mut tx, target, objects, base, self.now()).await?;
        Ok(tx.commit().await?)
    }

    /// Likewise, and not before `at`: nothing can be said of them until then. An object that changed since it was mapped is not
    /// kept waiting.
    pub async fn enqueue_late(&self, target: &TargetName, objects: &[ObjectRef], base: Duration, at: Millis) -> Result<()> {
        let mut tx = self.begin().await?;
        // Whoever changes one writes its row after its version: since the rows are ours now, its version tells.
        put_back(&mut tx, target, objects, base, self.now()).await?;
        for chunk in objects.chunks(CHUNK) {
            Sql::new(
                "update queue set not_before = $2 where target = $1 and not_before < $2 and exists (select 1 from desired d
                   join source_versions v on v.kind = d.kind and v.id = d.id and v.version = d.source_version
                   where d.target = $1 and d.kind = queue.kind and d.id = queue.id)
                 and (kind, id) in (select * from (values ",
            )
            .arg(target)
            .arg(at)
            .objects(chunk)
            .text(") as page)")
            .run(&mut tx)
            .await?;
        }
        Ok(tx.commit().await?)
    }

    /// The held objects that want a unique value which a change of this run has given up. What a record had is not known where the
    /// outcome of a write to it was not: then it may be any value.
    pub async fn freed_for(&self, target: &TargetName, run: &RunId) -> Result<Vec<ObjectRef>> {
        let rows = Sql::new(
            "select h.kind as kind, h.id as id from plan_claims c
               join plan_lines l on l.run = c.run and l.seq = c.seq and l.state = 'done'
               join desired_unique u on u.target = $2 and u.kind = l.kind and u.attribute = c.attribute and u.value = c.value
               join holds h on h.target = u.target and h.kind = u.kind and h.id = u.id and h.code = 'conflict'
             where c.run = $1 and c.claim = 'frees'
             union
             select h.kind as kind, h.id as id from holds h
             where h.target = $2 and h.code = 'conflict' and exists (
               select 1 from (
                 select distinct l.kind as kind, coalesce(w.attribute, '') as attribute
                 from plan_lines l left join plan_claims w on w.run = l.run and w.seq = l.seq and w.claim = 'wants'
                 where l.run = $1 and l.state = 'done' and (l.action = 'delete' or w.attribute is not null)
                   and l.action in ('delete', 'update') and not exists (
                     select 1 from plan_claims f where f.run = l.run and f.seq = l.seq and f.claim = 'frees'
                       and f.attribute = coalesce(w.attribute, f.attribute))
               ) freed
               where freed.kind = h.kind and freed.attribute in ('', h.about))",
        )
        .arg(run)
        .arg(target)
        .all(&mut *self.read().await?)
        .await?;
        rows.iter().map(|row| row.object("")).collect()
    }

    /// Removes the rows that a run over everything has covered: those that changed last before it began, and whose object
    /// was mapped as it is now. The time alone proves nothing: a transaction that wrote before the run began may have ended
    /// after it looked.
    pub async fn done_before(&self, target: &TargetName, at: Millis) -> Result<()> {
        let mut tx = self.begin_derived().await?;
        Sql::new(
            "delete from queue where target = $1 and changed_at < $2 and not_before <= $2
               and exists (select 1 from desired d
                 join source_versions v on v.kind = d.kind and v.id = d.id and v.version = d.source_version
                 where d.target = $1 and d.kind = queue.kind and d.id = queue.id)",
        )
        .arg(target)
        .arg(at)
        .run(&mut tx)
        .await?;
        Ok(tx.commit().await?)
    }

    /// The users whose manager is one of these and whose manager's record changed since it was mapped.
    pub async fn dependents(&self, target: &TargetName, managers: &[ObjectRef]) -> Result<Vec<ObjectRef>> {
        let mut found = Vec::new();
        let users: Vec<_> = managers.iter().filter(|object| object.kind == Kind::User).collect();
        for chunk in users.chunks(CHUNK) {
            let rows = Sql::new(
                "select 'user' as kind, u.id as id from users u \
                 join source_versions v on v.kind = 'user' and v.id = u.manager_id \
                 join desired d on d.target = $1 and d.kind = 'user' and d.id = u.manager_id and d.source_version <> v.version \
                 where u.manager_id in (",
            )
            .arg(target)
            .rows(chunk.iter().map(|object| [Arg::from(&object.id)]))
            .text(")")
            .all(&mut *self.read().await?)
            .await?;
            for row in rows {
                found.push(row.object("")?);
            }
        }
        Ok(found)
    }

    /// The objects that an operator parked, with the reason of each.
    pub async fn parked(&self, target: &TargetName) -> Result<BTreeMap<ObjectRef, String>> {
        let rows =
            Sql::new("select kind, id, reason from parked where target = $1").arg(target).all(&mut *self.read().await?).await?;
        rows.iter().map(|row| Ok((row.object("")?, row.str("reason")?))).collect()
    }

    /// The versions that changes of these objects are planned from: what was mapped, not what is there by now.
    pub async fn bases(&self, target: &TargetName, objects: &[ObjectRef]) -> Result<BTreeMap<ObjectRef, Basis>> {
        let mut bases = BTreeMap::new();
        for chunk in objects.chunks(CHUNK) {
            let rows = Sql::new(
                "select d.kind as kind, d.id as id, d.source_version as source, t.epoch as epoch, \
                   coalesce((select l.version from links l where l.target = d.target and l.kind = d.kind and l.id = d.id), 0) as link \
                 from desired d join targets t on t.name = d.target where d.target = $1 and (d.kind, d.id) in (select * from (values ",
            )
            .arg(target)
            .objects(chunk)
            .text(") as page)")
            .all(&mut *self.read().await?)
            .await?;
            for row in &rows {
                let basis = Basis { source: row.int("source")?, link: row.int("link")?, epoch: row.int("epoch")? };
                bases.insert(row.object("")?, basis);
            }
        }
        Ok(bases)
    }
}

/// Puts objects back: after `base`, doubled with each attempt.
async fn put_back(
    connection: &mut AnyConnection,
    target: &TargetName,
    objects: &[ObjectRef],
    base: Duration,
    now: Millis,
) -> Result<()> {
    let base = i64::try_from(base.as_millis()).unwrap_or(i64::MAX / 256);
    for chunk in objects.chunks(CHUNK) {
        let rows = chunk.iter().map(|object| -> [Arg; 7] {
            [target.into(), object.kind.into(), (&object.id).into(), now.into(), now.into(), (now + base).into(), 1_i64.into()]
        });
        Sql::new("insert into queue (target, kind, id, first_at, changed_at, not_before, attempts, version) select v.*, 1 from (values ")
            .rows(rows)
            .text(") as v where true on conflict (target, kind, id) do update set version = queue.version + 1, ")
            .text("attempts = queue.attempts + 1, changed_at = excluded.changed_at, not_before = excluded.changed_at + ")
            .text(&format!("{base} * ({DOUBLING})"))
            .run(connection)
            .await?;
    }
    Ok(())
}

/// What the record shows where it is something else than what was sent. What the mirror does not know is as sent.
fn echo(sent: &Attributes, shown: &Attributes) -> Attributes {
    sent.iter()
        .filter_map(|(name, sent)| {
            let shown = known(shown, name)?;
            let differs = shown != sent && !(is_unset(shown) && is_unset(sent));
            differs.then(|| (name.clone(), shown.clone()))
        })
        .collect()
}

/// An attribute by its name, or by its dotted path.
fn known<'a>(attributes: &'a Attributes, name: &str) -> Option<&'a Json> {
    if let Some(value) = attributes.get(name) {
        return Some(value);
    }
    let (parent, part) = name.split_once('.')?;
    attributes.get(parent)?.get(part)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn attributes(value: Json) -> Attributes {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn only_what_the_record_shows_otherwise_is_an_echo() {
        let sent = attributes(json!({ "title": "A ", "city": "Bern", "ext.one": "x", "phones": [], "unread": 1 }));
        let shown = attributes(json!({ "title": "A", "city": "Bern", "ext": { "one": "X" }, "phones": null }));
        assert_eq!(echo(&sent, &shown), attributes(json!({ "title": "A", "ext.one": "X" })));
    }
}
