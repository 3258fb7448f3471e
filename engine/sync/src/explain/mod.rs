//! Everything about one object: what the source says, what the rules make of it, what would be done now, and why not.
//!
//! The answer comes from the same steps as a run's, and nothing of it stays: the rows that a run would store are supposed
//! within a transaction that is rolled back.

mod mapped;
mod scope;

use std::collections::BTreeMap;
use std::sync::Arc;

use entrain_mapping::Origin;
use entrain_model::{
    Action, Attributes, Candidate, Change, Decision, Desired, Kind, Millis, ObjectRef, ObjectState, Reason, RunId, Scope,
    anchor_value,
};
use entrain_plan::{Fit, Origin as Found, fits, left_to_target, permits, plan};
use entrain_store::{About, DesiredRow, Halt, Key, RunKind, Supposition};

pub use scope::Rule;

use crate::engine::{Ask, Run};
use crate::map::{Learned, rows};
use crate::{Engine, Silent, SyncError, Target, decide, leaving, lookup};

/// References that are shown; whoever wants all of them plans.
const REFERENCES: usize = 50;
/// Effects that are shown.
const EFFECTS: usize = 10;
/// Objects that are named instead of an unknown one.
const SIMILAR: usize = 5;

/// What an explanation begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Knowledge {
    /// What the database knows. Nothing is asked.
    Remembered,
    /// The object's record, or what its keys find, is read first.
    Fresh,
}

/// Everything about one object in one target.
#[derive(Clone, Debug)]
pub struct Explanation {
    /// Which.
    pub object: ObjectRef,
    /// What the source has.
    pub source: Source,
    /// The rules that decide whether it belongs to the target, in order, up to the one that says no.
    pub rules: Vec<Rule>,
    /// What the mapping makes of it, or why it fails. None if the source does not have it.
    pub mapping: Option<Result<Desired, Box<Halt>>>,
    /// By attribute, where its value comes from; what wins stands last.
    pub origins: BTreeMap<String, Vec<Origin>>,
    /// The matching keys, strongest first, and what each finds.
    pub keys: Vec<(Key, Vec<(Candidate, Fit)>)>,
    /// Link, record, contests: what a run would plan from. None if the object was never seen.
    pub state: Option<ObjectState>,
    /// What would be done now, and whether the mode of the target lets it.
    pub plan: Vec<(Decision, Permission)>,
    /// The values that differ from what the mapping says and are the target's to decide.
    pub left_to_target: Vec<String>,
    /// When its record is deleted, if it left and nothing changes that.
    pub deletes_at: Option<Millis>,
    /// What else stands about it.
    pub about: About,
    /// Why the target is halted.
    pub halt: Option<Halt>,
}

/// What the source has of the object.
#[derive(Clone, Debug, PartialEq)]
pub enum Source {
    /// This record, in this version.
    Present(i64, Attributes),
    /// It was there once.
    Deleted,
    /// It was never there; these are near.
    Unknown(Vec<ObjectRef>),
}

/// Whether something that is planned would be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Permission {
    /// It would, as far as the guard lets it.
    Given,
    /// The mode of the target leaves it.
    LeftByMode,
}

impl Engine {
    /// Explains one object. Writes neither to the target nor to what a run would find in the database; a fresh look brings
    /// what is known of the object's record up to date.
    pub async fn explain(
        &self,
        target: &Arc<Target>,
        object: &ObjectRef,
        knowledge: Knowledge,
    ) -> Result<Explanation, SyncError> {
        let store = self.store();
        let stored = store.target(&target.name).await?;
        let halt = stored.as_ref().and_then(|row| row.halt.clone());
        let about = store.about(&target.name, object, EFFECTS).await?;
        let Some(record) = store.source_records(std::slice::from_ref(object)).await?.pop() else {
            return self.without_source(target, object, about, halt).await;
        };
        let source = Source::Present(record.version, record.attributes.clone());
        let row = rows(store, target, vec![record.clone()]).await?.pop();
        let ask = Ask { kind: RunKind::DryRun, ..Ask::sync(Scope::Only([object.clone()].into()), Reason::Operator) };
        let mut run = self.run_of(target, stored.as_ref(), &ask, RunId::from(""), &Silent);
        let mut explanation = Explanation {
            object: object.clone(),
            source,
            rules: Vec::new(),
            mapping: None,
            origins: BTreeMap::new(),
            keys: Vec::new(),
            state: None,
            plan: Vec::new(),
            left_to_target: Vec::new(),
            deletes_at: None,
            about,
            halt,
        };
        match row {
            Some(Ok(row)) => {
                explanation.rules = scope::rules(target, object.kind, &row.desired);
                explanation.origins = mapped::origins(store, target, &record, &row.desired).await?;
                explanation.mapping = Some(Ok(row.desired.clone()));
                if knowledge == Knowledge::Fresh {
                    read(&mut run, &row, &explanation).await?;
                }
                explanation.suppose(&run, &row, knowledge).await?;
            }
            Some(Err(failed)) => explanation.mapping = Some(Err(failed)),
            None => {}
        }
        Ok(explanation)
    }

