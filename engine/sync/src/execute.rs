//! The only place that writes to a directory. It records what it is about to do, does it, and records what happened.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::time::Duration;

use entrain_model::{
    Action, Basis, Decision, DirectoryError, Disposition, HandedOver, Hold, Lane, Phase, Scope, Work, WritableDirectory, Written,
};
use entrain_plan::undelivered;
use entrain_store::{End, HaltKind, LinkWrite, PlanLine, Start};
use tracing::Instrument as _;

use crate::discover::halt;
use crate::engine::Run;
use crate::outcome::{self, Answer};
use crate::report::Writing;
use crate::resolve::{self, Names, Ready};
use crate::{Step, SyncError, already, fallout, first_members, recover, trace};

/// Executes the plan phase by phase; how it went in time, if any write went out.
pub(crate) async fn execute(run: &Run<'_>, directory: &dyn WritableDirectory) -> Result<Option<Writing>, SyncError> {
    let planned = run.store().plan_counts(&run.id).await?;
    run.progress().begin(Step::Write, Some(planned.by_action.values().sum()));
    let (clock, mut left) = (run.engine.clock(), run.store().plan_work(&run.id).await?);
    let (began, expected) = (clock.now(), directory.time_for(&left));
    if let Some(expected) = expected.filter(|expected| *expected >= WORTH_TELLING) {
        tracing::info!(target = %run.target.name, run = %run.id, seconds = expected.as_secs(), "the quota makes the writing take so long");
    }
    let mut wrote = 0;
    for phase in Phase::ALL {
        // What refers to records finds those by then whose creation was not answered.
        if run.whole() && wrote > 0 && matches!(phase, Phase::Managers | Phase::References) {
            recover::look(run, run.target.timing.linger).await?;
        }
        loop {
            run.engine.goes_on()?;
            let lines = run.store().next_lines(&run.id, phase, window(phase)).await?;
            if lines.is_empty() {
                break;
            }
            let lines = first_members::with_members(run, directory, lines).await?;
            let done = lines.len() as u64;
            less(&mut left, phase, &lines);
            let lane = lane(&run.scope, phase);
            let span = trace::batch(lane, lines.len());
            wrote += batch(run, directory, lane, lines).instrument(span).await?;
            run.progress().advance(done);
            if let Some(rest) = directory.time_for(&left) {
                run.progress().expect(rest);
            }
        }
    }
    let freed = run.store().freed_for(&run.target.name, &run.id).await?;
    if !freed.is_empty() {
        run.store().enqueue(&run.target.name, &freed, 0).await?;
    }
    let took = Duration::from_millis(u64::try_from(clock.now().saturating_sub(began)).unwrap_or(0));
    Ok((wrote > 0).then_some(Writing { expected, took }))
}

/// A run that takes longer than this says so in the log.
const WORTH_TELLING: Duration = Duration::from_secs(60);

fn less(left: &mut Work, phase: Phase, lines: &[PlanLine]) {
    // Members that go with a new group are of a later phase than the rest of the batch.
    let (links, changes): (Vec<_>, Vec<_>) = lines.iter().partition(|line| line.phase == Some(Phase::References));
    let twice = changes.iter().filter(|line| takes_two(line)).count();
    left.changes = left.changes.saturating_sub((changes.len() + twice) as u64);
    left.links = left.links.saturating_sub(links.len() as u64);
    if phase == Phase::References {
        let groups: BTreeSet<_> = links.iter().map(|line| &line.object).collect();
        left.groups = left.groups.saturating_sub(groups.len() as u64);
    }
}

/// So many objects are a few.
const FEW: usize = 50;

/// Who goes first at the target's quotas: whoever loses access, then a few objects before many, however many changes either takes.
fn lane(scope: &Scope, phase: Phase) -> Lane {
    match scope {
        Scope::Everything | Scope::Only(_) if phase == Phase::Leavers => Lane::Leaver,
        Scope::Only(objects) if objects.len() <= FEW => Lane::Direct,
        Scope::Everything | Scope::Only(_) => Lane::Bulk,
    }
}

