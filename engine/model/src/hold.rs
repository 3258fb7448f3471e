//! Holds: why nothing is done about an object now.

use serde::{Deserialize, Serialize};

use crate::{Change, ObjectRef, codes};

/// Why an object is left as it is. One held object never stops the others.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "hold")]
pub enum Hold {
    /// Several target records match equally well, or one record matches several objects.
    Ambiguous {
        /// The key that matched and what it found.
        detail: String,
    },
    /// The record is one that is linked and written only with an approval in its name.
    Protected {
        /// Which and why.
        detail: String,
    },
    /// It is not known who is protected, so nobody is taken over, blocked or deleted.
    ProtectionUnread {
        /// What could not be read, and what to grant.
        detail: String,
    },
    /// The record is the last one that can administer the target.
    LastAdministrator {
        /// Which.
        detail: String,
    },
    /// Another directory owns the record.
    OnPremisesMastered,
    /// The target lets nobody write this sort of record through this interface.
    Unwritable {
        /// Which sort.
        detail: String,
    },
    /// The record carries another source's anchor.
    ForeignAnchor {
        /// The anchor it carries.
        anchor: String,
    },
    /// An earlier change has an unknown outcome, and the target needs time to show it.
    Settling,
    /// What was read of the target is not complete.
    IncompleteRead,
    /// The target refuses this value, or would: the limit is named.
    Rejected {
        /// The attribute, where it is known.
        attribute: Option<String>,
        /// What is wrong with it and what to do.
        detail: String,
    },
    /// Another object has this unique value, or wants it too.
    Conflict {
        /// The attribute.
        attribute: String,
        /// Who has or wants it.
        detail: String,
    },
    /// The other end has no record in the target yet.
    WaitingFor(
        /// The other end.
        ObjectRef,
    ),
    /// Somebody changed it since: it is not taken back.
    ChangedSince {
        /// What is left as it is.
        detail: String,
    },
    /// An operator parked it.
    Parked {
        /// Why.
        detail: String,
    },
    /// An operator retains the record of an object that left.
    Retained {
        /// Why.
        detail: String,
    },
    /// The first credential of a user that was made has reached nobody.
    Undelivered {
        /// What happened and what to do.
        detail: String,
    },
    /// The target answered with an error that retries did not cure.
    Failed {
        /// What it said.
        detail: String,
    },
}

codes!(Hold {
    Ambiguous = "ambiguous",
    Protected = "protected",
    ProtectionUnread = "protection_unread",
    LastAdministrator = "last_administrator",
    OnPremisesMastered = "on_premises_mastered",
    Unwritable = "unwritable",
    ForeignAnchor = "foreign_anchor",
    Settling = "settling",
    IncompleteRead = "incomplete_read",
    Rejected = "rejected",
    Conflict = "conflict",
    WaitingFor = "waiting_for",
    ChangedSince = "changed_since",
    Parked = "parked",
    Retained = "retained",
    Undelivered = "undelivered",
    Failed = "failed",
});

impl std::fmt::Display for Hold {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Hold::Ambiguous { detail } => write!(f, "ambiguous: {detail}"),
            Hold::Protected { detail } => write!(f, "protected: {detail}"),
            Hold::ProtectionUnread { detail } => write!(f, "it is not known who is protected: {detail}"),
            Hold::LastAdministrator { detail } => write!(f, "the last administrator: {detail}"),
            Hold::OnPremisesMastered => f.write_str("another directory is synchronised into this record; change it there"),
            Hold::Unwritable { detail } => write!(f, "the target does not let this record be written: {detail}"),
            Hold::ForeignAnchor { anchor } => write!(f, "the record carries the anchor `{anchor}` of another source"),
            Hold::Settling => {
                f.write_str("an earlier change has an unknown outcome; it is looked for until the target has settled")
            }
            Hold::IncompleteRead => f.write_str("the target was not read completely"),
            Hold::Rejected { attribute: Some(attribute), detail } => write!(f, "{attribute}: {detail}"),
            Hold::Rejected { attribute: None, detail } => f.write_str(detail),
            Hold::Conflict { attribute, detail } => write!(f, "{attribute}: {detail}"),
            Hold::WaitingFor(other) => write!(f, "{other} has no record in the target yet"),
            Hold::ChangedSince { detail } => write!(f, "it is not taken back: {detail}"),
            Hold::Parked { detail } => write!(f, "parked: {detail}"),
            Hold::Retained { detail } => write!(f, "retained: {detail}"),
            Hold::Undelivered { detail } => write!(f, "undelivered: {detail}"),
            Hold::Failed { detail } => f.write_str(detail),
        }
    }
}

/// One line of a plan: something to do, or why not.
#[derive(Clone, Debug, PartialEq)]
pub enum Decision {
    /// Do this.
    Change(Change),
    /// Leave this object alone.
    Hold(ObjectRef, Hold),
}
