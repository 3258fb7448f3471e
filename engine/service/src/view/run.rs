//! Runs and the lines of their plans.

use entrain_model::Decision;
use entrain_store::{LineState, PlanLine, RunRow};
use serde::Serialize;
use serde_json::Value as Json;
use utoipa::ToSchema;

use super::ObjectName;
use crate::cli::utc;
use crate::reasons;

/// One reconcile and its report.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Run {
    /// Its id; later ones are greater.
    id: String,
    /// Its target.
    target: String,
    /// `everything`, one object, or a number of objects.
    scope: String,
    /// Why it was started.
    reason: String,
    /// `sync`, `dry_run`, `plan`, `apply` or `undo`.
    kind: String,
    /// `running`, `converged`, `partial`, `held`, `halted`, `planned`, `rejected`, `failed` or `superseded`; docs/reasons.md.
    state: String,
    /// Which process runs it.
    holder: String,
    #[schema(format = DateTime)]
    started_at: String,
    #[schema(format = DateTime)]
    finished_at: Option<String>,
    /// What it did; `null` before its end.
    counts: Option<Counts>,
    /// All that it reports; `null` before its end.
    #[schema(value_type = Option<Object>)]
    report: Json,
    /// The fingerprint of its plan.
    digest: Option<String>,
    /// Who approved or rejected its plan.
    approved_by: Option<String>,
    #[schema(format = DateTime)]
    approved_at: Option<String>,
}

/// What a run did, in numbers.
#[derive(Debug, Serialize, ToSchema)]
struct Counts {
    /// Objects that it looked at.
    seen: u64,
    created: u64,
    updated: u64,
    /// Sign-ins that it blocked.
    disabled: u64,
    deleted: u64,
    linked: u64,
    /// Objects or references that nothing was done about.
    held: u64,
    /// Changes that were refused, or whose outcome is not known.
    failed: u64,
}

impl Run {
    pub(crate) fn of(row: &RunRow) -> Self {
        Self {
            id: row.id.to_string(),
            target: row.target.to_string(),
            scope: row.scope.clone(),
            reason: word(&row.reason),
            kind: row.kind.as_str().to_owned(),
            state: row.state.as_str().to_owned(),
            holder: row.holder.clone(),
            started_at: utc(row.started_at),
            finished_at: row.finished_at.map(utc),
            counts: row.report.get("done").map(|_| Counts::of(&row.report)),
            report: row.report.clone(),
            digest: row.digest.clone(),
            approved_by: row.approved_by.clone(),
            approved_at: row.approved_at.map(utc),
        }
    }
}

impl Counts {
    fn of(report: &Json) -> Self {
        let done = |actions: &[&str]| actions.iter().filter_map(|action| report["done"][action].as_u64()).sum();
        let held = report["held"].as_object().into_iter().flatten().filter_map(|(_, count)| count.as_u64()).sum();
        Self {
            seen: report["seen"].as_u64().unwrap_or(0),
            created: done(&["create", "restore"]),
            updated: done(&["update", "add_reference", "remove_reference"]),
            disabled: done(&["disable"]),
            deleted: done(&["delete"]),
            linked: done(&["link"]),
            held,
            failed: report["failed"].as_u64().unwrap_or(0),
        }
    }
}

/// One line of a plan: something to do, or why not.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Line {
    /// Its place in the plan.
    seq: i64,
    /// When it is due; none for a hold.
    #[schema(value_type = Option<String>)]
    phase: Json,
    object: ObjectName,
    /// `planned`, `started`, `done`, `failed`, `dropped`, `held` or `unknown`.
    state: &'static str,
    /// What became of it.
    detail: Option<String>,
    /// Microsoft's own id of the request.
    request_id: Option<String>,
    /// In what of it it puts right what somebody did in the target.
    drift: Vec<String>,
    /// The change, or the hold with its `code` and `text`.
    #[schema(value_type = Object)]
    decision: Json,
}

impl Line {
    pub(crate) fn of(line: &PlanLine) -> Self {
        Self {
            seq: line.seq,
            phase: serde_json::to_value(line.phase).unwrap_or(Json::Null),
            object: ObjectName::of(&line.object),
            state: state(line.state),
            detail: line.detail.clone(),
            request_id: line.request_id.clone(),
            drift: line.drift.clone(),
            decision: entrain_plan::json(&line.decision),
        }
    }
}

/// Why something about one object was not done, and what to do.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Trouble {
    /// Its place in the plan.
    seq: i64,
    object: ObjectName,
    /// The reason code of a hold, or the state of a change: `failed`, `dropped` or `unknown`.
    code: String,
    /// What happened, in words.
    message: String,
    /// What to do about it.
    remedy: String,
    /// Microsoft's own id of the request.
    request_id: Option<String>,
}

impl Trouble {
    pub(crate) fn of(line: &PlanLine) -> Self {
        let (code, message) = match &line.decision {
            Decision::Hold(_, hold) => (hold.code(), hold.to_string()),
            Decision::Change(_) => {
                let planned = entrain_plan::line(&line.decision);
                let detail = line.detail.as_ref().map_or_else(String::new, |detail| format!(": {detail}"));
                (state(line.state), format!("{planned}{detail}"))
            }
        };
        Self {
            seq: line.seq,
            object: ObjectName::of(&line.object),
            code: code.to_owned(),
            message,
            remedy: reasons::remedy(code),
            request_id: line.request_id.clone(),
        }
    }
}

pub(crate) fn state(state: LineState) -> &'static str {
    match state {
        LineState::Planned => "planned",
        LineState::Started => "started",
        LineState::Done => "done",
        LineState::Failed => "failed",
        LineState::Dropped => "dropped",
        LineState::Held => "held",
        LineState::Unknown => "unknown",
    }
}

/// The word of a value that is stored as one.
fn word(value: &impl Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(Json::String(word)) => word,
        Ok(_) | Err(_) => String::new(),
    }
}