/// Whether the change takes two requests, as [`entrain_store::Store::plan_work`] counts it.
fn takes_two(line: &PlanLine) -> bool {
    matches!(&line.decision, Decision::Change(change) if matches!(change.action, Action::Disable { .. } | Action::Restore { .. }))
}

/// How many changes are on the wire at once. References of one group travel together, so their window is wider.
fn window(phase: Phase) -> usize {
    match phase {
        Phase::References => 4_000,
        Phase::Leavers
        | Phase::Links
        | Phase::Releases
        | Phase::Users
        | Phase::Groups
        | Phase::Updates
        | Phase::Managers
        | Phase::ReferenceRemovals
        | Phase::Removals => 400,
    }
}

async fn batch(run: &Run<'_>, directory: &dyn WritableDirectory, lane: Lane, lines: Vec<PlanLine>) -> Result<u64, SyncError> {
    let store = run.store();
    let objects: Vec<_> = lines.iter().map(|line| line.object.clone()).collect::<BTreeSet<_>>().into_iter().collect();
    store.lease(&run.target.name, &run.holder, &objects, run.lease()).await?;
    let ready = ready(run, lines).await?;
    let started = start(run, ready).await?;
    let writes: Vec<_> = started.iter().filter_map(|ready| ready.write.clone()).collect();
    let answers = if writes.is_empty() { Vec::new() } else { renewing(run, &objects, directory.write(lane, &writes)).await? };
    let sent = writes.len() as u64;
    finish(run, first_members::joined(started, &answers), answers).await?;
    if run.whole() {
        store.release(&run.target.name, &run.holder, Some(&objects)).await?;
        run.keep().await?;
    }
    Ok(sent)
}

/// Resolves ids. A line that cannot go now becomes a hold.
async fn ready(run: &Run<'_>, lines: Vec<PlanLine>) -> Result<Vec<Ready>, SyncError> {
    let mut planned = Vec::with_capacity(lines.len());
    for line in lines {
        if let Decision::Change(change) = line.decision.clone() {
            planned.push((line, change));
        }
    }
    let named: BTreeSet<_> = planned.iter().flat_map(|(_, change)| resolve::named(&change.object, &change.action)).collect();
    let links = run.store().link_ids(&run.target.name, &named.into_iter().collect::<Vec<_>>()).await?;
    let new = planned.iter().filter(|(_, change)| matches!(change.action, Action::Create { .. }));
    let names = Names { links, new: new.map(|(_, change)| change.object.clone()).collect() };
    let (mut ready, mut held) = (Vec::with_capacity(planned.len()), Vec::new());
    for (line, change) in planned {
        match resolve::resolve(run, &change.object, &change.action, &names) {
            Ok(write) => {
                let sent = resolve::sent(run, &change.object, &change.action);
                ready.push(Ready {
                    seq: line.seq,
                    basis: change.basis,
                    object: change.object,
                    action: change.action,
                    write,
                    sent,
                });
            }
            Err(hold) => held.push((line.seq, change.object, hold)),
        }
    }
    hold(run, held).await?;
    Ok(ready)
}

async fn hold(run: &Run<'_>, held: Vec<(i64, entrain_model::ObjectRef, Hold)>) -> Result<(), SyncError> {
    for (seq, object, hold) in &held {
        run.store().replace_line(&run.id, *seq, &Decision::Hold(object.clone(), hold.clone())).await?;
    }
    let holds: Vec<_> = held.into_iter().map(|(_, object, hold)| (object, hold)).collect();
    Ok(run.store().put_holds(&run.target.name, &run.id, &holds).await?)
}

