//! A person decides about a held plan. What is approved is planned anew and carried out as far as it came out the same.

use std::collections::BTreeSet;
use std::sync::Arc;

use entrain_model::{Reason, RunId, Scope};
use entrain_store::{Choice, RunKind, RunRow, RunState, StoreError};

use crate::engine::{Approval, Ask, PAGE};
use crate::{Engine, Progress, Report, SyncError, Target, undo};

impl Engine {
    /// Approves the plan of a held run for its target, all of it or some, and carries it out. It is planned anew: what
    /// comes out otherwise than approved counts against the limits like any change. The objects of what is not approved are
    /// parked.
    ///
    /// # Errors
    /// There is no such run, it is not held, an object is named that has nothing to be approved, or the run that carries it
    /// out fails.
    pub async fn approve(
        &self,
        target: &Arc<Target>,
        run: &RunId,
        by: &str,
        choice: &Choice,
        progress: &dyn Progress,
    ) -> Result<Report, SyncError> {
        let (row, digest) = self.held(run).await?;
        let undone = undo::from_words(&row.scope);
        let scope = if undone.is_some() { Scope::Everything } else { self.scope_of(&row).await? };
        self.store().approve(run, &digest, by, choice).await?;
        tracing::info!(target = %target.name, %run, by, "plan approved");
        let approval = Some(Approval { run: run.clone() });
        if let Some(of) = &undone {
            return self.undo_as(target, of, (by, None), RunKind::Undo, approval, progress).await;
        }
        let ask = Ask { approval, ..Ask::sync(scope, Reason::Operator) };
        self.reconcile(target, ask, progress).await
    }

    /// Refuses the plan of a held run.
    ///
    /// # Errors
    /// There is no such run, or it is not held.
    pub async fn reject(&self, run: &RunId, by: &str) -> Result<(), SyncError> {
        let (row, digest) = self.held(run).await?;
        self.store().reject(run, &digest, by).await?;
        tracing::info!(target = %row.target, %run, by, "plan rejected");
        Ok(())
    }

    /// A held run and the digest of its plan.
    async fn held(&self, run: &RunId) -> Result<(RunRow, String), SyncError> {
        let row = self.store().run(run).await?.ok_or_else(|| StoreError::Missing { what: format!("run {run}") })?;
        match (row.state, row.digest.clone()) {
            (RunState::Held, Some(digest)) => Ok((row, digest)),
            _ => Err(StoreError::Conflict(format!("run {run} is not held, so there is nothing to decide")).into()),
        }
    }

    /// What the held run was about: everything, or the objects of its plan. An object without a line had nothing to do.
    async fn scope_of(&self, row: &RunRow) -> Result<Scope, SyncError> {
        if row.scope == "everything" {
            return Ok(Scope::Everything);
        }
        let (mut objects, mut after) = (BTreeSet::new(), 0);
        loop {
            let page = self.store().plan_lines(&row.id, after, PAGE).await?;
            let Some(last) = page.last() else { return Ok(Scope::Only(objects)) };
            after = last.seq;
            objects.extend(page.into_iter().map(|line| line.object));
        }
    }
}
