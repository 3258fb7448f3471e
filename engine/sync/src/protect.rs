//! What a run knows of who is protected, and when that is not enough to go on.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

use entrain_model::{Action, Decision, Hold, Millis, ObjectRef, ObjectState, Policy, Query, Read, Subset, TargetId};
use entrain_plan::{blocked, is_guarded, shield};
use entrain_store::PlannedLine;

use crate::SyncError;
use crate::discover::{complete, stop};
use crate::engine::{Run, millis};
use crate::sink::Holders;

/// What a run knows of who is protected.
#[derive(Debug, Default)]
pub(crate) struct Knowledge(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    /// This run asked.
    asked: bool,
    /// When somebody asked last and was told.
    at: Option<Millis>,
    /// Why nobody told.
    unread: Option<String>,
    /// Who can administer the target when all that was planned so far is done.
    administrators: Option<BTreeSet<TargetId>>,
}

impl Knowledge {
    fn with<T>(&self, see: impl FnOnce(&mut Known) -> T) -> T {
        see(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Run<'_> {
    /// Takes the protected list of the configuration, and what earlier runs found out.
    pub(crate) async fn recall_protection(&self) -> Result<(), SyncError> {
        let (store, name) = (self.store(), &self.target.name);
        store.put_protected_list(name, &self.policy.protected).await?;
        let last = store.protection_read(name).await?;
        self.protection.with(|known| (known.at, known.unread) = (last.at, last.unread));
        Ok(())
    }

    /// Asks the target who is protected. What it does not tell is remembered as not told.
    pub(crate) async fn read_protection(&self) -> Result<(), SyncError> {
        let (store, name) = (self.store(), &self.target.name);
        let (read, mut holders) = self.holders().await?;
        let known = store.privileged(name).await?;
        let (read, holders) = if matches!(read, Read::Complete(_)) && !holders.have(&known) {
            // A list that lost a page looks complete: whoever seems to be protected no more is asked for once more.
            let (again, more) = self.holders().await?;
            holders.join(more);
            (again, holders)
        } else {
            (read, holders)
        };
        let unread = if let Read::Partial(Subset::NotOffered(why)) = read {
            tracing::warn!(target = %name, run = %self.id, "it is not known who is protected: {why}");
            store.privileged_unread(name, &why).await?;
            Some(why)
        } else {
            store.put_privileged(name, &holders.0, &complete(read)?).await?;
            None
        };
        let now = store.now();
        self.protection.with(|known| {
            known.at = if unread.is_none() { Some(now) } else { known.at };
            (known.asked, known.unread, known.administrators) = (true, unread, None);
        });
        Ok(())
    }

    async fn holders(&self) -> Result<(Read, Holders), SyncError> {
        let mut holders = Holders::default();
        let read = self.hands().directory().read(&Query::Privileged, &mut holders).await.map_err(|error| stop(self, error))?;
        Ok((read, holders))
    }

    /// The operator's policy, and why it is not known who is protected.
    pub(crate) fn knowing_policy(&self) -> Policy {
        Policy { unread: self.protection.with(|known| known.unread.clone()), ..self.policy.clone() }
    }

    /// Whether something is planned that wants to know more surely who is protected: whoever is taken over, blocked or deleted
    /// is asked for in this very run, whoever is changed otherwise within a while.
    pub(crate) fn is_ignorant(&self, lines: &[PlannedLine]) -> bool {
        let (asked, at) = self.protection.with(|known| (known.asked, known.at));
        if asked {
            return false;
        }
        let recent = self.store().now().saturating_sub(millis(self.target.timing.protection));
        let stale = at.is_none_or(|at| at < recent);
        lines.iter().any(|line| match &line.decision {
            Decision::Change(change) => {
                is_guarded(change, self.target.schema()) || stale && matches!(change.action, Action::Update { .. })
            }
            Decision::Hold(_, hold) => matches!(hold, Hold::ProtectionUnread { .. }),
        })
    }

    /// Holds what the planner of objects would not have planned: changes of protected records, and, while nobody knows who is
    /// protected, of all whom it would have spared.
    pub(crate) fn shield(&self, lines: &mut [PlannedLine], states: &BTreeMap<ObjectRef, ObjectState>) {
        let policy = self.knowing_policy();
        for line in lines {
            let Decision::Change(change) = &line.decision else { continue };
            let actual = states.get(&change.object).and_then(|state| state.actual.as_ref());
            if let Some(hold) = shield(change, actual, self.target.schema(), &policy) {
                *line = held(change.object.clone(), hold);
            }
        }
    }

    /// Holds what would leave nobody who can administer the target, whatever was approved.
    pub(crate) async fn spare_last_administrator(&self, lines: &mut [PlannedLine]) -> Result<(), SyncError> {
        let schema = self.target.schema();
        let Some(enabled) = schema.users.enabled else { return Ok(()) };
        for line in lines {
            let Decision::Change(change) = &line.decision else { continue };
            let Some(id) = blocked(&change.action, schema.of(change.object.kind)).cloned() else { continue };
            if self.protection.with(|known| known.administrators.is_none()) {
                let administrators = self.store().active_administrators(&self.target.name, enabled).await?;
                self.protection.with(|known| known.administrators = Some(administrators));
            }
            let last = self.protection.with(|known| {
                let left = known.administrators.get_or_insert_default();
                let last = left.len() == 1 && left.contains(&id);
                if !last {
                    left.remove(&id);
                }
                last
            });
            if last {
                let detail = format!(
                    "record {id} is the only one left that can administer the target and sign in; it is never blocked or deleted: give the role to somebody else first"
                );
                *line = held(change.object.clone(), Hold::LastAdministrator { detail });
            }
        }
        Ok(())
    }
}

fn held(object: ObjectRef, hold: Hold) -> PlannedLine {
    Decision::Hold(object, hold).into()
}
