//! The one operation, on one screen.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use entrain_model::{Action, Clock, Millis, Mode, Policy, Reason, RunId, Scope};
use entrain_store::{Halt, Kept, RunKind, RunState, Store, TargetRow};
use tokio::sync::watch;
use tracing::Instrument as _;

use crate::accepted::{self, Open};
use crate::decide;
use crate::guard::{self, Filled, Judged};
use crate::map::Learned;
use crate::protect::Knowledge;
use crate::recover::{Repeats, Waits};
use crate::report::Report;
use crate::{Hands, Progress, SyncError, Target, discover, execute, lookup, map, recover, tail, trace, undo};

/// Objects per page of every loop.
pub(crate) const PAGE: usize = 500;

/// How often a claim that another process has is asked for again.
const CLAIM_AGAIN: Duration = Duration::from_secs(1);

/// Runs targets against one database.
#[derive(Clone)]
pub struct Engine {
    store: Store,
    clock: Arc<dyn Clock>,
    name: String,
    runs: Arc<AtomicU64>,
    /// Whether the process is about to end.
    ending: Option<watch::Receiver<bool>>,
}

/// What is asked of a run.
#[derive(Clone, Debug)]
pub struct Ask {
    /// Which objects.
    pub scope: Scope,
    /// Why; recorded only.
    pub reason: Reason,
    /// A run that may write, or one that only plans.
    pub kind: RunKind,
    /// A plan that somebody approved beyond the limits.
    pub approval: Option<Approval>,
    /// Under which name the leases of the objects are held already.
    pub holder: Option<String>,
    /// How its plan comes about.
    pub task: Task,
}

/// How the plan of a run comes about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Task {
    /// From what shall be and what is.
    Reconcile,
    /// Likewise, and only what came out as in a reviewed plan stays in it.
    Apply {
        /// Under which name the lines of the reviewed plan were taken in.
        plan: String,
    },
    /// From what an earlier run did.
    Undo {
        /// The run that is taken back.
        of: RunId,
        /// Who takes it back.
        by: String,
        /// Under which name the lines of the reviewed plan were taken in; only what comes out as in it stays in the plan.
        plan: Option<String>,
    },
}

impl Ask {
    /// A run that may write.
    pub fn sync(scope: Scope, reason: Reason) -> Self {
        Self { scope, reason, kind: RunKind::Sync, approval: None, holder: None, task: Task::Reconcile }
    }
}

/// Somebody approved what the guard counted in an earlier plan: what comes out otherwise is not covered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Approval {
    /// The run that was held.
    pub run: RunId,
}

/// One reconcile under way.
pub(crate) struct Run<'a> {
    pub(crate) engine: &'a Engine,
    pub(crate) target: Arc<Target>,
    pub(crate) policy: Policy,
    pub(crate) id: RunId,
    pub(crate) epoch: i64,
    pub(crate) holder: String,
    pub(crate) scope: Scope,
    /// What it knows of who is protected.
    pub(crate) protection: Knowledge,
    /// The difference that was accepted with the mapping, while it is to be carried out.
    pub(crate) accepted: Option<Open>,
    /// Whether a run has filled the target before.
    pub(crate) filled: Filled,
    /// Creates of unknown outcome that this run may send again.
    pub(crate) repeats: Repeats,
    /// Creates of unknown outcome that must wait until they may be sent again.
    pub(crate) waits: Waits,
    started: Millis,
    /// When the claim of the target was renewed last.
    claimed: AtomicI64,
    hands: Hands,
    /// What came out as in the reviewed plan, for a run that applies one.
    kept: Mutex<Option<Kept>>,
    /// What the mode of the target leaves undone, by action.
    left: Mutex<BTreeMap<&'static str, u64>>,
    /// How many values are left to the target, by kind and attribute.
    left_values: Mutex<BTreeMap<String, u64>>,
    /// How many objects it has looked at.
    seen: AtomicU64,
    progress: &'a dyn Progress,
}

impl Engine {
    /// `name` tells this process from all others that use the database.
    pub fn new(store: Store, clock: Arc<dyn Clock>, name: &str) -> Self {
        Self { store, clock, name: name.to_owned(), runs: Arc::default(), ending: None }
    }

    /// The same, whose runs stop as soon as this says so: what is on the wire is finished and recorded, nothing new begins.
    #[must_use]
    pub fn ending_with(self, ending: watch::Receiver<bool>) -> Self {
        Self { ending: Some(ending), ..self }
    }

