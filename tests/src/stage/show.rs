//! Answers as lines.

use entrain_model::{Attributes, Observed, RunId, Sessions, Write};
use entrain_plan::line;
use entrain_store::{Halt, LineState, PlanLine, Store};
use entrain_sync::Report;

use crate::memory::Arrived;

/// The plan of a run in the order of execution, holds last. What was not done says so.
pub(super) async fn plan(store: &Store, run: &RunId) -> anyhow::Result<Vec<String>> {
    let mut lines = store.plan_lines(run, 0, 1_000).await?;
    lines.sort_by_key(|line| (line.phase.is_none(), line.phase, line.rank, line.seq));
    Ok(lines.iter().map(planned).collect())
}

fn planned(planned: &PlanLine) -> String {
    let drift = if planned.drift.is_empty() { String::new() } else { format!(" [drift: {}]", planned.drift.join(", ")) };
    let text = format!("{}{drift}", line(&planned.decision));
    match (planned.state, &planned.detail) {
        (LineState::Done | LineState::Planned | LineState::Held, _) => text,
        (LineState::Started | LineState::Failed | LineState::Dropped | LineState::Unknown, None) => {
            format!("{text} [{:?}]", planned.state)
        }
        (LineState::Started | LineState::Failed | LineState::Dropped | LineState::Unknown, Some(detail)) => {
            format!("{text} [{:?}: {detail}]", planned.state)
        }
    }
}

/// Ids of runs are new each time.
pub(super) fn without_runs(line: &str) -> String {
    let words = line.split(' ').map(|word| {
        let id = word.trim_end_matches([',', ';', '.']);
        let is_run = id.len() == 36 && id.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
        if is_run { word.replace(id, "(run)") } else { word.to_owned() }
    });
    words.collect::<Vec<_>>().join(" ")
}

/// One write that reached the target: names of attributes only, the plan has the values.
pub(super) fn write(arrived: &Arrived) -> String {
    let text = match &arrived.write {
        Write::Create(record) => {
            let id = arrived.answer.as_ref().and_then(|answer| answer.as_ref().ok()?.id.clone());
            format!("create {} {}", record.kind, id.map_or_else(|| "?".to_owned(), |id| id.to_string()))
        }
        Write::Restore { kind, id, attributes } => format!("restore {kind} {id} {}", names(attributes)),
        Write::Update { kind, id, attributes } => format!("update {kind} {id} {}", names(attributes)),
        Write::Disable { id, sessions: Sessions::End } => format!("disable user {id}"),
        Write::Disable { id, sessions: Sessions::Keep } => format!("disable user {id} and keep its sessions"),
        Write::RevokeSessions { id } => format!("revoke sessions of user {id}"),
        Write::Issue { id, login, .. } => format!("issue a credential for user {id} ({login})"),
        Write::Delete { kind, id } => format!("delete {kind} {id}"),
        Write::AddReference { relation, from, to_kind, to } => format!("add {} {to_kind} {to} to {from}", relation.as_str()),
        Write::FirstMember { group, to_kind, to } => format!("add member {to_kind} {to} to the new {group}"),
        Write::RemoveReference { relation, from, to_kind, to } => {
            format!("remove {} {to_kind} {to} from {from}", relation.as_str())
        }
    };
    match &arrived.answer {
        Some(Ok(written)) if written.already => format!("  -> {text} (was so already)"),
        Some(Ok(_)) => format!("  -> {text}"),
        Some(Err(error)) => format!("  -> {text}: {}", error.message),
        None => format!("  -> {text}: no answer"),
    }
}

/// How a run ended.
pub(super) fn ending(report: &Report) -> String {
    if let Some(halt) = &report.halt {
        return self::halt(halt);
    }
    let reasons = if report.reasons.is_empty() { String::new() } else { format!(": {}", report.reasons.join("; ")) };
    let left: Vec<_> = report.left_to_target.iter().map(|(attribute, values)| format!("{attribute} {values}")).collect();
    let left = if left.is_empty() { String::new() } else { format!(" (left to the target: {})", left.join(", ")) };
    format!("{}{reasons}{left}", report.state.as_str())
}

/// Why a target is halted.
pub(super) fn halt(halt: &Halt) -> String {
    let place = [halt.script.clone(), halt.line.map(|n| n.to_string()), halt.column.map(|n| n.to_string())];
    let place: Vec<String> = place.into_iter().flatten().collect();
    let object = halt.object.as_ref().map_or(String::new(), |object| format!(" for {object}"));
    format!("halted at {}{object}: {}", place.join(":"), halt.message)
}

/// A record as the target has it.
pub(super) fn record(record: &Observed) -> Vec<String> {
    let values = record.attributes.iter().filter(|(_, value)| !value.is_null()).map(|(name, value)| format!("  {name} {value}"));
    let references = record.references.iter().map(|reference| format!("  {} {}", reference.relation.as_str(), reference.to));
    let head = format!("{} {} {:?}", record.kind, record.id, record.condition).to_lowercase();
    std::iter::once(head).chain(values).chain(references).collect()
}

fn names(attributes: &Attributes) -> String {
    attributes.keys().cloned().collect::<Vec<_>>().join(", ")
}
