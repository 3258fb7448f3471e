//! The words of Entrain as types: records, references, links, changes, holds, errors and the directories that carry them.
//!
//! Nothing here runs: no clock, no database, no HTTP. Every other crate speaks in these types.

mod anchor;
mod authority;
mod change;
mod claim;
mod clock;
mod code;
mod delivery;
mod desired;
mod directory;
mod error;
mod guard;
mod hold;
mod ids;
mod object;
mod observed;
mod policy;
mod protection;
mod removal;
mod schema;
mod state;
mod write;

pub use anchor::{Anchor, anchor_value};
pub use authority::{Authorities, Authority};
pub use change::{Action, Basis, Change, Edit, Evidence, Lane, Phase, Relation, Sessions};
pub use claim::Claim;
pub use clock::{Clock, Millis};
pub use delivery::{Delivery, Handover, Issued, Undelivered};
pub use desired::{Desired, DesiredRecord, Setting, Why};
pub use directory::{Cursor, Directory, Pages, Proof, Query, Read, SinkError, Subset, Work, WritableDirectory};
pub use error::{DirectoryError, Disposition, Fault};
pub use guard::{Allowance, Begins, Counted, Limit, Limits, Operation, Rule, Share};
pub use hold::{Decision, Hold};
pub use ids::{RunId, SourceId, TargetId, TargetName};
pub use object::{Kind, ObjectRef, Reason, Scope, SourceRecord, UnknownKind, fold};
pub use observed::{
    Condition, CredentialKind, Credentials, Domain, Observed, ObservedReference, RefusedCredential, TargetCredential, Tenant,
    Value,
};
pub use policy::{MatchKey, Mode, Policy, UnknownWord};
pub use protection::Protection;
pub use removal::{Removal, Step};
pub use schema::{AttributeSchema, KindSchema, Schema, Shape, Writable};
pub use state::{Actual, Candidate, Contest, Knowledge, Left, LinkState, ObjectState, Outstanding};
pub use write::{HandedOver, NewRecord, Write, Written};

/// The target of spans that are for traces. Only ids, counts and words of ours are in them.
pub const TRACE: &str = "entrain_trace";

/// A JSON object, attribute names in order.
pub type Attributes = std::collections::BTreeMap<String, serde_json::Value>;
