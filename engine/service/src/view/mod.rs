//! What is stored, as programs are shown it: by the commands with `--json` and by the administrative interface alike.

mod audit;
mod checkup;
mod object;
mod run;
mod session;
mod target;

pub(crate) use audit::AuditEntry;
pub(crate) use checkup::TargetCheckup;
pub(crate) use object::{Held, Linked, Moment, ObjectName, SourceObject};
pub(crate) use run::{Line, Run, Trouble, state};
pub(crate) use session::OpenSession;
pub(crate) use target::{HaltedTarget, MappingVersion, TargetState};

use entrain_model::Kind;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What an object is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum KindWord {
    /// A person or a service account.
    User,
    /// A set of users and groups.
    Group,
}

impl From<Kind> for KindWord {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::User => KindWord::User,
            Kind::Group => KindWord::Group,
        }
    }
}

impl From<KindWord> for Kind {
    fn from(word: KindWord) -> Self {
        match word {
            KindWord::User => Kind::User,
            KindWord::Group => Kind::Group,
        }
    }
}
