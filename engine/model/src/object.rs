//! Source objects: what they are, which of them a run is about, and why it runs.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::{Attributes, SourceId};

/// What an object is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A person or a service account.
    User,
    /// A set of users and groups.
    Group,
}

impl Kind {
    /// Both kinds, users first: they are created first.
    pub const ALL: [Kind; 2] = [Kind::User, Kind::Group];

    /// The word that is stored and shown.
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::User => "user",
            Kind::Group => "group",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A word that names no kind.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is no kind of object: it is `user` or `group`")]
pub struct UnknownKind(String);

impl FromStr for Kind {
    type Err = UnknownKind;
    fn from_str(word: &str) -> Result<Self, UnknownKind> {
        match word {
            "user" => Ok(Kind::User),
            "group" => Ok(Kind::Group),
            other => Err(UnknownKind(other.to_owned())),
        }
    }
}

/// One source object.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ObjectRef {
    /// What it is.
    pub kind: Kind,
    /// Its stable id.
    pub id: SourceId,
}

impl ObjectRef {
    /// A user by its stable id.
    pub fn user(id: impl Into<SourceId>) -> Self {
        Self { kind: Kind::User, id: id.into() }
    }
    /// A group by its stable id.
    pub fn group(id: impl Into<SourceId>) -> Self {
        Self { kind: Kind::Group, id: id.into() }
    }
}

impl fmt::Display for ObjectRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind, self.id)
    }
}

/// Which objects a run is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    /// All of them, and what the target holds beyond them.
    Everything,
    /// These, whatever their number.
    Only(BTreeSet<ObjectRef>),
}

/// Why a run was started. It is recorded and shown; nothing branches on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// The service came up.
    Startup,
    /// The schedule was due.
    Schedule,
    /// The source changed.
    Event,
    /// Somebody asked.
    Operator,
    /// The target's configuration or mapping changed.
    Configuration,
    /// An earlier change has an unknown outcome.
    Recovery,
}

/// A source object in the source's own vocabulary (the attribute names of SCIM, RFC 7643), as scripts see it.
#[derive(Clone, Debug, PartialEq)]
pub struct SourceRecord {
    /// Which object.
    pub object: ObjectRef,
    /// Counts the changes of this object; what was planned from an older version is not applied.
    pub version: i64,
    /// Its attributes; what is not set is not in it.
    pub attributes: Attributes,
}

/// The folded form in which values that must be unique are compared: ASCII case only, as the target does.
pub fn fold(value: &str) -> String {
    value.to_ascii_lowercase()
}