    /// # Errors
    /// The process is about to end.
    pub(crate) fn goes_on(&self) -> Result<(), SyncError> {
        match &self.ending {
            Some(ending) if *ending.borrow() => Err(SyncError::Stopped),
            Some(_) | None => Ok(()),
        }
    }

    /// The same for somebody: what is decided with it stands in the audit under this name.
    pub fn acting_as(&self, name: &str) -> Self {
        Self { store: self.store.clone().acting_as(name), ..self.clone() }
    }

    /// The database.
    pub fn store(&self) -> &Store {
        &self.store
    }

    pub(crate) fn clock(&self) -> &dyn Clock {
        self.clock.as_ref()
    }

    /// A name for leases that no other run has.
    pub fn holder(&self) -> String {
        format!("{}/{}", self.name, self.runs.fetch_add(1, Ordering::Relaxed))
    }

    /// Makes the target true for the scope: maps, looks, plans, judges, executes, records.
    ///
    /// A halted target is not touched; its report says so. One whose configuration was changed since `target` was made is an error. An error means that the run stopped early: nothing was
    /// concluded from what it did not see, and the next run begins again.
    pub async fn reconcile(&self, target: &Arc<Target>, ask: Ask, progress: &dyn Progress) -> Result<Report, SyncError> {
        let row = self.store.target(&target.name).await?;
        if let Some(halt) = row.as_ref().and_then(|row| row.halt.clone()) {
            return Ok(Report::halted(&target.name, halt));
        }
        let stored = row.as_ref().and_then(|row| row.settings);
        if target.revision.is_some() && target.revision != stored {
            return Err(SyncError::Reconfigured(target.name.to_string()));
        }
        let accepted = accepted::open(&self.store, target).await?;
        let target = &guard::limited(target, row.as_ref());
        let target = &accepted.as_ref().map_or_else(|| Arc::clone(target), |open| open.counting(target));
        let holder = ask.holder.clone().unwrap_or_else(|| self.holder());
        let mapping = target.mapping.version();
        let id = match &ask.task {
            Task::Reconcile | Task::Apply { .. } => {
                self.store.begin_run(&target.name, &ask.scope, ask.reason, &holder, ask.kind, mapping).await?
            }
            Task::Undo { of, .. } => {
                self.store.begin_run_over(&target.name, &undo::in_words(of), ask.reason, &holder, ask.kind, mapping).await?
            }
        };
        progress.run(&id);
        let mut run = self.run_of(target, row.as_ref(), &ask, id, progress);
        run.holder = holder;
        run.accepted = accepted;
        let span = trace::run(&run, &ask);
        let all = async {
            let result = run.steps(&ask).await;
            run.finish(&ask, result).await
        };
        let result = all.instrument(span.clone()).await;
        trace::ended(&span, result.as_ref().ok());
        result
    }

    /// A run as it begins, with what is stored of its target.
    pub(crate) fn run_of<'a>(
        &'a self,
        target: &Arc<Target>,
        row: Option<&TargetRow>,
        ask: &Ask,
        id: RunId,
        progress: &'a dyn Progress,
    ) -> Run<'a> {
        let hands = match ask.kind {
            RunKind::Sync | RunKind::Apply | RunKind::Undo => target.hands(),
            RunKind::DryRun | RunKind::Plan => target.hands().tied(),
        };
        let policy = Policy {
            verified_domains: row.and_then(|row| row.verified_domains.clone()).unwrap_or_default(),
            now: self.store.now(),
            unsettled_since: Some(self.store.now().saturating_sub(millis(target.timing.settling))),
            ..target.policy.clone()
        };
        Run {
            engine: self,
            target: Arc::clone(target),
            policy,
            id,
            epoch: row.map_or(0, |row| row.epoch),
            holder: String::new(),
            scope: ask.scope.clone(),
            protection: Knowledge::default(),
            accepted: None,
            filled: Filled::of(target.mode, row),
            repeats: Repeats::default(),
            waits: Waits::default(),
            started: self.store.now(),
            hands,
            kept: Mutex::default(),
            left: Mutex::default(),
            left_values: Mutex::default(),
            seen: AtomicU64::new(0),
            progress,
            claimed: AtomicI64::new(0),
        }
    }
}

