//! Writes: changes with every id resolved, as a directory takes them.

use serde::{Deserialize, Serialize};

use crate::{Attributes, Kind, ObjectRef, Relation, Sessions, TargetId};

/// A record to be made.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NewRecord {
    /// The kind.
    pub kind: Kind,
    /// Its attributes, the anchor among them. A first password is never one: the adapter draws it at the call.
    pub attributes: Attributes,
    /// Name and value of the anchor.
    pub anchor: (String, String),
    /// Whose record it is to be.
    pub object: ObjectRef,
}

/// One instruction to a directory.
#[derive(Clone, Debug, PartialEq)]
pub enum Write {
    /// Make this record. Where the directory can make it by an alternate key, a repeat makes no second one.
    Create(NewRecord),
    /// Bring it back from the recycle bin, then set these attributes.
    Restore {
        /// The kind.
        kind: Kind,
        /// Its id.
        id: TargetId,
        /// What to set after it is back; `null` clears.
        attributes: Attributes,
    },
    /// Set these attributes and no others; `null` clears.
    Update {
        /// The kind.
        kind: Kind,
        /// Its id.
        id: TargetId,
        /// What to set.
        attributes: Attributes,
    },
    /// Block sign-in.
    Disable {
        /// Its id.
        id: TargetId,
        /// What becomes of its sessions.
        sessions: Sessions,
    },
    /// Revoke the sessions of a user.
    RevokeSessions {
        /// Its id.
        id: TargetId,
    },
    /// Give a user a new first credential and have it handed over.
    Issue {
        /// Its id.
        id: TargetId,
        /// Whose record it is.
        object: ObjectRef,
        /// Its login.
        login: String,
    },
    /// Move it to the recycle bin.
    Delete {
        /// The kind.
        kind: Kind,
        /// Its id.
        id: TargetId,
    },
    /// Add a reference; a single-valued one is replaced.
    AddReference {
        /// What the other is to it.
        relation: Relation,
        /// The record that gets the reference.
        from: TargetId,
        /// The other's kind.
        to_kind: Kind,
        /// The other.
        to: TargetId,
    },
    /// Add a member to the group that a create before it in the same call makes, if it makes one: the two may travel together.
    FirstMember {
        /// Whose new record gets the member.
        group: ObjectRef,
        /// The member's kind.
        to_kind: Kind,
        /// The member.
        to: TargetId,
    },
    /// Take a reference away.
    RemoveReference {
        /// What the other is to it.
        relation: Relation,
        /// The record that loses the reference.
        from: TargetId,
        /// The other's kind.
        to_kind: Kind,
        /// The other.
        to: TargetId,
    },
}

/// A write that the directory answered with success.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// The id of the record that was made.
    pub id: Option<TargetId>,
    /// The directory's own id of the request, for its support.
    pub request_id: Option<String>,
    /// The record or reference already was as asked, and that is proven.
    pub already: bool,
    /// An earlier sending of this same write was lost: if it already was so, that sending may have made it so.
    pub after_lost_sending: bool,
    /// The record was made without its anchor, because the target refuses one on records of this sort.
    pub unanchored: bool,
    /// Attributes of a new record that could not be set after it was made. They still have no value.
    pub unset: Vec<String>,
    /// What became of the first credential, where one was to be handed over.
    pub credential: Option<HandedOver>,
}

/// What became of a first credential.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HandedOver {
    /// Whoever hands it on has it.
    Delivered,
    /// The user signs in elsewhere and has none.
    NotNeeded,
    /// It could not be made yet. The record is there.
    NotYet(String),
    /// It was made and reached nobody: it is lost.
    Lost(String),
}
