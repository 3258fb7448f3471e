//! What receivers are told: which object, and what became of it, never with which values. Without a receiver nothing is noted.

use std::collections::BTreeSet;
use std::time::Duration;

use entrain_model::{Hold, Millis, ObjectRef, TargetName};
use serde_json::{Value as Json, json};
use sqlx::AnyConnection;
use sqlx::any::AnyRow;
use uuid::Uuid;

use super::HookSide;
use crate::lease::millis;
use crate::sql::{Arg, CHUNK, Columns as _, Sql};
use crate::{Result, Store};

/// Events that are given to the receivers at once.
const PAGE: usize = 500;

/// Notes that a target has changes of these.
pub(crate) async fn note_synced(
    connection: &mut AnyConnection,
    target: &TargetName,
    now: Millis,
    objects: impl IntoIterator<Item = ObjectRef>,
) -> Result<()> {
    let objects: BTreeSet<ObjectRef> = objects.into_iter().collect();
    note(connection, target, now, objects.into_iter().map(|object| (object, "synced", ""))).await
}

/// Notes that these are held, as far as they were not already. Said before the holds are written.
pub(crate) async fn note_held(
    connection: &mut AnyConnection,
    target: &TargetName,
    now: Millis,
    holds: &[(ObjectRef, Hold)],
) -> Result<()> {
    let held: BTreeSet<(ObjectRef, &'static str)> = holds.iter().map(|(object, hold)| (object.clone(), hold.code())).collect();
    note(connection, target, now, held.into_iter().map(|(object, code)| (object, "held", code))).await
}

async fn note(
    connection: &mut AnyConnection,
    target: &TargetName,
    now: Millis,
    what: impl Iterator<Item = (ObjectRef, &'static str, &'static str)>,
) -> Result<()> {
    let rows: Vec<[Arg; 5]> = what
        .map(|(object, word, code)| {
            let sort = format!("{}.{word}", object.kind.as_str());
            [Uuid::now_v7().to_string().into(), sort.into(), object.kind.into(), (&object.id).into(), code.into()]
        })
        .collect();
    for chunk in rows.chunks(CHUNK) {
        Sql::new("with page (id, type, kind, object, code) as (values ")
            .arg(target)
            .arg(now)
            .rows(chunk.iter().cloned())
            .text(
                ") insert into hook_events (id, at, type, target, kind, object, code, spread)
                 select page.id, $2, page.type, $1, page.kind, page.object, page.code, 0 from page
                 where exists (select 1 from hooks where side = 'receiver')
                   and (page.code = '' or not exists (select 1 from holds h
                     where h.target = $1 and h.kind = page.kind and h.id = page.object and h.code = page.code))
                 on conflict (type, target, object, code) where spread = 0 do nothing",
            )
            .run(connection)
            .await?;
    }
    Ok(())
}

impl Store {
    /// Gives each receiver its deliveries of what happened since the last time; whether there may be more.
    pub async fn spread_hook_events(&self, patience: Duration) -> Result<bool> {
        let new = format!("select * from hook_events where spread = 0 order by at, id limit {PAGE}");
        if Sql::new(&new).one(&mut *self.read().await?).await?.is_none() {
            return Ok(false);
        }
        let (now, mut transaction) = (self.now(), self.begin_derived().await?);
        let events = Sql::new(&format!("{new}{}", self.dialect().for_update())).all(&mut transaction).await?;
        let receivers = super::table::of_side(&mut transaction, HookSide::Receiver).await?;
        let mut rows: Vec<[Arg; 6]> = Vec::new();
        let mut ids = Vec::with_capacity(events.len());
        for event in &events {
            let (id, sort) = (event.str("id")?, event.str("type")?);
            for receiver in receivers.iter().filter(|receiver| receiver.wants(&sort)) {
                let until = now.saturating_add(millis(patience));
                rows.push([
                    (&id).into(),
                    receiver.delivered_as().into(),
                    0_i64.into(),
                    now.into(),
                    until.into(),
                    "waiting".into(),
                ]);
            }
            ids.push(id);
        }
        for chunk in rows.chunks(CHUNK) {
            Sql::new("insert into deliveries (event, webhook, attempts, next_at, until, state) values ")
                .rows(chunk.iter().cloned())
                .text(" on conflict (event, webhook) do nothing")
                .run(&mut transaction)
                .await?;
        }
        for chunk in ids.chunks(CHUNK) {
            let sql = Sql::new("update hook_events set spread = 1 where id in (values ").rows(chunk.iter().map(|id| [id.into()]));
            sql.text(")").run(&mut transaction).await?;
        }
        transaction.commit().await?;
        Ok(events.len() == PAGE)
    }

    /// Forgets events that are older, and what was not told of them.
    pub async fn forget_hook_events(&self, older_than: Duration) -> Result<()> {
        let before = self.now().saturating_sub(millis(older_than));
        let mut transaction = self.begin_derived().await?;
        for text in [
            "delete from deliveries where event in (select id from hook_events where at < $1)",
            "delete from hook_events where at < $1",
        ] {
            Sql::new(text).arg(before).run(&mut transaction).await?;
        }
        Ok(transaction.commit().await?)
    }
}

/// The message of an event, by its id.
pub(crate) async fn told(connection: &mut AnyConnection, event: &str) -> Result<Option<(Millis, Json)>> {
    let row = Sql::new("select * from hook_events where id = $1").arg(event).one(connection).await?;
    row.as_ref().map(message).transpose()
}

fn message(row: &AnyRow) -> Result<(Millis, Json)> {
    let mut data = json!({ "id": row.str("object")? });
    for column in ["target", "code"] {
        let text = row.str(column)?;
        if !text.is_empty() {
            data[column] = text.into();
        }
    }
    Ok((row.int("at")?, json!({ "type": row.str("type")?, "data": data })))
}
