//! Targets, their halts and their schedule.

use entrain_model::{Millis, Mode, ObjectRef, TargetName, codes};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use sqlx::any::AnyRow;

use crate::alarm::{self, Alarm, AlarmKind};
use crate::audit::Entry;
use crate::sql::{Columns as _, Sql, to_json};
use crate::{Result, Store, StoreError};

/// A target as stored.
#[derive(Clone, Debug, PartialEq)]
pub struct TargetRow {
    /// Its name.
    pub name: TargetName,
    /// How far it may be changed.
    pub mode: Mode,
    /// Fingerprint of its configuration.
    pub config_digest: String,
    /// Version of its mapping.
    pub mapping_version: String,
    /// Why it is stopped, if it is.
    pub halt: Option<Halt>,
    /// Counts halts and resumes; a plan of an older epoch is not carried out.
    pub epoch: i64,
    /// When the next full sync is due.
    pub next_due_at: Option<Millis>,
    /// When the last successful full sync ended.
    pub last_full_at: Option<Millis>,
    /// The mode in which a full sync last carried out all that it lets be done, with nothing of a first load still on its way;
    /// `None` before that.
    pub loaded_in: Option<Mode>,
    /// The domains in which logins may end, as last read; `None` before that.
    pub verified_domains: Option<Vec<String>>,
    /// The revision of its settings; `None` as long as a file decides.
    pub settings: Option<i64>,
    /// When it was made.
    pub created_at: Millis,
}

/// What sort of error stopped a target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HaltKind {
    /// A script or predicate failed.
    Mapping,
    /// The target does not accept the credential.
    Credential,
    /// Any other setting is wrong.
    Configuration,
    /// An operator paused it.
    Operator,
}

codes!(HaltKind {
    Mapping = "mapping",
    Credential = "credential",
    Configuration = "configuration",
    Operator = "operator",
});

/// Why a target is stopped.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Halt {
    /// What sort of error.
    pub kind: HaltKind,
    /// The script that failed.
    pub script: Option<String>,
    /// Where in it, from 1.
    pub line: Option<i64>,
    /// Where in the line, from 1.
    pub column: Option<i64>,
    /// For which object.
    pub object: Option<ObjectRef>,
    /// What happened and what to do.
    pub message: String,
    /// What the script was given, redacted.
    pub input: Option<Json>,
    /// Since when.
    pub since: Millis,
    /// Removals that wait for it.
    pub leavers_waiting: i64,
}

/// What putting a target did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Put {
    /// It is new.
    New,
    /// Its configuration or mapping differs.
    Changed,
    /// Nothing differs.
    Same,
}

impl Store {
    /// Makes the target so. A full sync is due after `New` and `Changed`: a new target has no queue of what was before it.
    pub async fn put_target(&self, name: &TargetName, mode: Mode, config_digest: &str, mapping_version: &str) -> Result<Put> {
        let mut transaction = self.begin().await?;
        let stored = Sql::new("select config_digest, mapping_version, mode from targets where name = $1")
            .arg(name)
            .one(&mut transaction)
            .await?;
        let put = match &stored {
            None => Put::New,
            Some(row) if row.str("config_digest")? == config_digest && row.str("mapping_version")? == mapping_version => {
                Put::Same
            }
            Some(_) => Put::Changed,
        };
        if put == Put::New {
            // Whoever writes the source now ends first; whoever writes it later sees the target and queues for it.
            if let Some(lock) = self.dialect().lock_source() {
                sqlx::raw_sql(lock).execute(&mut *transaction).await.map_err(StoreError::from)?;
            }
        }
        Sql::new(
            "insert into targets (name, mode, config_digest, mapping_version, created_at) values ($1, $2, $3, $4, $5)
             on conflict (name) do update set mode = excluded.mode, config_digest = excluded.config_digest,
               mapping_version = excluded.mapping_version",
        )
        .arg(name)
        .arg(mode.as_str())
        .arg(config_digest)
        .arg(mapping_version)
        .arg(self.now())
        .run(&mut transaction)
        .await?;
        if let Some(act) = put_act(put, stored.as_ref(), [mode.as_str(), config_digest, mapping_version])? {
            self.record(&mut transaction, act.target(name)).await?;
        }
        transaction.commit().await?;
        Ok(put)
    }

    /// One target.
    pub async fn target(&self, name: &TargetName) -> Result<Option<TargetRow>> {
        let sql = Sql::new(&format!("select {COLUMNS} from targets where name = $1")).arg(name);
        sql.one(&mut *self.read().await?).await?.as_ref().map(read).transpose()
    }

    /// All targets by name.
    pub async fn targets(&self) -> Result<Vec<TargetRow>> {
        let sql = Sql::new(&format!("select {COLUMNS} from targets order by name"));
        sql.all(&mut *self.read().await?).await?.iter().map(read).collect()
    }

    /// Stops a target. Effects planned before it are refused from now on. What an operator paused stays so: nothing that
    /// ends by itself takes its place.
    pub async fn halt(&self, name: &TargetName, halt: &Halt) -> Result<()> {
        let mut transaction = self.begin().await?;
        let standing = Sql::new("select halt from targets where name = $1").arg(name).one(&mut transaction).await?;
        let standing: Option<Halt> = standing.map(|row| row.opt_json("halt")).transpose()?.flatten();
        if standing.is_some_and(|standing| standing.kind == HaltKind::Operator) {
            return Ok(());
        }
        let sql = Sql::new("update targets set halt = $1, epoch = epoch + 1 where name = $2").arg(to_json(halt)?).arg(name);
        found(name, sql.run(&mut transaction).await?)?;
        alarm::raise(self, &mut transaction, name, &halt.alarm()).await?;
        self.record(&mut transaction, halt.act().target(name)).await?;
        transaction.commit().await?;
        self.notify();
        Ok(())
    }

