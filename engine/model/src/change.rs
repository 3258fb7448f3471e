//! Changes: one step of a plan each.

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value as Json;

use crate::{DesiredRecord, Kind, ObjectRef, TargetId};

/// What one record is to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Relation {
    /// A member of a group.
    Member,
    /// An owner of a group.
    Owner,
    /// The manager of a user; a user has one at most.
    Manager,
}

impl Relation {
    /// The word that is stored and shown.
    pub fn as_str(self) -> &'static str {
        match self {
            Relation::Member => "member",
            Relation::Owner => "owner",
            Relation::Manager => "manager",
        }
    }
}

/// What a change was planned from. The transaction that commits its effect checks that none has moved.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Basis {
    /// Version of the source object.
    pub source: i64,
    /// Version of the link; 0 without one.
    pub link: i64,
    /// Halt epoch of the target.
    pub epoch: i64,
}

/// Why a target record is taken for that of a source object, strongest first.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Evidence {
    /// It carries the object's anchor.
    Anchor,
    /// The source row names its id.
    TargetId,
    /// The attribute has the value that a matching key demands.
    Key(String),
    /// We created it.
    Created,
}

/// One attribute of an update.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Edit {
    /// Which attribute.
    pub attribute: String,
    /// What it was, `None` if that is not known; `null` for no value. Stored, what is not known is left out.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    pub was: Option<Json>,
    /// What it shall be; `null` clears it.
    pub to: Json,
}

/// A member that is there is known, also if it is `null`.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Json>, D::Error> {
    Json::deserialize(deserializer).map(Some)
}

/// What to do.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "do")]
pub enum Action {
    /// Takes a record for that of the object, and writes the anchor if it carries none.
    Link {
        /// The record.
        id: TargetId,
        /// Why.
        evidence: Evidence,
        /// Whether the anchor is to be written.
        write_anchor: bool,
    },
    /// Forgets the link. Writes nothing.
    Unlink {
        /// The record.
        id: TargetId,
    },
    /// Makes a record.
    Create {
        /// As the mapping wants it.
        record: DesiredRecord,
    },
    /// Brings a record back from the recycle bin, then links it.
    Restore {
        /// The record.
        id: TargetId,
        /// As the mapping wants it.
        record: DesiredRecord,
    },
    /// Changes attributes.
    Update {
        /// The record.
        id: TargetId,
        /// What differs.
        edits: Vec<Edit>,
    },
    /// Adds a reference from the object's record. The other end may not have a record yet.
    AddReference {
        /// What the other is to it.
        relation: Relation,
        /// The other.
        to: ObjectRef,
    },
    /// Takes a reference away.
    RemoveReference {
        /// What the other is to it.
        relation: Relation,
        /// The other's kind.
        to_kind: Kind,
        /// The other's record.
        to: TargetId,
    },
    /// Blocks sign-in.
    Disable {
        /// The record.
        id: TargetId,
        /// What becomes of its sessions.
        #[serde(default, skip_serializing_if = "Sessions::end")]
        sessions: Sessions,
    },
    /// Revokes sessions, and nothing else.
    RevokeSessions {
        /// The record.
        id: TargetId,
    },
    /// Gives a user that was made a first credential once more, and has it handed over.
    Issue {
        /// The record.
        id: TargetId,
        /// The login, for whoever hands it over.
        login: String,
    },
    /// Moves the record to the recycle bin.
    Delete {
        /// The record.
        id: TargetId,
    },
}

impl Action {
    /// The word that is stored and shown.
    pub fn as_str(&self) -> &'static str {
        match self {
            Action::Link { .. } => "link",
            Action::Unlink { .. } => "unlink",
            Action::Create { .. } => "create",
            Action::Restore { .. } => "restore",
            Action::Update { .. } => "update",
            Action::AddReference { .. } => "add_reference",
            Action::RemoveReference { .. } => "remove_reference",
            Action::Disable { .. } => "disable",
            Action::RevokeSessions { .. } => "revoke_sessions",
            Action::Issue { .. } => "issue",
            Action::Delete { .. } => "delete",
        }
    }
}

/// What becomes of the sessions of a user whose sign-in is blocked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Sessions {
    /// They are revoked.
    #[default]
    End,
    /// They go on until they run out.
    Keep,
}

impl Sessions {
    /// Whether they are revoked.
    pub fn end(&self) -> bool {
        *self == Sessions::End
    }
}

/// When, within a run, a change is due. The order is that of execution.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Disable and revoke.
    Leavers,
    /// Links and their anchors.
    Links,
    /// Updates that give up a unique value which another change wants.
    Releases,
    /// Users are created and restored.
    Users,
    /// Groups are created and restored.
    Groups,
    /// All other updates.
    Updates,
    /// Managers are set.
    Managers,
    /// Members and owners are added.
    References,
    /// References are taken away.
    ReferenceRemovals,
    /// Links are forgotten and records deleted.
    Removals,
}

impl Phase {
    /// All, in the order of execution.
    pub const ALL: [Phase; 10] = [
        Phase::Leavers,
        Phase::Links,
        Phase::Releases,
        Phase::Users,
        Phase::Groups,
        Phase::Updates,
        Phase::Managers,
        Phase::References,
        Phase::ReferenceRemovals,
        Phase::Removals,
    ];

    /// Its place in the order of execution, as stored.
    pub fn number(self) -> i64 {
        self as i64
    }
}

/// Which queue of the target's quota a change waits in. It follows from what the change does and from how many objects it is
/// done for. The order of the variants is the order of the lanes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Lane {
    /// Disable and revoke.
    Leaver,
    /// A scope of a few objects, which somebody has just changed or looks at.
    Direct,
    /// Everything else.
    Bulk,
}

/// One step of a plan.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Change {
    /// Whose record it changes.
    pub object: ObjectRef,
    /// When it is due.
    pub phase: Phase,
    /// What to do.
    pub action: Action,
    /// What it was planned from.
    pub basis: Basis,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_value_and_not_known_stay_apart_when_stored() {
        for was in [None, Some(Json::Null), Some(Json::from("A"))] {
            let edit = Edit { attribute: "title".into(), was, to: Json::Null };
            let stored = serde_json::to_string(&edit).unwrap();
            assert_eq!(serde_json::from_str::<Edit>(&stored).unwrap(), edit, "{stored}");
        }
    }
}
