//! What goes into an effect and what comes out of it.

use entrain_model::{
    Action, Attributes, Basis, Condition, Evidence, HandedOver, Hold, Kind, Millis, ObjectRef, Relation, RunId, TargetId,
    Written, codes,
};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::Audit;

/// An intent.
#[derive(Clone, Debug, PartialEq)]
pub struct Start {
    /// The line of the plan.
    pub seq: i64,
    /// Whose record changes.
    pub object: ObjectRef,
    /// What it was planned from.
    pub basis: Basis,
    /// What will be done.
    pub action: Action,
    /// The record that is changed, if there is one already.
    pub record: Option<TargetId>,
    /// The attribute that the kind's sign-in hangs on, where the change ends a sign-in.
    pub blocks: Option<&'static str>,
    /// Whether a first credential is made and handed over with it.
    pub hands_over: bool,
    /// The keys that will be sent: login, anchor, id, attributes. Recovery looks for the record by them.
    pub sent: Json,
}

/// Why an intent was refused. Its line is dropped and its object queued anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Refusal {
    /// The source object changed.
    SourceMoved,
    /// Another run changed the link, or the object entered or left the target.
    LinkMoved,
    /// The target was halted or resumed.
    Halted,
    /// The lease ran out or is somebody else's.
    LeaseLost,
    /// The record is linked to another object.
    Taken,
    /// The record is protected, and nobody approved by name that it is touched.
    Protected,
    /// Nobody could administer the target any more.
    LastAdministrator,
}

codes!(Refusal {
    SourceMoved = "source_moved",
    LinkMoved = "link_moved",
    Halted = "halted",
    LeaseLost = "lease_lost",
    Taken = "taken",
    Protected = "protected",
    LastAdministrator = "last_administrator",
});

/// What became of a call.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// It was done.
    Done {
        /// What the target answered.
        written: Written,
    },
    /// It is not known whether it was done.
    Unknown {
        /// What was seen.
        detail: String,
    },
    /// It was not done and the object is held.
    Refused {
        /// Why.
        hold: Hold,
    },
    /// It was not done and is to be tried again.
    Retry {
        /// What was seen.
        detail: String,
    },
}

/// What to do with the link.
#[derive(Clone, Debug, PartialEq)]
pub enum LinkWrite {
    /// The object is this record.
    Put {
        /// The record.
        id: TargetId,
        /// Why.
        evidence: Evidence,
        /// Whether the record carries our anchor.
        anchored: bool,
        /// What was sent; merged with what was sent before to the same record.
        sent: Attributes,
    },
    /// The record carries our anchor now.
    Anchored,
    /// These values were sent to the linked record.
    Sent(Attributes),
    /// The link is forgotten.
    Removed,
}

/// What to do with the mirror.
#[derive(Clone, Debug, PartialEq)]
pub enum MirrorWrite {
    /// The record has these attributes; the others stay. A record that the mirror does not know is live from now on.
    Attributes {
        /// The kind.
        kind: Kind,
        /// The record.
        id: TargetId,
        /// What it has.
        attributes: Attributes,
    },
    /// A reference came or went.
    Reference {
        /// What the other is.
        relation: Relation,
        /// The kind of the record that has the reference.
        from_kind: Kind,
        /// The record that has the reference.
        from: TargetId,
        /// The other's kind.
        to_kind: Kind,
        /// The other.
        to: TargetId,
        /// Whether it is there now. A manager replaces the one before.
        present: bool,
    },
    /// The record is in this state.
    Condition {
        /// The kind.
        kind: Kind,
        /// The record.
        id: TargetId,
        /// The state.
        condition: Condition,
    },
}

/// What became of an intent.
#[derive(Clone, Debug, PartialEq)]
pub struct End {
    /// The line of the plan.
    pub seq: i64,
    /// Whose record.
    pub object: ObjectRef,
    /// What became of the call.
    pub outcome: Outcome,
    /// What to do with the link.
    pub link: Option<LinkWrite>,
    /// What to do with the mirror.
    pub mirror: Vec<MirrorWrite>,
    /// Whether the call revokes sessions.
    pub ends_sessions: bool,
    /// What became of a first credential, if the call was to hand one over.
    pub credential: Option<HandedOver>,
    /// What to keep for auditors.
    pub audit: Audit,
    /// The target's own id of the request.
    pub request_id: Option<String>,
}

/// An effect that needs recovery.
#[derive(Clone, Debug, PartialEq)]
pub struct OpenEffect {
    /// The run.
    pub run: RunId,
    /// The line.
    pub seq: i64,
    /// Whose record.
    pub object: ObjectRef,
    /// What was to be done.
    pub action: Action,
    /// The keys that were sent.
    pub sent: Json,
    /// When.
    pub started_at: Millis,
}

/// What recovery found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Settled {
    /// A create had been done: this is its record, which is linked from now on even if the source has let the object go.
    Landed(TargetId),
    /// It had not been done.
    NotDone,
}
