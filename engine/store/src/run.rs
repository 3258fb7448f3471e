//! Runs and their reports.

use entrain_model::{Millis, ObjectRef, Reason, RunId, Scope, TargetName, codes};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use sqlx::AnyConnection;
use sqlx::any::AnyRow;
use uuid::Uuid;

use crate::audit::Entry;
use crate::four_eyes::Agreed;
use crate::sql::{Columns as _, Sql, limit, to_json, to_word};
use crate::{Choice, Result, Store, StoreError, approval};

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
    /// Carries out a plan that was reviewed, as far as it still comes out the same.
    Apply,
    /// Takes back what a run did.
    Undo,
}

impl RunKind {
    /// The word that is stored and shown.
    pub fn as_str(self) -> &'static str {
        match self {
            RunKind::Sync => "sync",
            RunKind::DryRun => "dry_run",
            RunKind::Plan => "plan",
            RunKind::Apply => "apply",
            RunKind::Undo => "undo",
        }
    }
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
    /// Somebody refused its plan.
    Rejected,
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
    /// By which version of the mapping.
    pub mapping_version: String,
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
pub(crate) const EVERYTHING: &str = "everything";

codes!(RunState {
    Running = "running",
    Converged = "converged",
    Partial = "partial",
    Held = "held",
    Halted = "halted",
    Planned = "planned",
    Failed = "failed",
    Superseded = "superseded",
    Rejected = "rejected",
});

impl RunState {
    /// The word that is stored and shown.
    pub fn as_str(self) -> &'static str {
        self.code()
    }
}

impl Store {
    /// Begins a run by this version of the mapping.
    pub async fn begin_run(
        &self,
        target: &TargetName,
        scope: &Scope,
        reason: Reason,
        holder: &str,
        kind: RunKind,
        mapping_version: &str,
    ) -> Result<RunId> {
        self.begin_run_over(target, &in_words(scope), reason, holder, kind, mapping_version).await
    }

    /// Begins a run whose scope is not that of a reconcile: these words say what it is about.
    pub async fn begin_run_over(
        &self,
        target: &TargetName,
        scope: &str,
        reason: Reason,
        holder: &str,
        kind: RunKind,
        mapping_version: &str,
    ) -> Result<RunId> {
        let id = RunId::from(Uuid::now_v7().to_string());
        let mut tx = self.begin_derived().await?;
        Sql::new(
            "insert into runs (id, target, scope, reason, kind, state, holder, mapping_version, started_at)
             values ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        )
        .arg(&id)
        .arg(target)
        .arg(scope)
        .arg(to_word(&reason)?)
        .arg(to_word(&kind)?)
        .arg(RunState::Running.as_str())
        .arg(holder)
        .arg(mapping_version)
        .arg(self.now())
        .run(&mut tx)
        .await?;
        tx.commit().await?;
        Ok(id)
    }