/// Commits the intent. What has moved since it was planned is dropped there and queued anew.
async fn start(run: &Run<'_>, ready: Vec<Ready>) -> Result<Vec<Ready>, SyncError> {
    let starts: Vec<_> = ready
        .iter()
        .map(|ready| Start {
            seq: ready.seq,
            object: ready.object.clone(),
            // A halt or a changed configuration ends what this run planned, also what it planned after that.
            basis: Basis { epoch: run.epoch, ..ready.basis },
            action: ready.action.clone(),
            record: resolve::changed(&ready.action).cloned(),
            blocks: resolve::blocks(run, ready),
            hands_over: resolve::hands_over(run, ready),
            sent: ready.sent.clone(),
        })
        .collect();
    let refused: BTreeMap<_, _> =
        run.store().start_effects(&run.target.name, &run.id, &run.holder, &starts).await?.into_iter().collect();
    for (seq, refusal) in &refused {
        tracing::debug!(run = %run.id, seq, ?refusal, "a change was no longer true and was dropped");
    }
    Ok(ready.into_iter().filter(|ready| !refused.contains_key(&ready.seq)).collect())
}

/// Waits for the directory and keeps the leases alive meanwhile.
async fn renewing<T>(
    run: &Run<'_>,
    objects: &[entrain_model::ObjectRef],
    answer: impl Future<Output = T>,
) -> Result<T, SyncError> {
    let mut answer = std::pin::pin!(answer);
    loop {
        tokio::select! {
            biased;
            answer = &mut answer => return Ok(answer),
            () = run.engine.clock().sleep(run.lease() / 3) => {
                run.store().lease(&run.target.name, &run.holder, objects, run.lease()).await?;
                run.keep().await?;
            }
        }
    }
}

/// Commits what happened. A credential that is refused halts the target after everything is recorded.
async fn finish(run: &Run<'_>, started: Vec<Ready>, answers: Vec<Result<Written, DirectoryError>>) -> Result<(), SyncError> {
    let (mut ends, mut fatal, mut linked, mut again) = (Vec::with_capacity(started.len()), None, Vec::new(), Vec::new());
    let (mut taken, mut waits, mut lost) = (Vec::new(), Vec::new(), Vec::new());
    let answers = already::doubt(run, &started, answers).await?;
    let settling = fallout::settling(run, &started, &answers).await?;
    let missing = fallout::missing(&started, &answers, &settling);
    let mut answers = answers.into_iter();
    for ready in started {
        let answer = match &ready.write {
            None => Answer::Ours,
            Some(_) => answers.next().map_or(Answer::Lost, |answer| answer.map_or_else(Answer::Failed, Answer::Written)),
        };
        if let Answer::Failed(error) = &answer {
            if let Some(hold) = fallout::waits(&ready, error, &settling) {
                waits.push((ready.seq, ready.object.clone(), hold));
            } else {
                run.note(&ready, error);
            }
            taken.extend(fallout::taken(run, &ready, error));
            match error.disposition() {
                Disposition::HaltTarget => fatal = Some(error.to_string()),
                Disposition::Retry | Disposition::Replan => again.push(ready.object.clone()),
                Disposition::HoldObject => {}
            }
        }
        let end: End = outcome::end(run, &ready, &answer);
        match &end.credential {
            Some(HandedOver::NotYet(_)) => again.push(ready.object.clone()),
            Some(HandedOver::Lost(detail)) => lost.push((ready.object.clone(), undelivered(&ready.object, detail))),
            Some(HandedOver::Delivered | HandedOver::NotNeeded) | None => {}
        }
        if matches!(end.link, Some(LinkWrite::Put { .. })) {
            linked.push(ready.object.clone());
        }
        ends.push(end);
    }
    run.store().end_effects(&run.target.name, &run.id, &ends).await?;
    hold(run, waits).await?;
    run.store().put_holds(&run.target.name, &run.id, &lost).await?;
    fallout::queue(run, &linked, &again).await?;
    fallout::learn(run, &taken).await?;
    fallout::look_for(run, &missing).await?;
    match fatal {
        Some(message) => Err(SyncError::Halt(Box::new(halt(HaltKind::Credential, message)))),
        None => Ok(()),
    }
}

impl Run<'_> {
    /// Whether the run is about everything.
    pub(crate) fn whole(&self) -> bool {
        self.scope == Scope::Everything
    }

    fn note(&self, ready: &Ready, error: &DirectoryError) {
        tracing::warn!(
            target = %self.target.name, run = %self.id, object = %ready.object, action = ready.action.as_str(),
            request_id = error.request_id, fault = ?error.fault, "the target did not do a change"
        );
    }
}
