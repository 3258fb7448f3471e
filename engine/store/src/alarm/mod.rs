//! Alarms: what a person should know of. Each is raised once and cleared once, whoever looks, and however often.

mod delivery;
mod facts;

pub use delivery::{Delivery, Webhooks};
pub(crate) use facts::waiting;
pub use facts::{HeldObjects, WaitingRun};

use entrain_model::{Millis, TargetName};
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};
use sqlx::AnyConnection;
use sqlx::any::AnyRow;
use uuid::Uuid;

use crate::sql::{Columns as _, Sql, limit, to_json, to_word};
use crate::{Result, Store};

/// What sort of trouble.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AlarmKind {
    /// The target is halted.
    Halt,
    /// A plan beyond the limits waits for approval.
    Approval,
    /// Objects are held for long.
    Holds,
    /// No full sync was successful for long.
    NoFullSync,
    /// The credential for the target runs out.
    CredentialExpiring,
    /// Another credential signs in than the one that should.
    CredentialRefused,
    /// Somebody else writes what is managed here, again and again.
    Fight,
}

impl AlarmKind {
    /// All.
    pub const ALL: [AlarmKind; 7] = [
        AlarmKind::Halt,
        AlarmKind::Approval,
        AlarmKind::Holds,
        AlarmKind::NoFullSync,
        AlarmKind::CredentialExpiring,
        AlarmKind::CredentialRefused,
        AlarmKind::Fight,
    ];

    /// The word that is stored and shown.
    pub fn as_str(self) -> &'static str {
        match self {
            AlarmKind::Halt => "halt",
            AlarmKind::Approval => "approval",
            AlarmKind::Holds => "holds",
            AlarmKind::NoFullSync => "no_full_sync",
            AlarmKind::CredentialExpiring => "credential_expiring",
            AlarmKind::CredentialRefused => "credential_refused",
            AlarmKind::Fight => "fight",
        }
    }
}

/// An alarm as it should stand.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Alarm {
    /// What sort.
    pub kind: AlarmKind,
    /// What tells it apart from others of its sort; empty if there is only one.
    pub about: String,
    /// How grave it is among its sort; more is graver, and that is told once more.
    pub level: i64,
    /// What happened and what to do.
    pub message: String,
    /// The same for programs.
    pub body: Json,
}

/// An alarm as stored.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct AlarmRow {
    /// Its id.
    pub id: String,
    /// Of which target.
    pub target: TargetName,
    /// What it says.
    #[serde(flatten)]
    pub alarm: Alarm,
    /// Since when.
    pub raised_at: Millis,
    /// Until when; `None` while it is open.
    pub cleared_at: Option<Millis>,
}

/// What became of an alarm.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Turn {
    /// It is new.
    Raised,
    /// It is graver than before.
    Graver,
    /// It is over.
    Cleared,
}

impl Store {
    /// The open alarms, by target and sort.
    pub async fn alarms(&self, target: Option<&TargetName>) -> Result<Vec<AlarmRow>> {
        open(&mut *self.read().await?, target, None).await
    }

    /// The latest alarms that are over, newest first.
    pub async fn past_alarms(&self, rows: usize) -> Result<Vec<AlarmRow>> {
        let sql = Sql::new("select * from alarms where cleared_at is not null order by cleared_at desc, id desc")
            .bind(" limit ", limit(rows));
        sql.all(&mut *self.read().await?).await?.iter().map(read).collect()
    }

    /// Makes the open alarms of a sort these. Returns what turned, each turn to one caller only.
    pub async fn settle_alarms(&self, target: &TargetName, kind: AlarmKind, wanted: &[Alarm]) -> Result<Vec<(Turn, AlarmRow)>> {
        let standing = open(&mut *self.read().await?, Some(target), Some(kind)).await?;
        let same = standing.len() == wanted.len() && wanted.iter().all(|alarm| standing.iter().any(|row| row.alarm == *alarm));
        if same {
            return Ok(Vec::new());
        }
        let mut tx = self.begin().await?;
        let turned = settle(self, &mut tx, target, kind, wanted).await?;
        tx.commit().await?;
        Ok(turned)
    }

    /// Clears the alarms of targets that there are no longer.
    pub async fn clear_alarms_beside(&self, targets: &[TargetName]) -> Result<Vec<(Turn, AlarmRow)>> {
        let mut turned = Vec::new();
        for row in self.alarms(None).await?.into_iter().filter(|row| !targets.contains(&row.target)) {
            turned.extend(self.settle_alarms(&row.target, row.alarm.kind, &[]).await?);
        }
        Ok(turned)
    }
}

