//! Runs and their reports.

use entrain_model::{Millis, Reason, RunId, Scope, TargetName};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use sqlx::any::AnyRow;
use uuid::Uuid;

use crate::sql::{Columns as _, Sql, limit, to_json, to_word};
use crate::{Result, Store, StoreError};

/// What a run does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunKind {
    /// Plans and carries out.
    Sync,
    /// Plans, and shows what it would do.
    DryRun,
    /// Plans, and keeps the plan.
    Plan,
}

/// How a run stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunState {
    /// It goes on.
    Running,
    /// Target and source agree, holds apart.
    Converged,
    /// Something is left to do.
    Partial,
    /// The guard holds its plan until it is approved.
    Held,
    /// Its target was halted.
    Halted,
    /// It has a plan and was not to do more.
    Planned,
    /// It could not go on.
    Failed,
    /// A later run took its place.
    Superseded,
}

/// A run as stored.
#[derive(Clone, Debug, PartialEq)]
pub struct RunRow {
    /// Its id.
    pub id: RunId,
    /// Its target.
    pub target: TargetName,
    /// Its scope in words: `everything`, one object, or a number of objects.
    pub scope: String,
    /// Why it was started.
    pub reason: Reason,
    /// What it does.
    pub kind: RunKind,
    /// How it stands.
    pub state: RunState,
    /// Who runs it.
    pub holder: String,
    /// When it began.
    pub started_at: Millis,
    /// When it ended.
    pub finished_at: Option<Millis>,
    /// Its report, `null` before its end.
    pub report: Json,
    /// Fingerprint of its plan.
    pub digest: Option<String>,
    /// Who approved the plan.
    pub approved_by: Option<String>,
    /// When.
    pub approved_at: Option<Millis>,
}

/// The scope of a run over everything, as stored.
const EVERYTHING: &str = "everything";

impl RunState {
    /// The word that is stored and shown.
    pub fn as_str(self) -> &'static str {
        match self {
            RunState::Running => "running",
            RunState::Converged => "converged",
            RunState::Partial => "partial",
            RunState::Held => "held",
            RunState::Halted => "halted",
            RunState::Planned => "planned",
            RunState::Failed => "failed",
            RunState::Superseded => "superseded",
        }
    }
}

impl Store {
    /// Begins a run.
    pub async fn begin_run(
        &self,
        target: &TargetName,
        scope: &Scope,
        reason: Reason,
        holder: &str,
        kind: RunKind,
    ) -> Result<RunId> {
        let id = RunId::from(Uuid::now_v7().to_string());
        let mut tx = self.begin_derived().await?;
        Sql::new("insert into runs (id, target, scope, reason, kind, state, holder, started_at) values ($1, $2, $3, $4, $5, $6, $7, $8)")
            .arg(&id)
            .arg(target)
            .arg(in_words(scope))
            .arg(to_word(&reason)?)
            .arg(to_word(&kind)?)
            .arg(RunState::Running.as_str())
            .arg(holder)
            .arg(self.now())
            .run(&mut tx)
            .await?;
        tx.commit().await?;
        Ok(id)
    }

    /// Ends a run. A held plan takes the place of the plans of the same scope that were held before it.
    pub async fn finish_run(&self, run: &RunId, state: RunState, report: &Json) -> Result<()> {
        let mut tx = self.begin_derived().await?;
        Sql::new("update runs set state = $1, finished_at = $2, report = $3 where id = $4")
            .arg(state.as_str())
            .arg(self.now())
            .arg(to_json(report)?)
            .arg(run)
            .run(&mut tx)
            .await?;
        if state == RunState::Held {
            Sql::new(
                "update runs set state = 'superseded' where state = 'held' and id <> $1 \
                 and target = (select r.target from runs r where r.id = $1) and scope = (select r.scope from runs r where r.id = $1)",
            )
            .arg(run)
            .run(&mut tx)
            .await?;
        }
        Ok(tx.commit().await?)
    }

    /// One run.
    pub async fn run(&self, run: &RunId) -> Result<Option<RunRow>> {
        let row = Sql::new("select * from runs where id = $1").arg(run).one(&mut *self.read().await?).await?;
        row.as_ref().map(read).transpose()
    }

    /// The latest runs, newest first.
    pub async fn runs(&self, target: Option<&TargetName>, rows: usize) -> Result<Vec<RunRow>> {
        let sql = match target {
            Some(target) => Sql::new("select * from runs where target = $1 order by id desc limit $2").arg(target),
            None => Sql::new("select * from runs order by id desc limit $1"),
        };
        sql.arg(limit(rows)).all(&mut *self.read().await?).await?.iter().map(read).collect()
    }

    /// Keeps the fingerprint of the run's plan.
    pub async fn set_run_digest(&self, run: &RunId, digest: &str) -> Result<()> {
        let mut tx = self.begin_derived().await?;
        Sql::new("update runs set digest = $1 where id = $2").arg(digest).arg(run).run(&mut tx).await?;
        Ok(tx.commit().await?)
    }

    /// Approves a held run whose plan has this fingerprint. Another run, which plans anew, takes its place.
    ///
    /// # Errors
    /// The run is not held, or its plan has another fingerprint.
    pub async fn approve(&self, run: &RunId, digest: &str, by: &str) -> Result<()> {
        let mut tx = self.begin().await?;
        let approved = Sql::new(
            "update runs set state = 'superseded', approved_by = $1, approved_at = $2 where id = $3 and state = 'held' and digest = $4",
        )
        .arg(by)
        .arg(self.now())
        .arg(run)
        .arg(digest)
        .run(&mut tx)
        .await?;
        if approved == 0 {
            return Err(StoreError::Conflict(format!("run {run} is not held any more, or holds another plan: look at it again")));
        }
        Ok(tx.commit().await?)
    }
}

fn in_words(scope: &Scope) -> String {
    match scope {
        Scope::Everything => EVERYTHING.to_owned(),
        Scope::Only(objects) => match (objects.len(), objects.first()) {
            (1, Some(object)) => object.to_string(),
            (number, _) => format!("{number} objects"),
        },
    }
}

fn read(row: &AnyRow) -> Result<RunRow> {
    Ok(RunRow {
        id: row.str("id")?.into(),
        target: row.str("target")?.into(),
        scope: row.str("scope")?,
        reason: row.word("reason")?,
        kind: row.word("kind")?,
        state: row.word("state")?,
        holder: row.str("holder")?,
        started_at: row.int("started_at")?,
        finished_at: row.opt_int("finished_at")?,
        report: row.opt_json("report")?.unwrap_or(Json::Null),
        digest: row.opt_str("digest")?,
        approved_by: row.opt_str("approved_by")?,
        approved_at: row.opt_int("approved_at")?,
    })
}
