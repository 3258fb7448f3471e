//! Direct sync: one worker per target takes what is due, as it comes.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use entrain_model::{Kind, ObjectRef, Reason, Scope, TargetName};
use entrain_store::{Due, RunState, StoreError, Watch};
use tokio::sync::watch;

use crate::engine::Ask;
use crate::{Engine, Progress, Report, SyncError, Target};

/// More due objects than this are a bulk change: one run over everything, judged as a whole.
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
}

impl Worker {
    /// A worker that always uses the newest configuration that it is given.
    pub fn new(
        engine: Engine,
        target: watch::Receiver<Arc<Target>>,
        direct: Arc<dyn Direct>,
        progress: Arc<dyn Progress>,
    ) -> Self {
        Self { engine, target, direct, progress }
    }

    /// Works until `stop` says so; a reconcile under way is finished first.
    pub async fn run(self, mut stop: watch::Receiver<bool>) {
        let Some(mut changed) = self.watch(&mut stop).await else { return };
        while !*stop.borrow() {
            let wait = match self.drain(&stop).await {
                Ok(()) => self.wait().await,
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

    /// How long nothing is due, unless somebody queues something.
    pub async fn wait(&self) -> Duration {
        let (name, timing) = {
            let target = self.target.borrow();
            (target.name.clone(), target.timing)
        };
        let row = self.engine.store().target(&name).await;
        if matches!(row, Ok(Some(row)) if row.halt.is_some()) {
            // What is due stays due as long as the target is halted: whoever resumes it wakes the worker.
            return IDLE;
        }
        let now = self.engine.store().now();
        match self.engine.store().next_due(&name, timing.quiet, timing.at_most).await {
            Ok(Some(due)) => Duration::from_millis(u64::try_from(due - now).unwrap_or(0)).clamp(Duration::from_millis(1), IDLE),
            Ok(None) => IDLE,
            Err(_) => FAILED,
        }
    }

    /// Takes what is due until nothing is, or until `stop` says so.
    pub async fn drain(&self, stop: &watch::Receiver<bool>) -> Result<(), StoreError> {
        while !*stop.borrow() {
            let target = Arc::clone(&self.target.borrow());
            if self.engine.store().target(&target.name).await?.is_some_and(|row| row.halt.is_some()) {
                // The queue keeps collecting; whoever resumes the target wakes the worker.
                return Ok(());
            }
            let holder = self.engine.holder();
            let timing = &target.timing;
            let due =
                self.engine.store().lease_due(&target.name, &holder, BULK, timing.quiet, timing.at_most, timing.lease).await?;
            if due.is_empty() {
                return Ok(());
            }
            self.reconcile(&target, holder, due).await?;
        }
        Ok(())
    }

    async fn reconcile(&self, target: &Arc<Target>, holder: String, due: Vec<Due>) -> Result<(), StoreError> {
        let store = self.engine.store();
        let objects = self.widened(target, &due).await?;
        let bulk = objects.len() >= BULK;
        let (scope, holder) = if bulk {
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
                    self.hold(target, report, &rows).await?;
                }
                RunState::Halted | RunState::Failed | RunState::Superseded | RunState::Rejected | RunState::Running => {}
            },
            Err(error) => store.retry_later(&target.name, &rows, later(store.now(), FAILED), &error.to_string()).await?,
        }
        if let Some(holder) = holder {
            store.release(&target.name, &holder, None).await?;
        }
        self.direct.synced(&objects, &result);
        Ok(())
    }

    /// What the guard held waits for approval. What was only leased with it is due again by itself.
    async fn hold(&self, target: &Target, report: &Report, rows: &[(ObjectRef, i64)]) -> Result<(), StoreError> {
        let store = self.engine.store();
        let Some(run) = &report.run else { return Ok(()) };
        let objects = rows.iter().map(|(object, _)| object.clone()).collect();
        let guarded = store.guarded_objects(run, &objects).await?;
        let (held, free): (Vec<_>, Vec<_>) = rows.iter().cloned().partition(|(object, _)| guarded.contains(object));
        // A plan that is held for nothing of its own objects would come back at once, for ever.
        let (held, free) = if held.is_empty() { (free, held) } else { (held, free) };
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
            objects.extend(self.engine.store().scope_changes(&target.name, group, BULK).await?);
        }
        if target.mapping.reads_manager() {
            let managers: Vec<_> = objects.iter().filter(|o| o.kind == Kind::User).cloned().collect();
            objects.extend(self.engine.store().dependents(&target.name, &managers).await?);
        }
        Ok(objects)
    }
}

fn later(now: i64, wait: Duration) -> i64 {
    now.saturating_add(i64::try_from(wait.as_millis()).unwrap_or(i64::MAX))
}
