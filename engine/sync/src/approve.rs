//! A person approves a held plan. It is planned anew; what came out otherwise is held again.

use std::collections::BTreeSet;
use std::sync::Arc;

use entrain_model::{Reason, RunId, Scope};
use entrain_store::{RunKind, RunRow, RunState, StoreError};

use crate::engine::{Approval, Ask, PAGE};
use crate::{Engine, Progress, Report, SyncError, Target};

impl Engine {
    /// Approves the plan of a held run for its target and applies it, provided that planning gives the same plan again.
    ///
    /// # Errors
    /// There is no such run, it is not held, or the run that applies it fails.
    pub async fn approve(
        &self,
        target: &Arc<Target>,
        run: &RunId,
        by: &str,
        progress: &dyn Progress,
    ) -> Result<Report, SyncError> {
        let row = self.store().run(run).await?.ok_or_else(|| StoreError::Missing { what: format!("run {run}") })?;
        let digest = match (row.state, &row.digest) {
            (RunState::Held, Some(digest)) => digest.clone(),
            _ => return Err(StoreError::Conflict(format!("run {run} is not held, so there is nothing to approve")).into()),
        };
        let scope = self.scope_of(&row).await?;
        self.store().approve(run, &digest, by).await?;
        tracing::info!(target = %target.name, %run, by, "plan approved");
        let ask = Ask { scope, reason: Reason::Operator, kind: RunKind::Sync, approval: Some(Approval { digest }), holder: None };
        self.reconcile(target, ask, progress).await
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
