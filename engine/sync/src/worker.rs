//! Direct sync: one worker per target takes what is due, as it comes. It works with two hands, one for those who lose access,
//! who wait for nobody else, and one for all others.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use entrain_model::{Kind, ObjectRef, Reason, RunId, Scope, TargetName};
use entrain_store::{Due, DueRule, RunState, StoreError, Watch, Who};
use tokio::sync::watch;

use crate::engine::Ask;
use crate::{Engine, Progress, Report, SyncError, Target};

/// So many due objects are a bulk change: one run over everything, judged as a whole.
const BULK: usize = 500;
/// How long a held or failed set waits before it is tried again without a further change.
const HELD: Duration = Duration::from_secs(4 * 3600);
const FAILED: Duration = Duration::from_secs(5);
/// The worker looks at the queue at least this often.
const IDLE: Duration = Duration::from_secs(30);

/// Is told of every direct sync.
pub trait Direct: Send + Sync {
    /// These objects were synchronised.
    fn synced(&self, objects: &BTreeSet<ObjectRef>, result: &Result<Report, SyncError>);
    /// A change of one of them was committed so long ago and is in the target now, or is held there.
    fn took(&self, _target: &TargetName, _latency: Duration) {}
}

/// The worker of one target.
pub struct Worker {
    engine: Engine,
    target: watch::Receiver<Arc<Target>>,
    direct: Arc<dyn Direct>,
    progress: Arc<dyn Progress>,
    bulk: usize,
}

impl Worker {
    /// A worker that always uses the newest configuration that it is given.
    pub fn new(
        engine: Engine,
        target: watch::Receiver<Arc<Target>>,
        direct: Arc<dyn Direct>,
        progress: Arc<dyn Progress>,
    ) -> Self {
        Self { engine, target, direct, progress, bulk: BULK }
    }

    /// The same with another number of due objects that are a bulk change; usually 500.
    #[must_use]
    pub fn with_bulk(self, bulk: usize) -> Self {
        Self { bulk, ..self }
    }

    /// Works until `stop` says so; a reconcile under way is finished first. Before `begin` says so it only blocks those who leave,
    /// and them only if something is linked: before the very first full sync nothing is known of the tenant, and one enumeration
    /// costs less than to look every object up.
    pub async fn run(self, stop: watch::Receiver<bool>, begin: watch::Receiver<bool>) {
        tokio::join!(self.hand(Who::Leavers, stop.clone(), begin.clone()), self.hand(Who::Others, stop, begin));
    }

    async fn hand(&self, of: Who, mut stop: watch::Receiver<bool>, mut begin: watch::Receiver<bool>) {
        let Some(mut changed) = self.watch(&mut stop).await else { return };
        while !(*stop.borrow() || *begin.borrow() || of == Who::Leavers && self.knows_records().await) {
            tokio::select! {
                _ = stop.changed() => {}
                over = begin.changed() => if over.is_err() { break },
                () = self.engine.clock().sleep(IDLE) => {}
            }
        }
        while !*stop.borrow() {
            let wait = match self.drain(of, &stop).await {
                Ok(_) => self.wait(of).await,
                Err(error) => {
                    tracing::error!(target = %self.target.borrow().name, "direct sync stopped and is tried again: {error}");
                    FAILED
                }
            };
            tokio::select! {
                _ = stop.changed() => {}
                () = changed.changed() => {}
                () = self.engine.clock().sleep(wait) => {}
            }
        }
    }

    async fn knows_records(&self) -> bool {
        let name = self.target.borrow().name.clone();
        matches!(self.engine.store().population(&name).await, Ok(linked) if linked.users > 0)
    }

    /// Begins to look out for changes, as soon as the database lets it; none once `stop` says so.
    async fn watch(&self, stop: &mut watch::Receiver<bool>) -> Option<Watch> {
        loop {
            match self.engine.store().watch().await {
                Ok(watch) => return Some(watch),
                Err(error) => {
                    tracing::error!(target = %self.target.borrow().name, "direct sync cannot begin and is tried again: {error}");
                }
            }
            tokio::select! {
                _ = stop.wait_for(|stopped| *stopped) => return None,
                () = self.engine.clock().sleep(FAILED) => {}
            }
        }
    }

    /// How long nothing of these is due, unless somebody queues something.
    pub async fn wait(&self, of: Who) -> Duration {
        let target = Arc::clone(&self.target.borrow());
        let row = self.engine.store().target(&target.name).await;
        if matches!(row, Ok(Some(row)) if row.halt.is_some()) {
            // What is due stays due as long as the target is halted: whoever resumes it wakes the worker.
            return IDLE;
        }
        let now = self.engine.store().now();
        match self.engine.store().next_due(&target.name, rule(&target, of)).await {
            Ok(Some(due)) => Duration::from_millis(u64::try_from(due - now).unwrap_or(0)).clamp(Duration::from_millis(1), IDLE),
            Ok(None) => IDLE,
            Err(_) => FAILED,
        }
    }

    /// Takes what is due of these until nothing is, or until `stop` says so; in how many runs.
    pub async fn drain(&self, of: Who, stop: &watch::Receiver<bool>) -> Result<usize, StoreError> {
        let mut runs = 0;
        while !*stop.borrow() {
            let target = Arc::clone(&self.target.borrow());
            if self.engine.store().target(&target.name).await?.is_some_and(|row| row.halt.is_some()) {
                // The queue keeps collecting; whoever resumes the target wakes the worker.
                break;
            }
            let holder = self.engine.holder();
            let lease = target.timing.lease;
            let due = self.engine.store().lease_due(&target.name, &holder, self.bulk, rule(&target, of), lease).await?;
            if due.is_empty() {
                break;
            }
            self.reconcile(of, &target, holder, due).await?;
            runs += 1;
        }
        Ok(runs)
    }

