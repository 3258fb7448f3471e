//! Taking back what a run did.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use entrain_model::{Action, Change, Decision, Hold, ObjectRef, ObjectState, Reason, RunId, Scope, anchor_value};
use entrain_plan::{Ends, claims, counted, undo};
use entrain_store::{LineState, PlannedLine, RunKind, StoreError};

use crate::engine::{Approval, Ask, PAGE, Run, Task};
use crate::map::Learned;
use crate::{Engine, Progress, Report, Step, SyncError, Target, discover};

impl Engine {
    /// Takes back what a run did: plans the inverse of each change that was done and that nobody changed since, and, unless
    /// `kind` only plans, carries it out within the limits. The objects are parked, so that the next run does not repeat
    /// what was taken back.
    ///
    /// # Errors
    /// There is no such run of the target, or the run that takes it back does not come to its end.
    pub async fn undo(
        &self,
        target: &Arc<Target>,
        of: &RunId,
        by: &str,
        kind: RunKind,
        progress: &dyn Progress,
    ) -> Result<Report, SyncError> {
        self.undo_as(target, of, (by, None), kind, None, progress).await
    }

    /// The same for a plan that was reviewed and whose lines were taken in under this name: only what comes out as in it is
    /// done.
    ///
    /// # Errors
    /// As when it is taken back without a review.
    pub async fn undo_reviewed(
        &self,
        target: &Arc<Target>,
        of: &RunId,
        (by, plan): (&str, &str),
        kind: RunKind,
        progress: &dyn Progress,
    ) -> Result<Report, SyncError> {
        let result = self.undo_as(target, of, (by, Some(plan)), kind, None, progress).await;
        self.store().begin_reviewed(plan).await?;
        result
    }

    pub(crate) async fn undo_as(
        &self,
        target: &Arc<Target>,
        of: &RunId,
        (by, plan): (&str, Option<&str>),
        kind: RunKind,
        approval: Option<Approval>,
        progress: &dyn Progress,
    ) -> Result<Report, SyncError> {
        let row = self.store().run(of).await?.filter(|row| row.target == target.name);
        row.ok_or_else(|| StoreError::Missing { what: format!("run {of} of target {}", target.name) })?;
        let task = Task::Undo { of: of.clone(), by: by.to_owned(), plan: plan.map(str::to_owned) };
        let ask = Ask { kind, task, approval, ..Ask::sync(Scope::Everything, Reason::Operator) };
        self.reconcile(target, ask, progress).await
    }
}

/// What a run that takes another back is about, as stored; and back.
pub(crate) fn in_words(of: &RunId) -> String {
    format!("undo {of}")
}

/// The run that a run with this scope takes back.
pub(crate) fn from_words(scope: &str) -> Option<RunId> {
    scope.strip_prefix("undo ").map(RunId::from)
}

/// Reads the target, then plans the inverse of everything that the run did.
pub(crate) async fn plan(run: &mut Run<'_>, of: &RunId) -> Result<(), SyncError> {
    let attributes = run.store().desired_names(&run.target.name, &run.target.ruling()).await?;
    discover::discover(run, &Learned { attributes, keys: Vec::new() }).await?;
    run.progress().begin(Step::Plan, None);
    let mut after = 0;
    loop {
        let page = run.store().plan_lines(of, after, PAGE).await?;
        let Some(last) = page.last() else { return Ok(()) };
        after = last.seq;
        let done: Vec<Change> = page
            .into_iter()
            .filter(|line| line.state == LineState::Done)
            .filter_map(|line| if let Decision::Change(change) = line.decision { Some(change) } else { None })
            .collect();
        run.still_ours().await?;
        inverse(run, &done).await?;
    }
}

async fn inverse(run: &Run<'_>, done: &[Change]) -> Result<(), SyncError> {
    let (store, name) = (run.store(), &run.target.name);
    let objects: Vec<ObjectRef> = done.iter().map(|change| change.object.clone()).collect::<BTreeSet<_>>().into_iter().collect();
    let anchors = objects.iter().map(|object| (object.clone(), anchor_value(object))).collect();
    let states = store.states(name, 0, &objects, &anchors).await?;
    let states: BTreeMap<ObjectRef, ObjectState> = states.into_iter().map(|state| (state.object.clone(), state)).collect();
    let bases = store.standing_bases(name, &objects).await?;
    let ends = ends(run, done).await?;
    let schema = run.target.schema();
    let mut lines = Vec::new();
    for change in done {
        let object = &change.object;
        let inverse = undo(change, states.get(object), &ends, schema);
        if !inverse.left.is_empty() {
            let detail = format!("{}: {}", change.action.as_str(), inverse.left.join("; "));
            lines.push(Decision::Hold(object.clone(), Hold::ChangedSince { detail }).into());
        }
        if let Some((phase, action)) = inverse.action {
            let basis = bases.get(object).copied().unwrap_or_default();
            let change = Change { object: object.clone(), phase, action, basis };
            lines.push(PlannedLine {
                claims: states.get(object).map(|state| claims(&change, state, schema)).unwrap_or_default(),
                counted: counted(&change, schema, &run.target.limits),
                drift: Vec::new(),
                decision: Decision::Change(change),
            });
        }
    }
    run.shield(&mut lines, &states);
    run.spare_last_administrator(&mut lines).await?;
    Ok(store.put_plan(&run.id, &lines).await?)
}

/// Both ends of the references that were added or taken away.
async fn ends(run: &Run<'_>, done: &[Change]) -> Result<Ends, SyncError> {
    let (mut objects, mut records) = (Vec::new(), Vec::new());
    for change in done {
        match &change.action {
            Action::AddReference { to, .. } => objects.push(to.clone()),
            Action::RemoveReference { to, .. } => records.push(to),
            Action::Link { .. }
            | Action::Unlink { .. }
            | Action::Create { .. }
            | Action::Restore { .. }
            | Action::Update { .. }
            | Action::Disable { .. }
            | Action::RevokeSessions { .. }
            | Action::Issue { .. }
            | Action::Delete { .. } => {}
        }
    }
    let links = run.store().link_ids(&run.target.name, &objects).await?;
    Ok(Ends {
        records: links.into_iter().map(|(object, (id, _))| (object, id)).collect(),
        objects: run.store().linked_objects(&run.target.name, &records).await?,
    })
}
