//! Rows of the audit.

use std::collections::BTreeMap;

use entrain_store::{AuditRow, AuditValue};
use serde::Serialize;
use utoipa::ToSchema;

use super::ObjectName;
use crate::cli::utc;

/// Something that was done or decided.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AuditEntry {
    /// Its place in the chain.
    seq: i64,
    #[schema(format = DateTime)]
    at: String,
    target: Option<String>,
    run: Option<String>,
    /// The line of the run's plan.
    line: Option<i64>,
    object: Option<ObjectName>,
    /// The record of the target.
    record: Option<String>,
    /// The word of the action, or of what was decided.
    action: String,
    /// The word of what came of it.
    outcome: String,
    /// Who.
    by: String,
    /// By which version of the mapping.
    mapping: Option<String>,
    /// Microsoft's own id of the request.
    request_id: Option<String>,
    /// Field by field, what was.
    #[schema(value_type = Object)]
    before: BTreeMap<String, AuditValue>,
    /// Field by field, what is.
    #[schema(value_type = Object)]
    after: BTreeMap<String, AuditValue>,
    /// The hash of the chain up to here.
    hash: String,
}

impl AuditEntry {
    pub(crate) fn of(row: &AuditRow) -> Self {
        Self {
            seq: row.seq,
            at: utc(row.at),
            target: row.target.as_ref().map(ToString::to_string),
            run: row.run.as_ref().map(ToString::to_string),
            line: row.line,
            object: row.object.as_ref().map(ObjectName::of),
            record: row.record.as_ref().map(ToString::to_string),
            action: row.action.clone(),
            outcome: row.outcome.clone(),
            by: row.author.clone(),
            mapping: row.mapping_version.clone(),
            request_id: row.request_id.clone(),
            before: row.before.clone(),
            after: row.after.clone(),
            hash: row.hash.clone(),
        }
    }
}
