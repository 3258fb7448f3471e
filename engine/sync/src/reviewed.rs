//! A plan that was reviewed outside is carried out, object by object, as far as planning gives the same again.

use std::sync::Arc;

use entrain_model::{Decision, ObjectRef, Reason, Scope};
use entrain_store::RunKind;

use crate::engine::{Ask, Run, Task};
use crate::{Engine, Progress, Report, SyncError, Target};

/// The digest of one line, by which it is compared with what was reviewed.
fn line_digest(decision: &Decision) -> String {
    entrain_plan::digest(std::iter::once(decision))
}

impl Engine {
    /// Takes in the lines of a reviewed plan before it is applied: whose, and the digest of each change.
    ///
    /// # Errors
    /// The database fails.
    pub async fn review(&self, plan: &str, lines: &[(ObjectRef, String)]) -> Result<(), SyncError> {
        Ok(self.store().put_reviewed(plan, lines).await?)
    }

    /// Carries out the plan whose lines were taken in under this name. Everything is planned anew; an object for which
    /// something else comes out, and an object that the plan does not name, is left as it is. A `kind` that only plans shows it.
    ///
    /// # Errors
    /// The run does not come to its end.
    pub async fn apply(
        &self,
        target: &Arc<Target>,
        plan: &str,
        kind: RunKind,
        progress: &dyn Progress,
    ) -> Result<Report, SyncError> {
        let task = Task::Apply { plan: plan.to_owned() };
        let ask = Ask { kind, task, ..Ask::sync(Scope::Everything, Reason::Operator) };
        let result = self.reconcile(target, ask, progress).await;
        self.store().begin_reviewed(plan).await?;
        result
    }
}

/// Leaves of the run's plan what came out as reviewed.
pub(crate) async fn keep(run: &Run<'_>, plan: &str) -> Result<(), SyncError> {
    let kept = run.store().keep_reviewed(&run.id, plan, line_digest).await?;
    tracing::info!(
        target = %run.target.name, run = %run.id, same = kept.same, drifted = kept.drifted, settled = kept.settled,
        others = kept.others, "a reviewed plan was planned anew"
    );
    run.note_kept(kept);
    Ok(())
}
