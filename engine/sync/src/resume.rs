//! Trying a mapping on the source without writing anything, and letting a halted target go on.

use std::collections::BTreeMap;
use std::sync::Arc;

use entrain_model::{Desired, Kind, ObjectRef, SourceId, TargetName};
use entrain_store::{Halt, HaltKind};
use serde_json::{Value as Json, json};

use crate::engine::PAGE;
use crate::{Engine, SyncError, Target, discover, map};

/// What a mapping makes of the whole source.
#[derive(Clone, Debug, Default)]
pub struct Checked {
    /// Objects by what shall become of them: `present`, `out_of_scope`.
    pub objects: BTreeMap<&'static str, u64>,
    /// How many failed.
    pub failed: u64,
    /// The first of those that failed.
    pub errors: Vec<Halt>,
}

impl Checked {
    /// As one JSON object.
    pub fn to_json(&self) -> Json {
        json!({ "objects": self.objects, "failed": self.failed, "errors": self.errors })
    }
}

/// What came of an attempt to resume.
#[derive(Clone, Debug)]
pub enum Resumed {
    /// It was not halted.
    NotHalted,
    /// It goes on, and everything is synchronised next.
    Released,
    /// What stopped it still fails.
    StillHalted(Box<Halt>),
}

impl Engine {
    /// Evaluates the mapping for every source object and keeps the first `keep` errors. Writes nothing.
    pub async fn check(&self, target: &Arc<Target>, keep: usize) -> Result<Checked, SyncError> {
        let mut checked = Checked::default();
        for kind in Kind::ALL {
            let mut after: Option<SourceId> = None;
            loop {
                let page = self.store().source_page(kind, after.as_ref(), PAGE).await?;
                let Some(last) = page.last() else { break };
                after = Some(last.object.id.clone());
                for row in map::rows(self.store(), target, page).await? {
                    checked.count(row, keep);
                }
            }
        }
        Ok(checked)
    }

    /// Tries again what stopped the target, and lets it go on if that passes. `hold` parks an object first, with this reason.
    pub async fn resume(&self, target: &Arc<Target>, hold: Option<(&ObjectRef, &str)>) -> Result<Resumed, SyncError> {
        let store = self.store();
        let Some(halt) = store.target(&target.name).await?.and_then(|row| row.halt) else { return Ok(Resumed::NotHalted) };
        if let Some((object, reason)) = hold {
            store.park(&target.name, object, Some(reason)).await?;
        }
        let parked = hold.map(|(object, _)| object);
        if let Some(still) = self.still_fails(target, &halt, parked).await? {
            return Ok(Resumed::StillHalted(Box::new(still)));
        }
        store.resume(&target.name).await?;
        store.set_next_due(&target.name, Some(store.now())).await?;
        tracing::info!(target = %target.name, "resumed; everything is synchronised next");
        Ok(Resumed::Released)
    }

    /// The same for a changed mapping or configuration. What an operator paused goes on by an operator alone.
    pub async fn release(&self, target: &Arc<Target>) -> Result<Resumed, SyncError> {
        let halt = self.store().target(&target.name).await?.and_then(|row| row.halt);
        match halt {
            Some(halt) if halt.kind == HaltKind::Operator => Ok(Resumed::StillHalted(Box::new(halt))),
            Some(_) | None => self.resume(target, None).await,
        }
    }

    /// Stops a target until an operator resumes it: calls on the wire finish, and the queue keeps collecting.
    pub async fn pause(&self, name: &TargetName, reason: &str) -> Result<Halt, SyncError> {
        let store = self.store();
        let halt = Halt {
            since: store.now(),
            leavers_waiting: store.queue_depth(name).await?.removals,
            ..discover::halt(HaltKind::Operator, format!("paused: {reason}"))
        };
        store.halt(name, &halt).await?;
        Ok(halt)
    }

    async fn still_fails(
        &self,
        target: &Arc<Target>,
        halt: &Halt,
        parked: Option<&ObjectRef>,
    ) -> Result<Option<Halt>, SyncError> {
        match (halt.kind, &halt.object) {
            (HaltKind::Mapping, Some(object)) if parked != Some(object) => {
                let records = self.store().source_records(std::slice::from_ref(object)).await?;
                let mut rows = map::rows(self.store(), target, records).await?.into_iter();
                Ok(rows.find_map(Result::err).map(|still| Halt {
                    since: halt.since,
                    leavers_waiting: halt.leavers_waiting,
                    ..*still
                }))
            }
            (HaltKind::Mapping | HaltKind::Operator, _) => Ok(None),
            // A target that cannot be asked now is no longer to blame for its configuration.
            (HaltKind::Configuration, _) => {
                let refused = target.directory.tenant().await.ok().and_then(|tenant| tenant.anchor_refused);
                Ok(refused.map(|message| Halt { message, ..halt.clone() }))
            }
            (HaltKind::Credential, _) => Ok(match target.directory.tenant().await {
                Ok(_) => None,
                Err(error) => Some(Halt { message: error.to_string(), ..halt.clone() }),
            }),
        }
    }
}

impl Checked {
    fn count(&mut self, row: map::Row, keep: usize) {
        let state = match row {
            Ok(row) => match row.desired {
                Desired::Present(_) => "present",
                Desired::Absent(_) => "absent",
                Desired::OutOfScope(_) => "out_of_scope",
                Desired::Held(_) => "held",
            },
            Err(halt) => {
                self.failed += 1;
                if self.errors.len() < keep {
                    self.errors.push(*halt);
                }
                return;
            }
        };
        *self.objects.entry(state).or_default() += 1;
    }
}