    /// Lets a target go on, with all its queue due at once.
    pub async fn resume(&self, name: &TargetName) -> Result<()> {
        let mut transaction = self.begin().await?;
        let sql = Sql::new("update targets set halt = null, epoch = epoch + 1 where name = $1").arg(name);
        found(name, sql.run(&mut transaction).await?)?;
        Sql::new("update queue set not_before = 0, attempts = 0, error = null where target = $1 and not_before > 0")
            .arg(name)
            .run(&mut transaction)
            .await?;
        alarm::settle(self, &mut transaction, name, AlarmKind::Halt, &[]).await?;
        self.record(&mut transaction, Entry::act("resume").target(name)).await?;
        transaction.commit().await?;
        self.notify();
        Ok(())
    }

    /// Says when the next full sync is due.
    pub async fn set_next_due(&self, name: &TargetName, at: Option<Millis>) -> Result<()> {
        self.set(name, Sql::new("update targets set next_due_at = $2 where name = $1").arg(name).arg(at)).await
    }

    /// Says when the last successful full sync ended.
    pub async fn set_last_full(&self, name: &TargetName, at: Millis) -> Result<()> {
        self.set(name, Sql::new("update targets set last_full_at = $2 where name = $1").arg(name).arg(at)).await
    }

    /// Says in which mode a full sync has carried out all that it lets be done.
    pub async fn set_loaded(&self, name: &TargetName, mode: Mode) -> Result<()> {
        self.set(name, Sql::new("update targets set loaded_in = $2 where name = $1").arg(name).arg(mode.as_str())).await
    }

    /// Keeps the domains in which logins may end.
    pub async fn set_verified_domains(&self, name: &TargetName, domains: &[String]) -> Result<()> {
        let sql = Sql::new(
            "update targets set verified_domains = $2 where name = $1 and (verified_domains is null or verified_domains <> $2)",
        );
        let mut transaction = self.begin_derived().await?;
        sql.arg(name).arg(to_json(&domains)?).run(&mut transaction).await?;
        Ok(transaction.commit().await?)
    }

    async fn set(&self, name: &TargetName, sql: Sql) -> Result<()> {
        let mut transaction = self.begin_derived().await?;
        found(name, sql.run(&mut transaction).await?)?;
        Ok(transaction.commit().await?)
    }
}

/// What the audit keeps of a target that is new or another one now.
fn put_act(put: Put, stored: Option<&AnyRow>, now: [&str; 3]) -> Result<Option<Entry>> {
    let mut act = match put {
        Put::New => Entry::act("target_added"),
        Put::Changed => Entry::act("target_changed"),
        Put::Same => return Ok(None),
    };
    for (name, now) in ["mode", "config_digest", "mapping_version"].into_iter().zip(now) {
        let was = stored.map(|row| row.str(name)).transpose()?;
        if was.as_deref() != Some(now) {
            act = act.before(name, was).after(name, now);
        }
    }
    Ok(Some(act))
}

impl Halt {
    fn act(&self) -> Entry {
        let act = Entry::act("halt").after("kind", self.kind.as_str()).after("message", self.message.as_str());
        match &self.object {
            Some(object) => act.object(object),
            None => act,
        }
    }

    /// The alarm that tells of it.
    pub fn alarm(&self) -> Alarm {
        let body = serde_json::json!({
            "halt": self.kind.as_str(), "script": self.script, "line": self.line, "column": self.column, "object": self.object,
            "leavers_waiting": self.leavers_waiting,
        });
        Alarm { kind: AlarmKind::Halt, about: String::new(), level: 0, message: self.message.clone(), body }
    }
}

impl HaltKind {
    /// The word that is stored and shown.
    pub fn as_str(self) -> &'static str {
        match self {
            HaltKind::Mapping => "mapping",
            HaltKind::Credential => "credential",
            HaltKind::Configuration => "configuration",
            HaltKind::Operator => "operator",
        }
    }
}

const COLUMNS: &str = "name, mode, config_digest, mapping_version, halt, epoch, next_due_at, last_full_at, loaded_in, \
                       verified_domains, created_at, \
                       (select s.revision from target_settings s where s.name = targets.name) as settings";

fn read(row: &AnyRow) -> Result<TargetRow> {
    Ok(TargetRow {
        name: row.str("name")?.into(),
        mode: row.word("mode")?,
        config_digest: row.str("config_digest")?,
        mapping_version: row.str("mapping_version")?,
        halt: row.opt_json("halt")?,
        epoch: row.int("epoch")?,
        next_due_at: row.opt_int("next_due_at")?,
        last_full_at: row.opt_int("last_full_at")?,
        loaded_in: row.opt_word("loaded_in")?,
        verified_domains: row.opt_json("verified_domains")?,
        settings: row.opt_int("settings")?,
        created_at: row.int("created_at")?,
    })
}

fn found(name: &TargetName, rows: u64) -> Result<()> {
    if rows == 0 { Err(StoreError::Missing { what: format!("target `{name}`") }) } else { Ok(()) }
}
