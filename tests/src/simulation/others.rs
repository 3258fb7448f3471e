//! Others in the tenant: what they do to it, and how they put right in the end what the engine rightly leaves alone.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{MutexGuard, PoisonError};

use entrain_model::{Condition, Kind, ObjectRef, Observed, Relation, TargetId, anchor_value};
use serde_json::{Value as Json, json};

use super::deeds::{Bin, Tampering, Tie};
use super::source::{group, user};
use super::world::World;
use crate::memory::{Marks, schema};

/// What they did that matters later.
#[derive(Debug, Default)]
pub(super) struct Others {
    /// Groups of ours with a stranger in them.
    pub(super) intruded: BTreeSet<TargetId>,
    /// Strangers that came later, as they were made.
    pub(super) squatters: Vec<Observed>,
    /// Whose anchor was cleared.
    pub(super) unanchored: BTreeMap<TargetId, ObjectRef>,
    /// Which records are nobody's to us: taken out of the recycle bin, or for a while with another's anchor. If their object left
    /// meanwhile, they are not linked any more, and whoever did it decides about them.
    pub(super) let_go: BTreeSet<TargetId>,
    /// Which records were in the recycle bin because of them.
    pub(super) discarded: BTreeSet<TargetId>,
    /// Who was given a role, or to another directory.
    marked: BTreeSet<(Kind, TargetId)>,
    /// The anchor that another one stands in place of.
    usurped: BTreeMap<(Kind, TargetId), Json>,
}

/// Nobody of ours: those who were there before, and those who come later.
pub(super) fn is_stranger(id: &TargetId) -> bool {
    id.as_str().starts_with("s-")
}

impl World {
    pub(super) fn others(&self) -> MutexGuard<'_, Others> {
        self.others.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn tamper(&self, tampering: &Tampering) {
        let edit = |record: &Observed, name: &str, value: Json| {
            self.memory.edit(record.kind, record.id.as_str(), &[(name.to_owned(), value)].into());
        };
        match tampering {
            Tampering::Drift { nth, title } => {
                self.ours(*nth, None, |one| edit(one, "jobTitle", json!(format!("Drift {title}"))))
            }
            Tampering::Rename { nth, name } => {
                self.ours(*nth, None, |one| edit(one, "displayName", json!(format!("Renamed {name}"))))
            }
            Tampering::Enable(nth) => self.ours(*nth, Some(Kind::User), |one| edit(one, "accountEnabled", json!(true))),
            Tampering::Unanchor(nth) => self.ours(*nth, None, |one| self.unanchor(one)),
            Tampering::Usurp(nth) => self.ours(*nth, None, |one| self.usurp(one)),
            Tampering::Promote(nth) => self.ours(*nth, Some(Kind::User), |one| self.mark(one, |marks| marks.privileged = true)),
            Tampering::Master(nth) => self.ours(*nth, None, |one| self.mark(one, |marks| marks.mastered_elsewhere = true)),
            Tampering::Tie(tie) => self.tie(tie),
            Tampering::Bin(bin) => self.dispose(bin),
            Tampering::Squat(login) => self.squat(*login),
        }
    }

    /// Changes of references.
    fn tie(&self, tie: &Tie) {
        match tie {
            Tie::Manage { nth, manager } => self.ours(*nth, Some(Kind::User), |one| {
                self.ours(*manager, Some(Kind::User), |other| {
                    if other.id != one.id {
                        self.memory.refer(Relation::Manager, one.id.as_str(), Kind::User, other.id.as_str());
                    }
                });
            }),
            Tie::Strip(nth) => self.ours(*nth, Some(Kind::Group), |one| {
                let mut members = one.references.iter().filter(|r| !is_stranger(&r.to));
                if let Some((kind, to)) = members.next().and_then(|r| Some((r.to_kind?, &r.to))) {
                    self.memory.unrefer(Relation::Member, one.id.as_str(), kind, to.as_str());
                }
            }),
            Tie::Enrol { nth, group } => self.ours(*group, Some(Kind::Group), |group| {
                self.ours(*nth, Some(Kind::User), |one| {
                    self.memory.refer(Relation::Member, group.id.as_str(), Kind::User, one.id.as_str());
                });
            }),
            Tie::Invite(nth) => self.ours(*nth, Some(Kind::User), |one| {
                self.memory.refer(Relation::Member, "s-club", Kind::User, one.id.as_str());
            }),
            Tie::Intrude(nth) => self.ours(*nth, Some(Kind::Group), |one| {
                self.memory.refer(Relation::Member, one.id.as_str(), Kind::User, "s-visitor");
                self.others().intruded.insert(one.id.clone());
            }),
        }
    }