    /// Ends a run. What it was going to link is forgotten: its lines say so too. A held plan takes the place of the plans of the
    /// same scope that were held before it.
    pub async fn finish_run(&self, run: &RunId, state: RunState, report: &Json) -> Result<()> {
        let mut tx = self.begin_derived().await?;
        Sql::new("update runs set state = $1, finished_at = $2, report = $3 where id = $4")
            .arg(state.as_str())
            .arg(self.now())
            .arg(to_json(report)?)
            .arg(run)
            .run(&mut tx)
            .await?;
        supersede(&mut tx, run, state).await?;
        forget_links(&mut tx, run, state).await?;
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

    /// Approves a held run whose plan has this fingerprint, all of it or some: the objects of the rest are parked. Another
    /// run, which plans anew, takes its place.
    ///
    /// # Errors
    /// The run is not held, its plan has another fingerprint, or an object is named that has nothing to be approved. Where two
    /// must approve, the first approval is kept and ends as [`StoreError::OneOfTwo`].
    pub async fn approve(&self, run: &RunId, digest: &str, by: &str, choice: &Choice) -> Result<()> {
        let mut tx = self.begin().await?;
        self.held(&mut tx, run, digest).await?;
        if self.agree(&mut tx, run, digest, by, choice).await? == Agreed::NotYet {
            tx.commit().await?;
            return Err(StoreError::OneOfTwo { run: run.to_string(), by: by.to_owned() });
        }
        self.decide(&mut tx, run, digest, by, RunState::Superseded).await?;
        approval::choose(&mut tx, run, choice, (&format!("not approved by {by} in run {run}"), self.now())).await?;
        self.decided(&mut tx, run, choice_act(choice).by(by).after("digest", digest)).await?;
        Ok(tx.commit().await?)
    }

    /// Refuses a held run as a whole. The next run plans anew, and is held anew unless the source has changed.
    ///
    /// # Errors
    /// The run is not held, or its plan has another fingerprint.
    pub async fn reject(&self, run: &RunId, digest: &str, by: &str) -> Result<()> {
        let mut tx = self.begin().await?;
        self.decide(&mut tx, run, digest, by, RunState::Rejected).await?;
        self.decided(&mut tx, run, Entry::act("reject").by(by).after("digest", digest)).await?;
        Ok(tx.commit().await?)
    }

    /// Nobody else decides about the run before this transaction ends.
    async fn held(&self, connection: &mut AnyConnection, run: &RunId, digest: &str) -> Result<()> {
        let text = format!("select id from runs where id = $1 and state = 'held' and digest = $2{}", self.dialect().for_update());
        match Sql::new(&text).arg(run).arg(digest).one(connection).await? {
            Some(_) => Ok(()),
            None => Err(not_held(run)),
        }
    }

    async fn decide(&self, connection: &mut AnyConnection, run: &RunId, digest: &str, by: &str, state: RunState) -> Result<()> {
        let decided = Sql::new(
            "update runs set state = $1, approved_by = $2, approved_at = $3 where id = $4 and state = 'held' and digest = $5",
        )
        .arg(state.as_str())
        .arg(by)
        .arg(self.now())
        .arg(run)
        .arg(digest)
        .run(connection)
        .await?;
        if decided == 0 {
            return Err(not_held(run));
        }
        Ok(())
    }

    async fn decided(&self, connection: &mut AnyConnection, run: &RunId, act: Entry) -> Result<()> {
        let Some(row) = Sql::new("select target from runs where id = $1").arg(run).one(connection).await? else { return Ok(()) };
        self.record(connection, act.target(&row.str("target")?.into()).run(run)).await
    }
}

fn not_held(run: &RunId) -> StoreError {
    StoreError::Conflict(format!("run {run} is not held any more, or holds another plan: look at it again"))
}

fn choice_act(choice: &Choice) -> Entry {
    let words = |objects: &std::collections::BTreeSet<ObjectRef>| objects.iter().map(ToString::to_string).collect::<Vec<_>>();
    match choice {
        Choice::All => Entry::act("approve"),
        Choice::Only(objects) => Entry::act("approve").after("only", words(objects)),
        Choice::Except(objects) => Entry::act("approve").after("except", words(objects)),
    }
}

/// A plan over everything, held or carried out, takes the place of every plan that was held before it; a smaller one takes
/// the place of those that have no counted change beside its own.
async fn supersede(connection: &mut AnyConnection, run: &RunId, state: RunState) -> Result<()> {
    if !matches!(state, RunState::Held | RunState::Converged | RunState::Partial) {
        return Ok(());
    }
    Sql::new(
        "update runs set state = 'superseded' where state = 'held' and id < $1
           and target = (select r.target from runs r where r.id = $1)
           and (exists (select 1 from runs r where r.id = $1 and r.scope = $2 and r.kind = 'sync')
             or $3 = 'held' and not exists (select 1 from plan_counted o where o.run = runs.id and not exists (
               select 1 from plan_counted n where n.run = $1 and n.kind = o.kind and n.id = o.id
                 and n.operation = o.operation and n.about = o.about)))",
    )
    .arg(run)
    .arg(EVERYTHING)
    .arg(state.as_str())
    .run(connection)
    .await?;
    Ok(())
}

/// Forgets what the run was going to link, unless it only planned: then a report of it may be asked for. Full runs exclude
/// each other: one that came to an end of its own knows that those which began earlier and go on by their row are dead, and
/// takes the place of those that were only planned.
async fn forget_links(connection: &mut AnyConnection, run: &RunId, state: RunState) -> Result<()> {
    let ended = matches!(state, RunState::Converged | RunState::Partial | RunState::Held | RunState::Planned);
    Sql::new(
        "delete from plan_links where (run = $1 and $4 = 0) or run in (select r.id from runs r join runs o on o.target = r.target
           where $2 = 1 and o.id = $1 and o.scope = $3 and r.scope = o.scope and r.id < o.id and r.state in ('running', 'planned'))",
    )
    .arg(run)
    .arg(ended)
    .arg(EVERYTHING)
    .arg(state == RunState::Planned)
    .run(connection)
    .await?;
    Ok(())
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

pub(crate) fn read(row: &AnyRow) -> Result<RunRow> {
    Ok(RunRow {
        id: row.str("id")?.into(),
        target: row.str("target")?.into(),
        scope: row.str("scope")?,
        reason: row.word("reason")?,
        kind: row.word("kind")?,
        state: row.word("state")?,
        holder: row.str("holder")?,
        mapping_version: row.str("mapping_version")?,
        started_at: row.int("started_at")?,
        finished_at: row.opt_int("finished_at")?,
        report: row.opt_json("report")?.unwrap_or(Json::Null),
        digest: row.opt_str("digest")?,
        approved_by: row.opt_str("approved_by")?,
        approved_at: row.opt_int("approved_at")?,
    })
}