/// The same within a transaction.
pub(crate) async fn settle(
    store: &Store,
    connection: &mut AnyConnection,
    target: &TargetName,
    kind: AlarmKind,
    wanted: &[Alarm],
) -> Result<Vec<(Turn, AlarmRow)>> {
    let mut turned = Vec::new();
    for mut row in open(connection, Some(target), Some(kind)).await? {
        if wanted.iter().any(|alarm| alarm.about == row.alarm.about) {
            continue;
        }
        row.cleared_at = Some(store.now());
        let sql = Sql::new("update alarms set cleared_at = $1 where id = $2 and cleared_at is null");
        if sql.arg(row.cleared_at).arg(&row.id).run(connection).await? == 1 {
            tell(store, connection, Turn::Cleared, &row).await?;
            turned.push((Turn::Cleared, row));
        }
    }
    for alarm in wanted {
        turned.extend(raise(store, connection, target, alarm).await?);
    }
    Ok(turned)
}

/// Raises an alarm, or brings the open one up to date.
pub(crate) async fn raise(
    store: &Store,
    connection: &mut AnyConnection,
    target: &TargetName,
    alarm: &Alarm,
) -> Result<Option<(Turn, AlarmRow)>> {
    let row = AlarmRow {
        id: Uuid::now_v7().to_string(),
        target: target.clone(),
        alarm: alarm.clone(),
        raised_at: store.now(),
        cleared_at: None,
    };
    let inserted = Sql::new(
        "insert into alarms (id, target, kind, about, level, message, body, raised_at) values ($1, $2, $3, $4, $5, $6, $7, $8)
         on conflict (target, kind, about) where cleared_at is null do nothing",
    );
    let inserted = inserted
        .arg(&row.id)
        .arg(target)
        .arg(alarm.kind.as_str())
        .arg(&alarm.about)
        .arg(alarm.level)
        .arg(&alarm.message)
        .arg(to_json(&alarm.body)?)
        .arg(row.raised_at)
        .run(connection)
        .await?;
    if inserted == 1 {
        tell(store, connection, Turn::Raised, &row).await?;
        return Ok(Some((Turn::Raised, row)));
    }
    let standing = open(connection, Some(target), Some(alarm.kind)).await?.into_iter().find(|row| row.alarm.about == alarm.about);
    let Some(standing) = standing.filter(|row| row.alarm != *alarm) else { return Ok(None) };
    let changed =
        Sql::new("update alarms set level = $1, message = $2, body = $3 where id = $4 and level = $5 and cleared_at is null")
            .arg(alarm.level)
            .arg(&alarm.message)
            .arg(to_json(&alarm.body)?)
            .arg(&standing.id)
            .arg(standing.alarm.level)
            .run(connection)
            .await?;
    if changed == 0 || alarm.level <= standing.alarm.level {
        return Ok(None);
    }
    let row = AlarmRow { alarm: alarm.clone(), ..standing };
    tell(store, connection, Turn::Graver, &row).await?;
    Ok(Some((Turn::Graver, row)))
}

/// Keeps what is to be told of an alarm, in the transaction that turns it.
async fn tell(store: &Store, connection: &mut AnyConnection, turn: Turn, row: &AlarmRow) -> Result<()> {
    let body = json!({ "turn": to_word(&turn)?, "alarm": row });
    Sql::new("insert into alarm_events (id, body, at, spread) values ($1, $2, $3, 0)")
        .arg(Uuid::now_v7().to_string())
        .arg(to_json(&body)?)
        .arg(store.now())
        .run(connection)
        .await?;
    Ok(())
}

async fn open(connection: &mut AnyConnection, target: Option<&TargetName>, kind: Option<AlarmKind>) -> Result<Vec<AlarmRow>> {
    let mut sql = Sql::new("select * from alarms where cleared_at is null");
    if let Some(target) = target {
        sql = sql.bind(" and target = ", target);
    }
    if let Some(kind) = kind {
        sql = sql.bind(" and kind = ", kind.as_str());
    }
    sql.text(" order by target, kind, about").all(connection).await?.iter().map(read).collect()
}

fn read(row: &AnyRow) -> Result<AlarmRow> {
    Ok(AlarmRow {
        id: row.str("id")?,
        target: row.str("target")?.into(),
        alarm: Alarm {
            kind: row.word("kind")?,
            about: row.str("about")?,
            level: row.int("level")?,
            message: row.str("message")?,
            body: row.json("body")?,
        },
        raised_at: row.int("raised_at")?,
        cleared_at: row.opt_int("cleared_at")?,
    })
}