    /// Into the recycle bin, and out of it.
    fn dispose(&self, dispose: &Bin) {
        let bin = |nth: u8, take: &dyn Fn(&Observed)| {
            let deleted = |record: &Observed| record.condition == Condition::Deleted && !is_stranger(&record.id);
            if let Some(record) = self.memory.dump().into_iter().filter(deleted).nth(usize::from(nth)) {
                take(&record);
            }
        };
        match dispose {
            Bin::Discard(nth) => self.ours(*nth, None, |one| {
                self.memory.delete(one.kind, one.id.as_str());
                self.others().discarded.insert(one.id.clone());
            }),
            // Where another has its login by now, the tenant refuses it.
            Bin::Undelete(nth) => bin(*nth, &|one| {
                if self.memory.undelete(one.kind, one.id.as_str()).is_ok() {
                    self.others().let_go.insert(one.id.clone());
                }
            }),
            Bin::Purge(nth) => bin(*nth, &|one| self.memory.purge(one.kind, one.id.as_str())),
        }
    }

    fn mark(&self, record: &Observed, change: impl FnOnce(&mut Marks)) {
        self.memory.mark(record.kind, record.id.as_str(), change);
        self.others().marked.insert((record.kind, record.id.clone()));
    }

    fn unanchor(&self, record: &Observed) {
        let anchor = schema().of(record.kind).anchor.clone();
        let Some(object) = whose(record) else { return };
        self.memory.edit(record.kind, record.id.as_str(), &[(anchor, Json::Null)].into());
        self.others().unanchored.insert(record.id.clone(), object);
    }

    fn usurp(&self, record: &Observed) {
        let anchor = schema().of(record.kind).anchor.clone();
        if whose(record).is_none() {
            return;
        }
        let before = record.attributes.get(&anchor).cloned().unwrap_or_default();
        self.memory.edit(record.kind, record.id.as_str(), &[(anchor, json!(format!("usurped {}", record.id)))].into());
        let mut others = self.others();
        others.let_go.insert(record.id.clone());
        others.usurped.insert((record.kind, record.id.clone()), before);
    }

    fn squat(&self, n: u8) {
        let login = self.source.lock().unwrap_or_else(PoisonError::into_inner).login(n, n);
        let has = |record: &Observed| {
            record.condition == Condition::Live && record.attributes.get("userPrincipalName") == Some(&json!(login))
        };
        if self.memory.dump().iter().any(has) {
            return;
        }
        let id = format!("s-squatter{}", self.others().squatters.len());
        let attributes = json!({ "userPrincipalName": login, "displayName": id, "accountEnabled": true, "mailNickname": id,
            "onPremisesImmutableId": format!("anchor of {id}") });
        self.memory.seed(Kind::User, &id, serde_json::from_value(attributes).unwrap_or_default());
        let made = self.memory.dump().into_iter().find(|record| record.id.as_str() == id);
        self.others().squatters.extend(made);
    }

    /// One of the live records that are not strangers.
    fn ours(&self, nth: u8, kind: Option<Kind>, change: impl FnOnce(&Observed)) {
        let fits = |record: &Observed| {
            record.condition == Condition::Live && !is_stranger(&record.id) && kind.is_none_or(|kind| record.kind == kind)
        };
        if let Some(record) = self.memory.dump().into_iter().filter(fits).nth(usize::from(nth)) {
            change(&record);
        }
    }

    /// Nobody is privileged, mastered elsewhere, usurped or squatted upon any more: the engine holds all that, until a person has done this.
    pub(super) fn put_right(&self) {
        let mut others = self.others();
        for (kind, id) in std::mem::take(&mut others.marked) {
            self.memory.mark(kind, id.as_str(), |marks| *marks = Marks::default());
        }
        for ((kind, id), anchor) in std::mem::take(&mut others.usurped) {
            let name = schema().of(kind).anchor.clone();
            self.memory.edit(kind, id.as_str(), &[(name, anchor)].into());
        }
        for squatter in std::mem::take(&mut others.squatters) {
            self.memory.delete(Kind::User, squatter.id.as_str());
            self.memory.purge(Kind::User, squatter.id.as_str());
        }
    }

    /// Records that are none of ours are as they were, but for what others did to them.
    pub(super) fn touched_stranger(&self) -> Option<String> {
        let now = self.memory.dump();
        let others = self.others();
        let mut strangers = self.strangers.iter().chain(&others.squatters);
        strangers.find_map(|before| {
            let after = now.iter().find(|record| (record.kind, &record.id) == (before.kind, &before.id)).map(among_strangers);
            let same = after.as_ref() == Some(&among_strangers(before));
            (!same).then(|| format!("a stranger was touched: {before:?} -> {after:?}"))
        })
    }
}

/// Without the references to records of ours: they come and go with these.
fn among_strangers(record: &Observed) -> Observed {
    let mut record = record.clone();
    record.references.retain(|reference| is_stranger(&reference.to));
    record
}

/// The object whose anchor the record carries.
fn whose(record: &Observed) -> Option<ObjectRef> {
    let anchor = record.attributes.get(&schema().of(record.kind).anchor)?;
    let all = (0..8).map(user).chain((0..8).map(group));
    all.filter(|object| object.kind == record.kind).find(|object| *anchor == json!(anchor_value(object)))
}
