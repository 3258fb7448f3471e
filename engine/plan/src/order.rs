//! In which order changes that want each other's unique values are made.

use std::collections::{BTreeMap, BTreeSet};

use entrain_model::{Action, Change, Decision, Hold, ObjectRef, Phase, Schema, TargetId};
use serde::{Deserialize, Serialize};

use crate::Suspicion;
use crate::claims::disables;
use crate::parking;

/// A unique value that a planned change wants and a live record has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dependency {
    /// The change that wants it.
    pub seq: i64,
    /// The attribute.
    pub attribute: String,
    /// The folded value.
    pub value: String,
    /// The record that has it.
    pub holder: TargetId,
    /// The object that this record is linked to.
    pub holder_object: Option<ObjectRef>,
    /// The change of the same run that gives it up.
    pub freed_by: Option<i64>,
}

/// Where the changes go. Changes that are not named stay where they are, at rank 0.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Ordering {
    /// Changes with their place.
    pub placed: Vec<Placed>,
    /// Changes to be added: each breaks a cycle.
    pub parkings: Vec<Parking>,
    /// Changes that cannot be made.
    pub held: Vec<Held>,
    /// Deletions and creations of one unique value, for the guard.
    pub recreated: Vec<Suspicion>,
}

/// The place of a change: within a phase, ranks go one after the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Placed {
    /// The change.
    pub seq: i64,
    /// Its phase.
    pub phase: Phase,
    /// Its rank.
    pub rank: i64,
}

/// An update that gives up unique values by taking ones that nobody wants, before the change `seq` of the same record.
#[derive(Clone, Debug, PartialEq)]
pub struct Parking {
    /// The change of the same object that follows later.
    pub seq: i64,
    /// The update, in [`Phase::Releases`].
    pub change: Change,
    /// Its rank.
    pub rank: i64,
}

/// A change that cannot be made, and the decisions that take its place: a hold, and the block of a sign-in if it held one.
#[derive(Clone, Debug, PartialEq)]
pub struct Held {
    /// The change.
    pub seq: i64,
    /// What replaces it.
    pub instead: Vec<Decision>,
}

/// Orders the changes so that each value is free when it is taken. `changes` has every change that `wants` names.
///
/// A want that nothing frees holds its change, and every change that waits for that one. A cycle is broken at its
/// smallest object: it takes parking values first. The result depends on nothing but the arguments.
pub fn order(changes: &BTreeMap<i64, Change>, wants: &[Dependency], schema: &Schema) -> Ordering {
    let held = hold_hopeless(changes, wants, schema);
    let dropped: BTreeSet<i64> = held.iter().map(|held| held.seq).collect();
    let edges: Vec<&Dependency> =
        wants.iter().filter(|want| !dropped.contains(&want.seq) && want.freed_by != Some(want.seq)).collect();
    let mut graph = Graph::new(changes, &edges);
    let mut parkings = Vec::new();
    while let Some(seq) = graph.settle() {
        if let Some(change) = graph.park(seq) {
            parkings.push(Parking { seq, change, rank: 0 });
        }
    }
    Ordering { placed: graph.placed(), parkings, held, recreated: recreated(changes, wants) }
}

fn recreated(changes: &BTreeMap<i64, Change>, wants: &[Dependency]) -> Vec<Suspicion> {
    let pair = |want: &Dependency| {
        let (created, deleted) = (changes.get(&want.seq)?, changes.get(&want.freed_by?)?);
        let both = matches!((&created.action, &deleted.action), (Action::Create { .. }, Action::Delete { .. }));
        both.then(|| Suspicion::Recreated {
            attribute: want.attribute.clone(),
            value: want.value.clone(),
            deleted: deleted.object.clone(),
            created: created.object.clone(),
        })
    };
    wants.iter().filter_map(pair).collect()
}

/// The wants that cannot be met, and what waits for them.
fn hold_hopeless(changes: &BTreeMap<i64, Change>, wants: &[Dependency], schema: &Schema) -> Vec<Held> {
    let mut reasons: BTreeMap<i64, Hold> = BTreeMap::new();
    let mut waiting: BTreeMap<i64, Vec<&Dependency>> = BTreeMap::new();
    let mut next = Vec::new();
    for want in wants {
        match want.freed_by.and_then(|seq| changes.get(&seq)).map(|change| &change.action) {
            Some(Action::Update { .. }) => waiting.entry(want.freed_by.unwrap_or_default()).or_default().push(want),
            Some(Action::Delete { .. }) => next.push((want, "which this run deletes at its end: the value is free for the next")),
            _ => next.push((want, "and no change of this run frees it: give one of them another value")),
        }
    }
    while let Some((want, why)) = next.pop() {
        if reasons.contains_key(&want.seq) {
            continue;
        }
        reasons.insert(want.seq, conflict(want, why));
        let followers = waiting.get(&want.seq).into_iter().flatten();
        next.extend(followers.map(|want| (*want, "and the change that would free it is held itself")));
    }
    let hold = |(seq, hold)| Some(Held { seq, instead: instead(changes.get(&seq)?, hold, schema) });
    reasons.into_iter().filter_map(hold).collect()
}