impl Run<'_> {
    async fn steps(&mut self, ask: &Ask) -> Result<Report, SyncError> {
        self.claim(&ask.scope).await?;
        self.recall_protection().await?;
        let (learned, judged) = match &ask.task {
            Task::Undo { of, .. } => {
                undo::plan(self, of).await?;
                (Learned::default(), decide::arranged(self, ask).await?)
            }
            Task::Reconcile | Task::Apply { .. } => self.planned(ask).await?,
        };
        let hands = self.hands.clone();
        match (judged, &hands) {
            (Judged::Held(reasons), _) => {
                if self.whole() && ask.kind == RunKind::Sync {
                    self.store().enqueue_free_leavers(&self.target.name, &self.id).await?;
                }
                self.report(RunState::Held, reasons).await
            }
            (Judged::Apply, Hands::Tied(_)) => self.report(RunState::Planned, Vec::new()).await,
            (Judged::Apply, Hands::Free(directory)) => {
                if let Task::Undo { of, by, .. } = &ask.task {
                    let reason = format!("run {of} was taken back by {by}");
                    self.store().park_planned(&self.target.name, &self.id, &reason).await?;
                }
                let written = execute::execute(self, directory.as_ref()).await?;
                if let Some(writing) = written.as_ref().filter(|_| ask.scope == Scope::Everything) {
                    match ask.task {
                        Task::Reconcile => {
                            tail::settle(self, ask.reason, &learned, writing.took).await?;
                            discover::drain(self, &learned).await?;
                        }
                        // What goes beyond the plan is for the next run.
                        Task::Apply { .. } => {
                            recover::look(self, self.target.timing.linger).await?;
                            discover::drain(self, &learned).await?;
                        }
                        Task::Undo { .. } => {}
                    }
                }
                let state = self.outcome().await?;
                Ok(Report { writing: written, ..self.report(state, Vec::new()).await? })
            }
        }
    }

    /// Maps, reads and plans; what the guard says of it.
    async fn planned(&mut self, ask: &Ask) -> Result<(Learned, Judged), SyncError> {
        let learned = map::map(self, &ask.scope).await?;
        let seen = match &ask.scope {
            Scope::Everything => discover::discover(self, &learned).await?,
            Scope::Only(objects) => {
                lookup::lost(self, objects).await?;
                lookup::lookup(self, &learned).await?
            }
        };
        let lost = recover::recover(self, &ask.scope).await?;
        (self.repeats, self.waits) = (lost.repeats, lost.waits);
        let judged = decide::decide(self, seen, ask).await?;
        Ok((learned, judged))
    }

    /// Takes what the run needs for itself: the target for a full run, the objects for a small one.
    pub(crate) async fn claim(&self, scope: &Scope) -> Result<(), SyncError> {
        let (store, name, lease) = (self.store(), &self.target.name, self.target.timing.lease);
        match scope {
            Scope::Everything => self.claim_target().await,
            Scope::Only(objects) => {
                let wanted: Vec<_> = objects.iter().cloned().collect();
                let got = store.lease(name, &self.holder, &wanted, lease).await?;
                if got.len() < wanted.len() { Err(SyncError::Busy(name.to_string())) } else { Ok(()) }
            }
        }
    }

    /// Waits for the claim as long as that of a dead process may live.
    async fn claim_target(&self) -> Result<(), SyncError> {
        let (store, name, lease) = (self.store(), &self.target.name, self.target.timing.lease);
        let until = store.now().saturating_add(millis(lease));
        while !store.claim_target(name, &self.holder, lease).await? {
            if store.now() >= until {
                return Err(SyncError::Busy(name.to_string()));
            }
            self.engine.clock.sleep(CLAIM_AGAIN).await;
        }
        self.claimed.store(store.now(), Ordering::Relaxed);
        Ok(())
    }

    /// Renews the claim of a full run before it runs out.
    pub(crate) async fn keep(&self) -> Result<(), SyncError> {
        let (store, lease) = (self.store(), self.target.timing.lease);
        if self.whole() {
            store.keep_statistics().await?;
        }
        let due = self.claimed.load(Ordering::Relaxed).saturating_add(millis(lease / 3));
        if !self.whole() || store.now() < due {
            return Ok(());
        }
        if !store.claim_target(&self.target.name, &self.holder, lease).await? {
            return Err(SyncError::Busy(self.target.name.to_string()));
        }
        self.claimed.store(store.now(), Ordering::Relaxed);
        Ok(())
    }

    /// Renews the claim of a full run, and stops a run whose target was halted or resumed meanwhile.
    pub(crate) async fn still_ours(&self) -> Result<(), SyncError> {
        self.engine.goes_on()?;
        self.keep().await?;
        let epoch = self.store().target(&self.target.name).await?.map_or(0, |row| row.epoch);
        if epoch == self.epoch { Ok(()) } else { Err(SyncError::Stopped) }
    }

    async fn finish(&self, ask: &Ask, result: Result<Report, SyncError>) -> Result<Report, SyncError> {
        let (store, name) = (self.store(), &self.target.name);
        let result = match result {
            Err(SyncError::Halt(halt)) => Ok(self.halt(*halt).await?),
            other => other,
        };
        let state = result.as_ref().map_or(RunState::Failed, |report| report.state);
        let report = match &result {
            Ok(report) => report.to_json(),
            Err(error) => serde_json::json!({ "error": error.to_string() }),
        };
        store.finish_run(&self.id, state, &report).await?;
        store.release(name, &self.holder, None).await?;
        if ask.scope == Scope::Everything {
            store.release_target(name, &self.holder).await?;
            let whole = ask.task == Task::Reconcile;
            if whole && self.target.mode == Mode::Observe && ask.kind == RunKind::Sync && state == RunState::Planned {
                // A target that is only looked at is in order when its plan came to its end.
                store.set_last_full(name, store.now()).await?;
            }
            if let (true, Ok(report)) = (whole, &result)
                && self.is_success(report).await?
            {
                store.set_last_full(name, store.now()).await?;
                if self.is_loaded().await? {
                    store.set_loaded(name, self.target.mode).await?;
                }
                if let Some(open) = &self.accepted {
                    store.settle_version(name, open.version).await?;
                }
            }
            if whole && matches!(state, RunState::Converged | RunState::Partial) {
                // What changed before the run began is covered by it; what it dropped was queued anew since.
                store.done_before(name, self.started).await?;
            }
        }
        result
    }

    /// Stops the target and says how many leavers now wait.
    async fn halt(&self, mut halt: Halt) -> Result<Report, SyncError> {
        let store = self.store();
        halt.since = store.now();
        halt.leavers_waiting = store.queue_depth(&self.target.name).await?.removals;
        tracing::error!(
            target = %self.target.name, run = %self.id, script = halt.script, line = halt.line, column = halt.column,
            object = halt.object.as_ref().map(ToString::to_string), "target halted: {}", halt.message
        );
        store.halt(&self.target.name, &halt).await?;
        Ok(Report { run: Some(self.id.clone()), ..Report::halted(&self.target.name, halt) })
    }

    /// Takes the domains that the tenant has verified: logins that end elsewhere are held before a call.
    pub(crate) async fn learn_domains(&mut self, domains: Vec<String>) -> Result<(), SyncError> {
        self.store().set_verified_domains(&self.target.name, &domains).await?;
        self.policy.verified_domains = domains;
        Ok(())
    }

    /// Reads which domains the tenant has verified, for a run that does not discover.
    pub(crate) async fn know_domains(&mut self) -> Result<(), SyncError> {
        let tenant = self.hands.directory().tenant().await.map_err(|error| discover::stop(self, error))?;
        self.learn_domains(discover::verified(tenant)).await
    }

    pub(crate) fn store(&self) -> &Store {
        &self.engine.store
    }

    pub(crate) fn progress(&self) -> &dyn Progress {
        self.progress
    }

    /// Notes what came out as in the reviewed plan.
    pub(crate) fn note_kept(&self, kept: Kept) {
        *self.kept.lock().unwrap_or_else(PoisonError::into_inner) = Some(kept);
    }

    /// What came out as in the reviewed plan.
    pub(crate) fn kept(&self) -> Option<Kept> {
        *self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes that so many more objects were looked at.
    pub(crate) fn saw(&self, objects: usize) {
        self.seen.fetch_add(objects as u64, Ordering::Relaxed);
    }

    /// How many objects were looked at.
    pub(crate) fn seen(&self) -> u64 {
        self.seen.load(Ordering::Relaxed)
    }

    /// Notes what the mode of the target leaves undone.
    pub(crate) fn leave(&self, action: &Action) {
        *self.left.lock().unwrap_or_else(PoisonError::into_inner).entry(action.as_str()).or_default() += 1;
    }

    /// What the mode of the target left undone, by action.
    pub(crate) fn left(&self) -> BTreeMap<String, u64> {
        let left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        left.iter().map(|(action, count)| ((*action).to_owned(), *count)).collect()
    }

    /// Notes a value that is left to the target.
    pub(crate) fn leave_value(&self, attribute: String) {
        *self.left_values.lock().unwrap_or_else(PoisonError::into_inner).entry(attribute).or_default() += 1;
    }

    /// How many values are left to the target, by kind and attribute.
    pub(crate) fn left_values(&self) -> BTreeMap<String, u64> {
        self.left_values.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn hands(&self) -> &Hands {
        &self.hands
    }

    pub(crate) fn lease(&self) -> Duration {
        self.target.timing.lease
    }
}

pub(crate) fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
