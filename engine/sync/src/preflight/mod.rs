//! Everything that would go wrong, found on the real source and the real target before the first write.
//!
//! The same steps as a run's: map, discover, plan; with tied hands, and a script that fails is a finding here and no halt.
//! Pages go through the database; what must be compared across pages is in tables that go with their connection.

mod finding;
mod planned;
mod source;
mod values;

use std::collections::BTreeSet;
use std::sync::Arc;

use entrain_model::{Desired, DirectoryError, Fault, Hold, Kind, Mode, Reason, Scope, SourceId, SourceRecord, Tenant, fold};
use entrain_store::{DesiredRow, RunKind, RunState, Scratch};

pub use finding::{Check, Finding, Findings};

use crate::engine::{Ask, PAGE, Run};
use crate::map::{Learned, rows};
use crate::{Engine, Progress, Step, SyncError, Target, decide, discover};

/// The check of one target under way.
struct Preflight<'a> {
    run: Run<'a>,
    ask: Ask,
    scratch: Scratch,
    findings: Findings,
    /// The domains whose people sign in elsewhere, folded.
    federated: BTreeSet<String>,
}

impl Engine {
    /// Checks source and target. Writes nothing to the target; the plan that it makes is kept like any plan.
    pub async fn preflight(&self, target: &Arc<Target>, progress: &dyn Progress) -> Result<Findings, SyncError> {
        // What a mode leaves undone is checked as well: the next mode will do it.
        let target = Arc::new(Target { mode: Mode::Observe, ..target.as_ref().clone() });
        let store = self.store();
        let (holder, name) = (self.holder(), target.name.clone());
        let row = store.target(&name).await?;
        let ask = Ask { kind: RunKind::Plan, ..Ask::sync(Scope::Everything, Reason::Operator) };
        let version = target.mapping.version();
        let id = store.begin_run(&name, &ask.scope, ask.reason, &holder, ask.kind, version).await?;
        let mut run = self.run_of(&target, row.as_ref(), &ask, id.clone(), progress);
        run.holder.clone_from(&holder);
        let scratch = store.scratch().await?;
        let mut preflight = Preflight { run, ask, scratch, findings: Findings::default(), federated: BTreeSet::new() };
        let result = preflight.steps().await;
        let (state, report) = match &result {
            Ok(()) => (RunState::Planned, preflight.findings.to_json()),
            Err(error) => (RunState::Failed, serde_json::json!(error.to_string())),
        };
        store.finish_run(&id, state, &serde_json::json!({ "preflight": report })).await?;
        store.release(&name, &holder, None).await?;
        store.release_target(&name, &holder).await?;
        result.map(|()| preflight.findings)
    }
}

impl Preflight<'_> {
    async fn steps(&mut self) -> Result<(), SyncError> {
        self.run.claim(&Scope::Everything).await?;
        self.tenant().await?;
        let learned = self.map().await?;
        source::check(&mut self.scratch, self.run.store(), &mut self.findings).await?;
        if self.discover(&learned).await? {
            decide::decide(&self.run, 0, &self.ask).await?;
            planned::check(self).await?;
        }
        Ok(())
    }

    async fn tenant(&mut self) -> Result<(), SyncError> {
        let facts: Result<Tenant, DirectoryError> = self.run.hands().directory().tenant().await;
        let tenant = facts.map_err(|error| discover::stop(&self.run, error))?;
        if let Some(refused) = &tenant.anchor_refused {
            self.findings.add(Check::AnchorRefused, "", || refused.clone());
        }
        let federated = tenant.domains.iter().filter(|domain| domain.federated);
        self.federated = federated.map(|domain| fold(&domain.name)).collect();
        self.run.learn_domains(discover::verified(tenant)).await
    }

    /// Maps everything, whatever fails.
    async fn map(&mut self) -> Result<Learned, SyncError> {
        let counts = self.run.store().source_counts().await?;
        self.run.progress().begin(Step::Map, Some(counts.users + counts.groups));
        for kind in Kind::ALL {
            let mut after: Option<SourceId> = None;
            loop {
                let page = self.run.store().source_page(kind, after.as_ref(), PAGE).await?;
                let Some(last) = page.last() else { break };
                after = Some(last.object.id.clone());
                self.page(page).await?;
            }
        }
        let (store, name, ruling) = (self.run.store(), &self.run.target.name, self.run.target.ruling());
        let attributes = store.desired_names(name, &ruling).await?;
        store.prune_desired(name).await?;
        Ok(Learned { attributes, ..Learned::default() })
    }

    async fn page(&mut self, page: Vec<SourceRecord>) -> Result<(), SyncError> {
        self.run.still_ours().await?;
        let (store, target) = (self.run.store(), &self.run.target);
        let (mut stored, mut sightings) = (Vec::with_capacity(page.len()), Vec::new());
        // A page is mapped in two halves, which come back in order.
        for (record, row) in page.iter().zip(rows(store, target, page.clone()).await?) {
            let row = match row {
                Ok(row) => row,
                Err(halt) => {
                    let place = halt.script.iter().cloned().chain(halt.line.map(|line| line.to_string()));
                    let place = place.collect::<Vec<_>>().join(":");
                    self.findings.add(Check::MappingError, "", || format!("{}: {place}: {}", record.object, halt.message));
                    failed(record, halt.message)
                }
            };
            if let Desired::Present(wanted) = &row.desired {
                values::check(&self.run, record, wanted, &mut self.findings);
                values::sightings(&self.run.target, record, &row, &mut sightings);
            }
            stored.push(row);
        }
        store.put_desired(&target.name, &stored).await?;
        self.scratch.note(&sightings).await?;
        self.run.progress().advance(page.len() as u64);
        Ok(())
    }

    /// Reads the target. `false` if what a plan needs cannot be read, which is a finding.
    async fn discover(&mut self, learned: &Learned) -> Result<bool, SyncError> {
        match discover::read(&self.run, learned).await {
            Ok(()) => Ok(true),
            Err(SyncError::Incomplete(why)) => {
                self.findings.add(Check::NotReadable, "", || why);
                Ok(false)
            }
            Err(SyncError::Target(error)) if error.fault == Fault::Forbidden => {
                self.findings.add(Check::NotReadable, "", || error.to_string());
                Ok(false)
            }
            Err(other) => Err(other),
        }
    }
}

/// What stands for an object that could not be mapped. It is mapped again by whoever comes next.
fn failed(record: &SourceRecord, detail: String) -> DesiredRow {
    DesiredRow {
        object: record.object.clone(),
        source_version: record.version,
        desired: Desired::Held(Hold::Failed { detail }),
        keys: Vec::new(),
        unique: Vec::new(),
        ruling: String::new(),
        looks_up: None,
    }
}
