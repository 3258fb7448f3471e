//! Objects: their names, holds, links, rows in the source, and what happened to them.

use entrain_model::{Attributes, Evidence, ObjectRef, SourceRecord};
use entrain_store::{Happened, HoldRow, LinkRow};
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};
use utoipa::ToSchema;

use super::{AuditEntry, KindWord};
use crate::cli::utc;
use crate::reasons;

/// One object of the source.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ObjectName {
    /// What it is.
    kind: KindWord,
    /// Its stable id in the source.
    #[schema(min_length = 1, max_length = 255, pattern = r"^[^\x00]+$")]
    id: String,
}

impl ObjectName {
    pub(crate) fn of(object: &ObjectRef) -> Self {
        Self { kind: object.kind.into(), id: object.id.to_string() }
    }

    pub(crate) fn object(&self) -> ObjectRef {
        ObjectRef { kind: self.kind.into(), id: self.id.as_str().into() }
    }
}

/// Why nothing is done about an object now.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Held {
    target: String,
    object: ObjectName,
    /// The reason code; docs/reasons.md.
    code: &'static str,
    /// The reason in words.
    message: String,
    /// What to do about it.
    remedy: String,
    #[schema(format = DateTime)]
    since: String,
    /// The run that said so last.
    run: String,
}

impl Held {
    pub(crate) fn of(row: &HoldRow) -> Self {
        Self {
            target: row.target.to_string(),
            object: ObjectName::of(&row.object),
            code: row.hold.code(),
            message: row.hold.to_string(),
            remedy: reasons::remedy(row.hold.code()),
            since: utc(row.since),
            run: row.run.to_string(),
        }
    }
}

/// This object of the source is that record of the target.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Linked {
    target: String,
    object: ObjectName,
    /// The id of the record.
    id: String,
    /// Whether the record carries our anchor.
    anchored: bool,
    /// Why the record was taken for the object's.
    #[schema(value_type = Value)]
    evidence: Evidence,
    #[schema(format = DateTime)]
    linked_at: String,
}

impl Linked {
    pub(crate) fn of(target: &str, row: &LinkRow) -> Self {
        Self {
            target: target.to_owned(),
            object: ObjectName::of(&row.object),
            id: row.link.id.to_string(),
            anchored: row.link.anchored,
            evidence: row.evidence.clone(),
            linked_at: utc(row.linked_at),
        }
    }
}

/// An object as the source has it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SourceObject {
    kind: KindWord,
    /// Its stable id.
    id: String,
    /// How often it was changed; also its `ETag`.
    version: i64,
    /// What it has, by the names of SCIM, as scripts see it.
    #[schema(value_type = Object)]
    attributes: Attributes,
}

impl SourceObject {
    pub(crate) fn of(record: SourceRecord) -> Self {
        let SourceRecord { object, version, attributes } = record;
        Self { kind: object.kind.into(), id: object.id.to_string(), version, attributes }
    }
}

/// One thing that happened to an object.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Moment {
    #[schema(format = DateTime)]
    at: String,
    /// `source`: a change of the source. `effect`: a change of the target that was begun. `audit`: what was done or decided.
    what: &'static str,
    /// All of it.
    #[schema(value_type = Object)]
    detail: Json,
}

impl Moment {
    pub(crate) fn of(happened: &Happened) -> Self {
        let (at, _) = happened.moment();
        let (what, detail) = match happened {
            Happened::Source(event) => ("source", json!({ "seq": event.seq, "change": event.change.as_str(), "row": event.row })),
            Happened::Effect(row) => (
                "effect",
                json!({
                    "run": row.run, "line": row.line, "action": row.action, "state": row.state, "detail": row.detail,
                    "request_id": row.request_id, "ended_at": row.ended_at.map(utc),
                }),
            ),
            Happened::Audit(row) => ("audit", json!(AuditEntry::of(row))),
        };
        Self { at: utc(at), what, detail }
    }
}