fn conflict(want: &Dependency, why: &str) -> Hold {
    let Dependency { attribute, value, holder, .. } = want;
    let whose = match &want.holder_object {
        Some(object) => format!("{object} (record {holder})"),
        None => format!("record {holder}, which is linked to no object of the source"),
    };
    Hold::Conflict { attribute: attribute.clone(), detail: format!("\"{value}\" belongs to {whose}, {why}") }
}

/// A hold, and what of the change goes ahead all the same.
fn instead(change: &Change, hold: Hold, schema: &Schema) -> Vec<Decision> {
    let schema = schema.of(change.object.kind);
    let mut decisions = Vec::new();
    if let Action::Update { id, edits } = &change.action
        && disables(&change.action, schema)
    {
        let edits = edits.iter().filter(|edit| Some(edit.attribute.as_str()) == schema.enabled).cloned().collect();
        let action = Action::Update { id: id.clone(), edits };
        decisions.push(Decision::Change(Change { phase: Phase::Leavers, action, ..change.clone() }));
    }
    decisions.push(Decision::Hold(change.object.clone(), hold));
    decisions
}

/// Changes as nodes; an edge leads from a change to one that must be done before.
struct Graph<'a> {
    changes: &'a BTreeMap<i64, Change>,
    /// What each change still waits for.
    before: BTreeMap<i64, Vec<&'a Dependency>>,
    /// Who waits for a change.
    after: BTreeMap<i64, Vec<&'a Dependency>>,
    /// The least rank that each may have.
    rank: BTreeMap<i64, i64>,
    /// Without anything to wait for.
    ready: Vec<i64>,
    /// Those that wait, smallest object first, to be tried for cycles.
    suspects: std::vec::IntoIter<i64>,
}

impl<'a> Graph<'a> {
    fn new(changes: &'a BTreeMap<i64, Change>, edges: &[&'a Dependency]) -> Self {
        let mut graph = Graph {
            changes,
            before: BTreeMap::new(),
            after: BTreeMap::new(),
            rank: BTreeMap::new(),
            ready: Vec::new(),
            suspects: Vec::new().into_iter(),
        };
        for edge in edges {
            let Some(freed_by) = edge.freed_by else { continue };
            graph.before.entry(edge.seq).or_default().push(edge);
            graph.before.entry(freed_by).or_default();
            graph.after.entry(freed_by).or_default().push(edge);
        }
        graph.rank = graph.before.keys().map(|seq| (*seq, 0)).collect();
        graph.ready = graph.before.iter().filter(|(_, before)| before.is_empty()).map(|(seq, _)| *seq).collect();
        let mut suspects: Vec<i64> = graph.before.keys().copied().collect();
        suspects.sort_by_key(|seq| (changes.get(seq).map(|change| &change.object), *seq));
        graph.suspects = suspects.into_iter();
        graph
    }

    /// Ranks what waits for nothing that is left. Returns a change on a cycle if only such remain.
    fn settle(&mut self) -> Option<i64> {
        while let Some(done) = self.ready.pop() {
            let next = self.rank.get(&done).copied().unwrap_or_default() + 1;
            for edge in self.after.get(&done).cloned().unwrap_or_default() {
                self.meet(edge, next);
            }
        }
        loop {
            let suspect = self.suspects.next()?;
            if self.is_on_cycle(suspect) {
                return Some(suspect);
            }
        }
    }

    /// One thing less to wait for.
    fn meet(&mut self, edge: &'a Dependency, rank: i64) {
        let Some(before) = self.before.get_mut(&edge.seq) else { return };
        let waited = before.len();
        before.retain(|other| !std::ptr::eq(*other, edge));
        let last = waited > 0 && before.is_empty();
        self.rank.entry(edge.seq).and_modify(|least| *least = rank.max(*least));
        if last {
            self.ready.push(edge.seq);
        }
    }

    fn is_on_cycle(&self, start: i64) -> bool {
        let mut seen = BTreeSet::new();
        let mut next = vec![start];
        while let Some(seq) = next.pop() {
            for edge in self.before.get(&seq).into_iter().flatten() {
                let Some(before) = edge.freed_by else { continue };
                if before == start {
                    return true;
                }
                if seen.insert(before) {
                    next.push(before);
                }
            }
        }
        false
    }

    /// Frees what others wait for by a parking update; nobody waits for the change itself any more.
    fn park(&mut self, seq: i64) -> Option<Change> {
        let waiting = self.after.remove(&seq).unwrap_or_default();
        let parking = self.changes.get(&seq).and_then(|change| parking::rename(change, &waiting));
        for edge in waiting {
            self.meet(edge, 1);
        }
        parking
    }

    /// What frees a value goes to the releases, unless it comes before them anyway; so does a leaver that must wait.
    fn placed(&self) -> Vec<Placed> {
        let place = |(seq, rank): (&i64, &i64)| {
            let change = self.changes.get(seq)?;
            let early = change.phase < Phase::Releases;
            let moved = if early { *rank > 0 } else { self.after.contains_key(seq) };
            let (phase, rank) = if moved { (Phase::Releases, *rank) } else { (change.phase, 0) };
            Some(Placed { seq: *seq, phase, rank })
        };
        self.rank.iter().filter_map(place).collect()
    }
}
