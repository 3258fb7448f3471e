//! What must be true when the storm is over.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::PoisonError;

use anyhow::ensure;
use entrain_model::{
    Allowance, Condition, Decision, Hold, Kind, Limit, Millis, ObjectRef, Observed, Operation, Reason, Relation, Scope, Share,
    TargetId, anchor_value,
};
use entrain_store::{HoldRow, LineState, RunKind, RunRow, RunState, Store};
use entrain_sync::{Ask, Engine, Silent};
use serde_json::{Value as Json, json};

use super::others::is_stranger;
use super::source::{HELD, Source, group, user};
use super::world::{SETTLING, World};
use crate::memory::schema;

/// Why the engine is not at rest; `None` if it is. All that happened in the target is visible since `visible`.
pub(super) async fn unrest(world: &World, store: &Store, visible: Millis) -> anyhow::Result<Option<String>> {
    let name = &world.target.name;
    // What is missing longest comes first: this is asked every ten minutes.
    let runs = store.runs(Some(name), 50).await?;
    // What was written a moment ago may show late: only a run that began after that says anything.
    let wrote = runs.iter().filter(|run| run.report["done"] != json!({})).filter_map(|run| run.finished_at).max();
    let visible = visible.max(wrote.map_or(0, |at| at + SETTLING.as_millis() as Millis));
    let full = |run: &&RunRow| run.scope == "everything" && run.kind == RunKind::Sync && run.started_at > visible;
    let Some(full) = runs.iter().find(full) else {
        return Ok(Some("there was no full sync since the storm".to_owned()));
    };
    let queue = store.queue_depth(name).await?;
    if queue.rows > 0 {
        return Ok(Some(format!(
            "{} objects wait in the queue; holds: {:?}",
            queue.rows,
            store.holds(Some(name), None, 20).await?
        )));
    }
    if let Some(halt) = store.target(name).await?.and_then(|row| row.halt) {
        return Ok(Some(format!("halted: {}", halt.message)));
    }
    let open = store.open_effects(name, i64::MAX).await?;
    if !open.is_empty() {
        return Ok(Some(format!("changes of unknown outcome: {open:?}")));
    }
    let quiet = matches!(full.state, RunState::Converged | RunState::Partial)
        && full.report["done"] == json!({})
        && full.report["failed"] == json!(0)
        && full.report["dropped"] == json!(0);
    Ok((!quiet).then(|| format!("the last full sync was {:?}: {}", full.state, full.report)))
}

/// Looks at everything.
pub(super) async fn check(world: &World, store: &Store) -> anyhow::Result<()> {
    world.note(&"a second look");
    let engine = Engine::new(store.clone(), world.clock.clone(), "second look");
    let second = engine.reconcile(&world.target, Ask::sync(Scope::Everything, Reason::Operator), &Silent).await?;
    ensure!(second.planned.is_empty(), "a second plan is not empty: {:?}", second.to_json());
    ensure!(world.memory.take_log().is_empty(), "a second run writes");
    let holds = store.holds(Some(&world.target.name), None, 50).await?;
    let source = world.source.lock().unwrap_or_else(PoisonError::into_inner).clone();
    // A record of somebody who left, and whose anchor somebody cleared, is for a person to delete.
    let forsaken = |row: &HoldRow| {
        matches!(row.hold, Hold::Protected { .. })
            && source.left.contains(&row.object)
            && world.others().unanchored.values().any(|object| *object == row.object)
    };
    let (strangers, ours): (Vec<_>, Vec<_>) =
        holds.iter().partition(|row| HELD.iter().any(|(id, _)| row.object.id.as_str() == *id));
    let waiting = waiting(world, &source, &ours);
    let strays: Vec<_> = ours.into_iter().filter(|row| !forsaken(row) && !waiting.contains(&row.object)).collect();
    ensure!(strays.is_empty(), "held after everything settled: {strays:?}");
    ensure!(strangers.len() == HELD.len(), "strangers are not held: {holds:?}");
    if let Some(touched) = world.touched_stranger() {
        anyhow::bail!(touched);
    }
    guards(world, store).await?;
    Truth::new(world, &source, waiting)?.check()
}

