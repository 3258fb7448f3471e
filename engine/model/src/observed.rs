//! What was seen of a target record.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::{Attributes, Kind, Millis, Protection, Relation, TargetId};

/// What is known of one attribute of a target record.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// It was not read, or a write to it has an unknown outcome.
    Unknown,
    /// It has no value.
    Unset,
    /// It has this value.
    Value(Json),
}

/// In which state a target record is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Condition {
    /// It is there.
    Live,
    /// It is in the recycle bin and can be restored.
    Deleted,
    /// It is gone for good.
    Gone,
}

/// One record of a page. In an incremental read the attributes are those that are sent; what is missing is unchanged.
#[derive(Clone, Debug, PartialEq)]
pub struct Observed {
    /// The kind.
    pub kind: Kind,
    /// Its id.
    pub id: TargetId,
    /// Its state.
    pub condition: Condition,
    /// The attributes that were read; `null` says that one has no value.
    pub attributes: Attributes,
    /// The references that were read: in a full read those that stand, in an incremental read what came and went.
    pub references: Vec<ObservedReference>,
    /// Another directory owns this record: it must not be written. `None`: the read does not say, as an incremental one of what stayed.
    pub mastered_elsewhere: Option<bool>,
    /// It is of a sort that the target lets nobody write through this interface (dynamic membership, mail-enabled), and which.
    pub unwritable: Option<String>,
    /// Why it is protected, as far as this read shows it.
    pub protection: BTreeSet<Protection>,
}

/// One reference of an observed record to another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObservedReference {
    /// What the other is to this record.
    pub relation: Relation,
    /// The other's id.
    pub to: TargetId,
    /// The other's kind, where the directory says it. Objects of other kinds (devices, applications) have none.
    pub to_kind: Option<Kind>,
    /// `false` when the reference went away.
    pub present: bool,
}

/// Facts about a target as a whole.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tenant {
    /// Its id.
    pub id: String,
    /// Its name.
    pub display_name: String,
    /// Its domains.
    pub domains: Vec<Domain>,
    /// Whether another directory is synchronised into it.
    pub mastered_elsewhere: bool,
    /// Why the configured anchor must not be used in this tenant, and what to choose instead.
    pub anchor_refused: Option<String>,
}

/// A domain of the target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Domain {
    /// Its name.
    pub name: String,
    /// Logins may end in it.
    pub verified: bool,
    /// Sign-in happens at another identity provider.
    pub federated: bool,
}

/// What proves to a target who we are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CredentialKind {
    /// A shared secret.
    Secret,
    /// A certificate.
    Certificate,
}

impl CredentialKind {
    /// As people call it.
    pub fn as_str(self) -> &'static str {
        match self {
            CredentialKind::Secret => "client secret",
            CredentialKind::Certificate => "certificate",
        }
    }
}

/// A credential of ours as the target knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TargetCredential {
    /// Its id.
    pub id: String,
    /// Its name, for people.
    pub name: String,
    /// What it is.
    pub kind: CredentialKind,
    /// When it runs out.
    pub expires_at: Millis,
}

/// A credential of ours that does not sign in although it would come before the one that does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefusedCredential {
    /// Which.
    pub credential: TargetCredential,
    /// Why it does not, and what to do.
    pub why: String,
    /// Since when.
    pub since: Millis,
}

/// What the target says of our credentials.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Credentials {
    /// These may be the one in use; none if what is in use does not run out.
    Known(Vec<TargetCredential>),
    /// It does not say, and why.
    NotReadable(String),
}
