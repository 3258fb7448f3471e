//! One reference: added, or taken away.

use entrain_model::{DirectoryError, Fault, Kind, Relation, TargetId};
use serde_json::{Value as Json, json};

use super::desk::Desk;
use super::{Done, already, needless, written};
use crate::Entra;
use crate::call::{Answer, Call};
use crate::classify::{Meaning, Refusal};
use crate::odata;
use crate::read::collection;

/// The address of a reference. Every one ends in `/$ref`: without it, a DELETE would delete the other record itself.
struct ReferencePath(String);

impl ReferencePath {
    /// Where a reference is put.
    fn place(relation: Relation, from: &TargetId) -> Self {
        let from = odata::escape(from.as_str());
        Self(match relation {
            Relation::Member => format!("/groups/{from}/members/$ref"),
            Relation::Owner => format!("/groups/{from}/owners/$ref"),
            Relation::Manager => format!("/users/{from}/manager/$ref"),
        })
    }

    /// The reference to one other.
    fn one(relation: Relation, from: &TargetId, to: &TargetId) -> Self {
        let (from, to) = (odata::escape(from.as_str()), odata::escape(to.as_str()));
        Self(match relation {
            Relation::Member => format!("/groups/{from}/members/{to}/$ref"),
            Relation::Owner => format!("/groups/{from}/owners/{to}/$ref"),
            Relation::Manager => format!("/users/{from}/manager/$ref"),
        })
    }

    fn add(self, relation: Relation, other: Json) -> Call {
        match relation {
            Relation::Member | Relation::Owner => Call::post(self.0, other),
            Relation::Manager => Call::put(self.0, other),
        }
    }

    fn delete(self) -> Call {
        Call::delete(self.0)
    }
}

impl Entra {
    /// The whole address of the other end, as Graph wants it in a body.
    pub(super) fn other(&self, relation: Relation, to: &TargetId) -> String {
        let kind = match relation {
            Relation::Member => "directoryObjects",
            Relation::Owner | Relation::Manager => "users",
        };
        self.client.address(&format!("/{kind}/{}", odata::escape(to.as_str())))
    }

    /// A reference that is there already is a success, for this one reference only.
    pub(super) async fn add(&self, desk: &Desk, relation: Relation, from: &TargetId, to: &TargetId) -> Done {
        let other = json!({ "@odata.id": self.other(relation, to) });
        let doubt = self.fresh.adding(from, to, self.clock.now());
        match desk.send(ReferencePath::place(relation, from).add(relation, other).doubting(doubt)).await {
            Ok(answer) => {
                self.fresh.added(from, to, self.clock.now());
                Ok(written(&answer))
            }
            Err(refusal) if refusal.meaning == Meaning::LinkExists => Ok(needless(refusal)),
            Err(refusal) => Err(refusal.error),
        }
    }

    pub(super) async fn remove(&self, desk: &Desk, relation: Relation, from: &TargetId, to: &TargetId) -> Done {
        // The address of a manager does not say whom it removes: the one that is asked for, or nobody.
        if relation == Relation::Manager
            && let Some(other) = self.other_manager(desk, from, to).await?
        {
            return Ok(already(other.request_id));
        }
        let doubt = self.fresh.removing(from, to, self.clock.now());
        match desk.send(ReferencePath::one(relation, from, to).delete().doubting(doubt)).await {
            Ok(answer) => {
                self.fresh.removed(from, to, self.clock.now());
                Ok(written(&answer))
            }
            Err(refusal) if refusal.meaning == Meaning::LinkMissing => Ok(needless(refusal)),
            Err(refusal) if refusal.meaning == Meaning::Missing => self.which_is_missing(desk, relation, from, to, refusal).await,
            Err(refusal) => Err(refusal.error),
        }
    }

    /// The answer that names another manager.
    async fn other_manager(&self, desk: &Desk, from: &TargetId, to: &TargetId) -> Result<Option<Answer>, DirectoryError> {
        let call = Call::get(format!("/users/{}/manager?$select=id", odata::escape(from.as_str())));
        match desk.send(call).await {
            Ok(answer) if answer.body["id"].as_str().is_some_and(|id| id.eq_ignore_ascii_case(to.as_str())) => Ok(None),
            Ok(answer) => Ok(Some(answer)),
            // No manager, or no such user: the DELETE tells which.
            Err(refusal) if refusal.meaning == Meaning::Missing => Ok(None),
            Err(refusal) => Err(refusal.error),
        }
    }

    /// Graph gives the same answer for a missing reference and a missing record: the id in it tells, else a look at the record.
    async fn which_is_missing(&self, desk: &Desk, relation: Relation, from: &TargetId, to: &TargetId, refusal: Refusal) -> Done {
        match refusal.missing() {
            Some(id) if same(id, from) => return Err(refusal.error),
            Some(id) if same(id, to) => return Ok(needless(refusal)),
            Some(_) | None => {}
        }
        let kind = match relation {
            Relation::Member | Relation::Owner => Kind::Group,
            Relation::Manager => Kind::User,
        };
        let look = Call::get(format!("/{}/{}?$select=id", collection(kind), odata::escape(from.as_str())));
        match desk.send(look).await {
            Ok(Answer { .. }) => Ok(needless(refusal)),
            Err(look) if look.meaning == Meaning::Missing => {
                Err(DirectoryError { fault: Fault::NotFound { id: Some(from.clone()) }, ..look.error })
            }
            Err(look) => Err(look.error),
        }
    }
}

/// Ids are compared without case.
pub(super) fn same(one: &TargetId, other: &TargetId) -> bool {
    one.as_str().eq_ignore_ascii_case(other.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_address_of_a_reference_ends_in_ref() {
        for relation in [Relation::Member, Relation::Owner, Relation::Manager] {
            for hostile in ["b", "b/../c", "b?x=", "b#"] {
                let call = ReferencePath::one(relation, &"a".into(), &hostile.into()).delete();
                assert!(call.path.ends_with("/$ref") && !call.path.contains(['?', '#']), "{}", call.path);
            }
        }
    }
}