/// Objects that want the login of somebody who left, whose record nobody but a person may delete, for its anchor was cleared; and
/// whoever wants the login of one that waits so.
fn waiting(world: &World, source: &Source, held: &[&HoldRow]) -> BTreeSet<ObjectRef> {
    let (unanchored, records) = (world.others().unanchored.clone(), world.memory.dump());
    let login = |record: &Observed| record.attributes.get("userPrincipalName").cloned();
    let kept = |record: &&Observed| {
        record.condition == Condition::Live && unanchored.get(&record.id).is_some_and(|object| source.left.contains(object))
    };
    let mut logins: Vec<Json> = records.iter().filter(kept).filter_map(login).collect();
    let mut waiting = BTreeSet::new();
    let conflicts: Vec<&ObjectRef> =
        held.iter().filter(|row| matches!(row.hold, Hold::Conflict { .. })).map(|row| &row.object).collect();
    let wanted = |object: &ObjectRef| source.users.values().find(|row| row.id == object.id).map(|row| json!(row.user_name));
    for _ in &conflicts {
        for object in &conflicts {
            if wanted(object).is_some_and(|login| logins.contains(&login)) {
                waiting.insert((*object).clone());
                let anchor = json!(anchor_value(object));
                let own = |record: &&Observed| record.attributes.get(&schema().users.anchor) == Some(&anchor);
                logins.extend(records.iter().filter(own).filter_map(login));
            }
        }
    }
    waiting
}

/// What a run did of one operation on one kind: to what, for what is tried again counts once.
type Counts = BTreeMap<(Operation, Kind), BTreeSet<String>>;

/// One of the limits of a rule.
type Which = fn(&Allowance) -> &Limit;

/// How long a window is, less what a run may take between its beginning and its verdict.
const WINDOWS: [(Which, Millis); 3] =
    [(|rule| &rule.run, 0), (|rule| &rule.hour, 50 * 60_000), (|rule| &rule.day, 23 * 3_600_000)];

/// No run did more than its limits allow, nor several in an hour or a day, unless somebody approved it: what is approved is not counted,
/// and what comes after it is counted anew.
async fn guards(world: &World, store: &Store) -> anyhow::Result<()> {
    let mut runs = store.runs(Some(&world.target.name), 10_000).await?;
    runs.sort_by_key(|run| run.started_at);
    let mut since: Vec<(Millis, Counts)> = Vec::new();
    for run in runs {
        if run.reason == Reason::Operator {
            since.clear();
            continue;
        }
        since.push((run.started_at, counts(world, store, &run).await?));
        for (limit, length) in WINDOWS {
            let mut sum = Counts::new();
            for (_, counts) in since.iter().rev().take_while(|(began, _)| run.started_at - began <= length) {
                counts.iter().for_each(|(what, which)| sum.entry(*what).or_default().extend(which.iter().cloned()));
                // A run that begins in the same millisecond is another run.
                if length == 0 {
                    break;
                }
            }
            for ((operation, kind), which) in sum {
                let rule = world.target.limits.rule(operation, kind, Share::Linked);
                let allowed = rule.map_or(u64::MAX, |rule| limit(&rule.allowance).count);
                let what = operation.as_str();
                let count = which.len() as u64;
                ensure!(count <= allowed, "{what} of {which:?} within {length} ms until run {}; {allowed} are allowed", run.id);
            }
        }
    }
    Ok(())
}

/// What a run tried to do.
async fn counts(world: &World, store: &Store, run: &RunRow) -> anyhow::Result<Counts> {
    let mut counts = Counts::new();
    for line in store.guarded_lines(&run.id, 0, 10_000).await? {
        let tried = !matches!(line.state, LineState::Planned | LineState::Held | LineState::Dropped);
        if let (true, Decision::Change(change)) = (tried, &line.decision) {
            for counted in entrain_plan::counted(change, &schema(), &world.target.limits) {
                let which = format!("{} {} {}", change.object, counted.about, counted.fingerprint);
                counts.entry((counted.operation, change.object.kind)).or_default().insert(which);
            }
        }
    }
    Ok(counts)
}

/// The target against the source.
struct Truth<'a> {
    world: &'a World,
    source: &'a Source,
    /// These keep what they had.
    waiting: BTreeSet<ObjectRef>,
    live: Vec<Observed>,
    /// The live record of each object that carries its anchor.
    records: BTreeMap<ObjectRef, Observed>,
}

impl<'a> Truth<'a> {
    fn new(world: &'a World, source: &'a Source, waiting: BTreeSet<ObjectRef>) -> anyhow::Result<Self> {
        let live: Vec<_> = world.memory.dump().into_iter().filter(|record| record.condition == Condition::Live).collect();
        let mut records = BTreeMap::new();
        for object in (0..8).map(user).chain((0..8).map(group)) {
            let anchor = schema().of(object.kind).anchor.clone();
            let carries =
                |r: &&Observed| r.kind == object.kind && r.attributes.get(&anchor) == Some(&json!(anchor_value(&object)));
            let found: Vec<_> = live.iter().filter(carries).cloned().collect();
            ensure!(found.len() <= 1, "{object} has {} records: {found:?}", found.len());
            records.extend(found.into_iter().map(|record| (object.clone(), record)));
        }
        Ok(Self { world, source, waiting, live, records })
    }

