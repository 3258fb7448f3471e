//! First credentials that are to reach somebody, and have not. The credentials themselves are never here.

use entrain_model::{HandedOver, Millis, ObjectRef, TargetName};
use sqlx::AnyConnection;

use crate::audit::Entry;
use crate::effect::{End, Start};
use crate::sql::{Arg, CHUNK, Columns as _, Sql, limit};
use crate::state::INTERRUPTED;
use crate::{Result, Store, queue};

/// A first credential that has reached nobody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CredentialRow {
    /// Whose.
    pub object: ObjectRef,
    /// The next run makes another one.
    pub due: bool,
    /// What happened.
    pub detail: String,
    /// Since when.
    pub since: Millis,
}

impl Store {
    /// Asks for a new first credential of an object that has a record. Returns whether it has one.
    pub async fn reissue(&self, target: &TargetName, object: &ObjectRef) -> Result<bool> {
        let mut tx = self.begin().await?;
        let sql = Sql::new(
            "insert into first_credentials (target, kind, id, state, since)
             select l.target, l.kind, l.id, 'due', $4 from links l where l.target = $1 and l.kind = $2 and l.id = $3
             on conflict (target, kind, id) do update set state = 'due', detail = null, since = excluded.since",
        );
        if sql.arg(target).arg(object.kind).arg(&object.id).arg(self.now()).run(&mut tx).await? == 0 {
            return Ok(false);
        }
        queue::enqueue(&mut tx, target, std::slice::from_ref(object), 0, self.now()).await?;
        self.record(&mut tx, Entry::act("reissue").target(target).object(object)).await?;
        tx.commit().await?;
        self.notify();
        Ok(true)
    }

    /// The next first credentials that have reached nobody, of objects that have a record. What is on its way is not among them.
    pub async fn undelivered(&self, target: &TargetName, after: Option<&ObjectRef>, rows: usize) -> Result<Vec<CredentialRow>> {
        let sql = Sql::new(
            "select fc.kind as kind, fc.id as id, fc.state as state, fc.detail as detail, fc.since as since
             from first_credentials fc join links l on l.target = fc.target and l.kind = fc.kind and l.id = fc.id
             where fc.target = $1 and fc.id > $2 and not exists (select 1 from effects e where e.target = fc.target
               and e.kind = fc.kind and e.id = fc.id and e.state in ('started', 'unknown'))
             order by fc.id limit $3",
        );
        let after = after.map_or("", |after| after.id.as_str());
        sql.arg(target)
            .arg(after)
            .arg(limit(rows))
            .all(&mut *self.read().await?)
            .await?
            .iter()
            .map(|row| {
                Ok(CredentialRow {
                    object: row.object("")?,
                    due: row.str("state")? == "due",
                    detail: row.opt_str("detail")?.unwrap_or_else(|| INTERRUPTED.to_owned()),
                    since: row.int("since")?,
                })
            })
            .collect()
    }

    /// Forgets first credentials of records that were never made.
    pub async fn prune_credentials(&self, target: &TargetName) -> Result<()> {
        let unmade = "target = $1
               and not exists (select 1 from links l where l.target = $1 and l.kind = first_credentials.kind and l.id = first_credentials.id)
               and not exists (select 1 from effects e where e.target = $1 and e.kind = first_credentials.kind
                 and e.id = first_credentials.id and e.state in ('started', 'unknown'))";
        let any = format!("select 1 as n from first_credentials where {unmade} limit 1");
        if Sql::new(&any).arg(target).one(&mut *self.read().await?).await?.is_some() {
            let mut tx = self.begin_derived().await?;
            Sql::new(&format!("delete from first_credentials where {unmade}")).arg(target).run(&mut tx).await?;
            tx.commit().await?;
        }
        Ok(())
    }
}

/// Notes, before the calls, which of them make first credentials: what a dead process leaves behind is known to be on its way.
pub(crate) async fn begin(connection: &mut AnyConnection, target: &TargetName, starts: &[&Start], now: Millis) -> Result<()> {
    let begun: Vec<_> = starts.iter().filter(|start| start.hands_over).map(|start| (&start.object, "open", None)).collect();
    put(connection, target, &begun, now).await
}

/// Notes what became of them.
pub(crate) async fn end(connection: &mut AnyConnection, target: &TargetName, ends: &[End], now: Millis) -> Result<()> {
    let (mut kept, mut over) = (Vec::new(), Vec::new());
    for end in ends {
        match &end.credential {
            None => {}
            Some(HandedOver::Delivered | HandedOver::NotNeeded) => over.push(&end.object),
            Some(HandedOver::NotYet(detail)) => kept.push((&end.object, "due", Some(detail.clone()))),
            Some(HandedOver::Lost(detail)) => kept.push((&end.object, "lost", Some(detail.clone()))),
        }
    }
    for chunk in over.chunks(CHUNK) {
        Sql::new("delete from first_credentials where target = $1 and (kind, id) in (select * from (values ")
            .arg(target)
            .objects(chunk.iter().copied())
            .text(") as page)")
            .run(connection)
            .await?;
    }
    put(connection, target, &kept, now).await
}

async fn put(
    connection: &mut AnyConnection,
    target: &TargetName,
    rows: &[(&ObjectRef, &str, Option<String>)],
    now: Millis,
) -> Result<()> {
    for chunk in rows.chunks(CHUNK) {
        let values = chunk.iter().map(|(object, state, detail)| -> [Arg; 6] {
            [target.into(), object.kind.into(), (&object.id).into(), (*state).into(), detail.clone().into(), now.into()]
        });
        Sql::new("insert into first_credentials (target, kind, id, state, detail, since) values ")
            .rows(values)
            .text(
                " on conflict (target, kind, id) do update set state = excluded.state, detail = excluded.detail,
                   since = excluded.since",
            )
            .run(connection)
            .await?;
    }
    Ok(())
}
