//! What must be true when the storm is over.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::PoisonError;

use anyhow::{bail, ensure};
use entrain_model::{
    Condition, Decision, Kind, Millis, ObjectRef, Observed, Reason, Relation, Scope, Share, Step, TargetId, anchor_value,
};
use entrain_store::{LineState, RunKind, RunRow, RunState, Store};
use entrain_sync::{Ask, Engine, Silent};
use serde_json::{Value as Json, json};

use super::source::{HELD, Source, group, user};
use super::world::World;
use crate::memory::schema;

/// Why the engine is not at rest; `None` if it is. All that happened in the target is visible since `visible`.
pub(super) async fn unrest(world: &World, store: &Store, visible: Millis) -> anyhow::Result<Option<String>> {
    let name = &world.target.name;
    // What is missing longest comes first: this is asked every ten minutes.
    let runs = store.runs(Some(name), 50).await?;
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
    let strays: Vec<_> = holds.iter().filter(|row| !HELD.iter().any(|(id, _)| row.object.id.as_str() == *id)).collect();
    ensure!(strays.is_empty(), "held after everything settled: {strays:?}");
    ensure!(holds.len() == HELD.len(), "strangers are not held: {holds:?}");
    strangers(world)?;
    guards(world, store).await?;
    let source = world.source.lock().unwrap_or_else(PoisonError::into_inner).clone();
    Truth::new(world, &source)?.check()
}

/// Records that are none of ours are as they were.
fn strangers(world: &World) -> anyhow::Result<()> {
    let now = world.memory.dump();
    for before in &world.strangers {
        let after = now.iter().find(|record| (record.kind, &record.id) == (before.kind, &before.id));
        ensure!(after == Some(before), "a stranger was touched: {before:?} -> {after:?}");
    }
    Ok(())
}

/// No run did more than its limits allow, unless somebody approved it.
async fn guards(world: &World, store: &Store) -> anyhow::Result<()> {
    for run in store.runs(Some(&world.target.name), 10_000).await? {
        if run.reason == Reason::Operator {
            continue;
        }
        let mut counted: BTreeMap<String, u64> = BTreeMap::new();
        let mut kinds = BTreeMap::new();
        for line in store.guarded_lines(&run.id, 0, 10_000).await? {
            let tried = !matches!(line.state, LineState::Planned | LineState::Held | LineState::Dropped);
            if let (true, Decision::Change(change)) = (tried, &line.decision) {
                for counts in entrain_plan::counted(change, &schema(), &world.target.limits) {
                    let what = format!("{} of {}s", counts.operation.as_str(), change.object.kind);
                    *counted.entry(what.clone()).or_default() += 1;
                    kinds.insert(what, (counts.operation, change.object.kind));
                }
            }
        }
        for (what, count) in counted {
            let (operation, kind) = kinds[&what];
            let allowed =
                world.target.limits.rule(operation, kind, Share::Linked).map_or(u64::MAX, |rule| rule.allowance.run.count);
            ensure!(count <= allowed, "run {} of {} did {count} of {what}, and {allowed} are allowed", run.id, run.scope);
        }
    }
    Ok(())
}

/// The target against the source.
struct Truth<'a> {
    world: &'a World,
    source: &'a Source,
    live: Vec<Observed>,
    /// The live record of each object that carries its anchor.
    records: BTreeMap<ObjectRef, Observed>,
}

impl<'a> Truth<'a> {
    fn new(world: &'a World, source: &'a Source) -> anyhow::Result<Self> {
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
        Ok(Self { world, source, live, records })
    }

    fn check(&self) -> anyhow::Result<()> {
        for row in self.source.users.values() {
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
        let intruders = self.world.intruders.lock().unwrap_or_else(PoisonError::into_inner);
        if intruders.contains(&record.id.to_string()) {
            let stays = record.references.iter().any(|r| r.to.as_str() == "s-visitor");
            ensure!(stays, "a stranger was taken out of group {n}");
        }
        Ok(())
    }

    /// Objects that left have what the policy says, and nothing is there that nobody asked for.
    fn leavers(&self) -> anyhow::Result<()> {
        for (object, record) in self.records.iter().filter(|(object, _)| !self.is_present(object)) {
            let removal = self.world.target.policy.user_removal;
            match (removal.disable, object.kind) {
                _ if removal.delete_after_days == Some(0) => bail!("{object} left and has a record still: {record:?}"),
                (Step::Skip, _) | (Step::Take, Kind::Group) => {}
                (Step::Take, Kind::User) => {
                    let enabled = record.attributes.get("accountEnabled");
                    ensure!(enabled == Some(&json!(false)), "{object} left and can still sign in");
                }
            }
        }
        let known: BTreeSet<&TargetId> = self.records.values().map(|record| &record.id).collect();
        let strays = self.live.iter().filter(|r| !known.contains(&r.id) && !r.id.as_str().starts_with("s-"));
        let strays: Vec<_> = strays.collect();
        ensure!(strays.is_empty(), "records that nobody asked for: {strays:?}");
        Ok(())
    }
}