    async fn without_source(
        &self,
        target: &Arc<Target>,
        object: &ObjectRef,
        about: About,
        halt: Option<Halt>,
    ) -> Result<Explanation, SyncError> {
        let store = self.store();
        let ask = Ask::sync(Scope::Only([object.clone()].into()), Reason::Operator);
        let run = self.run_of(target, None, &ask, RunId::from(""), &Silent);
        let anchors = BTreeMap::from([(object.clone(), anchor_value(object))]);
        let state = store.states(&target.name, i64::MAX, std::slice::from_ref(object), &anchors).await?.pop();
        let seen = state.filter(|state| state.basis.source > 0 || state.link.is_some());
        let mut explanation = Explanation {
            object: object.clone(),
            source: Source::Deleted,
            rules: Vec::new(),
            mapping: None,
            origins: BTreeMap::new(),
            keys: Vec::new(),
            state: None,
            plan: Vec::new(),
            left_to_target: Vec::new(),
            deletes_at: None,
            about,
            halt,
        };
        match seen {
            Some(state) => explanation.decide(&run, state),
            None => explanation.source = Source::Unknown(store.similar(object, SIMILAR).await?),
        }
        Ok(explanation)
    }
}

/// Brings what is known of the record up to date, as a run over the object would if it doubted all of it.
async fn read(run: &mut Run<'_>, row: &DesiredRow, explanation: &Explanation) -> Result<(), SyncError> {
    run.know_domains().await?;
    if let Some(link) = &explanation.about.link {
        return lookup::ask_again(run, &BTreeMap::from([(row.object.clone(), link.link.id.clone())])).await;
    }
    let learned = Learned { keys: vec![(row.object.clone(), row.keys.clone())], ..Learned::default() };
    lookup::lookup(run, &learned).await.map(drop)
}

impl Explanation {
    /// Plans as if the row stood in the database.
    async fn suppose(&mut self, run: &Run<'_>, row: &DesiredRow, knowledge: Knowledge) -> Result<(), SyncError> {
        let mut supposed = run.store().suppose(&run.target.name, std::slice::from_ref(row)).await?;
        let generation = if knowledge == Knowledge::Fresh { 0 } else { i64::MAX };
        let anchors = BTreeMap::from([(row.object.clone(), anchor_value(&row.object))]);
        let state = supposed.states(generation, std::slice::from_ref(&row.object), &anchors).await?.pop();
        if let Some(state) = state {
            self.keys = keys(run, row, &state);
            self.decide(run, state);
            self.references(run, &mut supposed).await?;
        }
        Ok(())
    }

    fn decide(&mut self, run: &Run<'_>, state: ObjectState) {
        let decisions = plan(&state, run.target.schema(), &run.policy);
        self.left_to_target = left_to_target(&state, run.target.schema().of(state.object.kind), &run.policy);
        self.plan.extend(decisions.into_iter().map(|decision| permitted(run, decision, Found::Found)));
        self.deletes_at = leaving::deletes_at(&state, &run.policy);
        self.state = Some(state);
    }

    async fn references(&mut self, run: &Run<'_>, supposed: &mut Supposition) -> Result<(), SyncError> {
        let mut is_new = self.about.link.is_none();
        for (decision, _) in &self.plan {
            if let Decision::Change(Change { object, action: Action::Link { id, .. }, .. }) = decision {
                supposed.link(object, id).await?;
                is_new = false;
            }
        }
        let origin = if is_new { Found::Made } else { Found::Found };
        let found = supposed.references(&self.object, leaving::memberships(&run.policy), REFERENCES).await?;
        for change in found.into_iter().filter(|one| run.target.relations.contains(&one.relation)) {
            self.plan.push(permitted(run, decide::decided(change, &BTreeMap::new()), origin));
        }
        Ok(())
    }
}

fn permitted(run: &Run<'_>, decision: Decision, origin: Found) -> (Decision, Permission) {
    let left = matches!(&decision, Decision::Change(change) if !permits(run.target.mode, &change.action, origin));
    let observed = run.target.mode == entrain_model::Mode::Observe && matches!(decision, Decision::Change(_));
    (decision, if left || observed { Permission::LeftByMode } else { Permission::Given })
}

/// Each key of the object with what it finds. A linked object is not looked for.
fn keys(run: &Run<'_>, row: &DesiredRow, state: &ObjectState) -> Vec<(Key, Vec<(Candidate, Fit)>)> {
    let kind: Kind = row.object.kind;
    let fits = fits(state, run.target.schema().of(kind));
    let all: Vec<_> = state.candidates.iter().cloned().zip(fits).collect();
    let found = |key: &Key| all.iter().filter(|(candidate, _)| candidate.rank == key.rank).cloned().collect();
    row.keys.iter().map(|key| (key.clone(), found(key))).collect()
}