    async fn reconcile(&self, of: Who, target: &Arc<Target>, holder: String, mut due: Vec<Due>) -> Result<(), StoreError> {
        let store = self.engine.store();
        let held = store.held_whole(&target.name).await?;
        if let Some(run) = held.as_ref().filter(|_| of == Who::Others) {
            due = self.beside(target, run, due).await?;
            if due.is_empty() {
                return store.release(&target.name, &holder, None).await;
            }
        }
        let objects = self.widened(target, &due).await?;
        // While another run works on the whole target, one more would wait for its end; and a plan that is held would come out once
        // more, and be held again.
        let whole = objects.len() >= self.bulk && held.is_none() && !store.is_claimed(&target.name).await?;
        let (scope, holder) = if whole {
            store.release(&target.name, &holder, None).await?;
            (Scope::Everything, None)
        } else {
            (Scope::Only(objects.clone()), Some(holder.clone()))
        };
        let ask = Ask { holder: holder.clone(), ..Ask::sync(scope, Reason::Event) };
        let result = self.engine.reconcile(target, ask, self.progress.as_ref()).await;
        let rows: Vec<_> = due.iter().map(|due| (due.object.clone(), due.version)).collect();
        match &result {
            Ok(report) => match report.state {
                RunState::Converged | RunState::Partial | RunState::Planned => {
                    store.done(&target.name, &rows).await?;
                    let now = store.now();
                    let waited = due.iter().map(|due| u64::try_from(now.saturating_sub(due.first_at)).unwrap_or(0));
                    waited.for_each(|millis| self.direct.took(&target.name, Duration::from_millis(millis)));
                }
                RunState::Held => {
                    self.hold(target, whole, report, &rows).await?;
                }
                RunState::Halted | RunState::Failed | RunState::Superseded | RunState::Rejected | RunState::Running => {}
            },
            Err(error) => {
                // Where another run has the whole target by now, these go by themselves at once.
                let wait = if whole && matches!(error, SyncError::Busy(_)) { Duration::ZERO } else { FAILED };
                store.retry_later(&target.name, &rows, later(store.now(), wait), &error.to_string()).await?;
            }
        }
        if let Some(holder) = holder {
            store.release(&target.name, &holder, None).await?;
        }
        self.direct.synced(&objects, &result);
        Ok(())
    }

    /// Of the due objects those that a held plan does not wait for, or that changed since. The others wait with it.
    async fn beside(&self, target: &Target, held: &RunId, due: Vec<Due>) -> Result<Vec<Due>, StoreError> {
        let store = self.engine.store();
        let objects = due.iter().map(|due| due.object.clone()).collect();
        let guarded = store.awaited_objects(held, &objects).await?;
        let (waiting, free): (Vec<_>, Vec<_>) = due.into_iter().partition(|due| guarded.contains(&due.object));
        let rows: Vec<_> = waiting.into_iter().map(|due| (due.object, due.version)).collect();
        let reason = format!("part of run {held}, which waits for approval");
        store.retry_later(&target.name, &rows, later(store.now(), HELD), &reason).await?;
        Ok(free)
    }

    /// What the guard held waits for approval. What was only leased with it is due again by itself.
    async fn hold(&self, target: &Target, whole: bool, report: &Report, rows: &[(ObjectRef, i64)]) -> Result<(), StoreError> {
        let store = self.engine.store();
        let Some(run) = &report.run else { return Ok(()) };
        let objects = rows.iter().map(|(object, _)| object.clone()).collect();
        let guarded = store.guarded_objects(run, &objects).await?;
        let (held, free): (Vec<_>, Vec<_>) = rows.iter().cloned().partition(|(object, _)| guarded.contains(object));
        // A small plan that is held for nothing of its own objects would come back at once, for ever.
        let (held, free) = if held.is_empty() && !whole { (free, held) } else { (held, free) };
        let reason = report.reasons.join("; ");
        store.retry_later(&target.name, &held, later(store.now(), HELD), &reason).await?;
        store.retry_later(&target.name, &free, store.now(), &reason).await
    }

    /// The due objects, and those whose scope moved with a group that is due.
    async fn widened(&self, target: &Target, due: &[Due]) -> Result<BTreeSet<ObjectRef>, StoreError> {
        let mut objects: BTreeSet<_> = due.iter().map(|due| due.object.clone()).collect();
        if let Some(group) = &target.scope.group
            && objects.iter().any(|object| object.kind == Kind::Group)
        {
            objects.extend(self.engine.store().scope_changes(&target.name, group, self.bulk).await?);
        }
        if target.mapping.reads_manager() {
            let managers: Vec<_> = objects.iter().filter(|o| o.kind == Kind::User).cloned().collect();
            objects.extend(self.engine.store().dependents(&target.name, &managers).await?);
        }
        Ok(objects)
    }
}

fn rule(target: &Target, of: Who) -> DueRule {
    DueRule { of, quiet: target.timing.quiet, at_most: target.timing.at_most }
}

fn later(now: i64, wait: Duration) -> i64 {
    now.saturating_add(i64::try_from(wait.as_millis()).unwrap_or(i64::MAX))
}