    fn check(&self) -> anyhow::Result<()> {
        for row in
            self.source.users.values().filter(|row| !self.waiting.contains(&ObjectRef { kind: Kind::User, id: row.id.clone() }))
        {
            let record = self.of(&ObjectRef { kind: Kind::User, id: row.id.clone() })?;
            let expect = [
                ("userPrincipalName", json!(row.user_name)),
                ("accountEnabled", json!(row.active)),
                ("displayName", json!(row.display_name)),
                ("jobTitle", row.document.get("title").cloned().unwrap_or(Json::Null)),
            ];
            for (name, value) in expect {
                let is = record.attributes.get(name).cloned().unwrap_or(Json::Null);
                ensure!(is == value, "user {}: {name} is {is} and shall be {value}", row.id);
            }
            self.manager(record, row.manager.as_ref().map(|id| ObjectRef { kind: Kind::User, id: id.clone() }))?;
        }
        for (n, row) in &self.source.groups {
            let record = self.of(&group(*n))?;
            let is = record.attributes.get("displayName");
            ensure!(is == Some(&json!(row.display_name)), "group {n}: displayName is {is:?}");
            self.members(*n, record)?;
        }
        self.leavers()
    }

    fn of(&self, object: &ObjectRef) -> anyhow::Result<&Observed> {
        self.records.get(object).ok_or_else(|| anyhow::anyhow!("{object} has no record among {:#?}", self.live))
    }

    fn is_present(&self, object: &ObjectRef) -> bool {
        let n = object.id.as_str()[1..].parse::<u8>().unwrap_or(u8::MAX);
        match object.kind {
            Kind::User => self.source.users.contains_key(&n),
            Kind::Group => self.source.groups.contains_key(&n),
        }
    }

    /// Others of ours that this record refers to; those that left the source stay as they were.
    fn referred(&self, record: &Observed, relation: Relation) -> BTreeSet<ObjectRef> {
        let ids: BTreeSet<&TargetId> = record.references.iter().filter(|r| r.relation == relation).map(|r| &r.to).collect();
        let ours = self.records.iter().filter(|(object, record)| ids.contains(&record.id) && self.is_present(object));
        ours.map(|(object, _)| object.clone()).collect()
    }

    fn manager(&self, record: &Observed, wanted: Option<ObjectRef>) -> anyhow::Result<()> {
        let wanted: BTreeSet<ObjectRef> = wanted.into_iter().filter(|manager| self.is_present(manager)).collect();
        let is = self.referred(record, Relation::Manager);
        ensure!(is == wanted, "the managers of {} are {is:?} and shall be {wanted:?}", record.id);
        Ok(())
    }

    fn members(&self, n: u8, record: &Observed) -> anyhow::Result<()> {
        let wanted: BTreeSet<ObjectRef> = self.source.members.iter().filter(|(g, _)| *g == n).map(|(_, m)| m.clone()).collect();
        let is = self.referred(record, Relation::Member);
        ensure!(is == wanted, "the members of group {n} are {is:?} and shall be {wanted:?}");
        if self.world.others().intruded.contains(&record.id) {
            let stays = record.references.iter().any(|r| r.to.as_str() == "s-visitor");
            ensure!(stays, "a stranger was taken out of group {n}");
        }
        Ok(())
    }

    /// Objects that left have what the policy says, and nothing is there that nobody asked for.
    fn leavers(&self) -> anyhow::Result<()> {
        let others = self.world.others();
        let left = |(object, record): &(&ObjectRef, &Observed)| !self.is_present(object) && !others.let_go.contains(&record.id);
        for (object, record) in self.records.iter().filter(left) {
            let removal = self.world.target.policy.user_removal;
            ensure!(removal.delete_after_days.is_none(), "{object} left and has a record still: {record:?}");
            if object.kind == Kind::User && removal.disable.is_taken() {
                let enabled = record.attributes.get("accountEnabled");
                ensure!(enabled == Some(&json!(false)), "{object} left and can still sign in");
            }
        }
        let known: BTreeSet<&TargetId> = self.records.values().map(|record| &record.id).collect();
        // Whose anchor was cleared is nobody's, once its object left or another record took its place while it was in the bin.
        let given_up = |id: &TargetId| {
            others.unanchored.get(id).is_some_and(|object| self.source.left.contains(object) || others.discarded.contains(id))
        };
        let strays = self.live.iter().filter(|r| !known.contains(&r.id) && !is_stranger(&r.id) && !given_up(&r.id));
        let strays: Vec<_> = strays.collect();
        ensure!(strays.is_empty(), "records that nobody asked for: {strays:?}");
        Ok(())
    }
}
