//! The report of a run, for people.

use std::collections::BTreeMap;

use entrain_model::TargetName;
use entrain_store::{Halt, HaltKind};
use entrain_sync::Report;
use serde_json::Value as Json;

use super::{Exit, Output};

/// Shows a report; how the command ends by it.
pub(super) fn show(report: &Report, output: &mut Output) -> Exit {
    let run = report.run.as_ref().map_or_else(String::new, |run| format!(" (run {run})"));
    output.line(format_args!("target {}: {}{run}", report.target, report.state.as_str()));
    counts("planned", &report.planned, output);
    counts("done", &report.done, output);
    counts("held", &report.held, output);
    counts("left alone in this mode", &report.left, output);
    counts("left to the target by [target.authority]", &report.left_to_target, output);
    counts("changed by somebody in the target", &report.drift_found, output);
    counts("of that put right", &report.drift_repaired, output);
    if report.failed > 0 {
        output.line(format_args!("  failed: {}; `entrain runs{}` says why", report.failed, id(report)));
    }
    // What a reviewed plan refuses is told object by object.
    if report.dropped > 0 && report.kept.is_none() {
        output.line(format_args!("  no longer true when their turn came, queued anew: {}", report.dropped));
    }
    for reason in &report.reasons {
        output.line(format_args!("  held for approval: {reason}"));
    }
    if let Some(halt) = &report.halt {
        show_halted(&report.target, halt, output);
    }
    let exit = Exit::of_run(report.state);
    if exit == Exit::NeedsApproval {
        output.line(format_args!(
            "  see what needs it with `entrain runs{0} --guarded`; then `entrain approve{0}` (all, or --only, or --except), or \
             `entrain reject{0}`",
            id(report)
        ));
    }
    exit
}

/// Shows what a run reported when it ended, as far as it is there.
pub(super) fn show_stored(report: &Json, output: &mut Output) {
    let of = |pointer: &str| -> BTreeMap<String, u64> {
        let counts = report.pointer(pointer).and_then(Json::as_object).into_iter().flatten();
        counts.filter_map(|(word, count)| Some((word.clone(), count.as_u64()?))).collect()
    };
    for (what, pointer) in [
        ("planned", "/planned"),
        ("done", "/done"),
        ("held", "/held"),
        ("left alone in this mode", "/left"),
        ("left to the target by [target.authority]", "/left_to_target"),
        ("changed by somebody in the target", "/drift/found"),
        ("of that put right", "/drift/repaired"),
    ] {
        counts(what, &of(pointer), output);
    }
    for (what, key) in [("failed", "failed"), ("no longer true when their turn came, queued anew", "dropped")] {
        if let Some(number) = report[key].as_u64().filter(|number| *number > 0) {
            output.line(format_args!("  {what}: {number}"));
        }
    }
    for reason in report["reasons"].as_array().into_iter().flatten().filter_map(Json::as_str) {
        output.line(format_args!("  held for approval: {reason}"));
    }
    for (what, text) in [("halted", &report["halt"]["message"]), ("error", &report["error"])] {
        if let Some(text) = text.as_str() {
            output.line(format_args!("  {what}: {text}"));
        }
    }
}

/// Shows why a target is halted, and what lets it go on.
pub(super) fn show_halted(target: &TargetName, halt: &Halt, output: &mut Output) {
    show_halt(halt, output);
    let first = match halt.kind {
        HaltKind::Mapping | HaltKind::Credential | HaltKind::Configuration => "mend it, then",
        HaltKind::Operator => "when it may go on",
    };
    output.line(format_args!("  {first}: entrain resume {target}"));
}

/// Shows why a target is halted, or would be.
pub(super) fn show_halt(halt: &Halt, output: &mut Output) {
    let place = [
        halt.script.clone(),
        halt.line.map(|line| format!("line {line}")),
        halt.column.map(|column| format!("column {column}")),
        halt.object.as_ref().map(|object| format!("for {object}")),
    ];
    let place: Vec<String> = place.into_iter().flatten().collect();
    if !place.is_empty() {
        output.line(format_args!("  {}", place.join(", ")));
    }
    output.line(format_args!("  {}", halt.message));
    if let Some(input) = &halt.input {
        output.line(format_args!("  input (redacted): {input}"));
    }
    output.line(format_args!("  since {}; removals that wait: {}", super::time::utc(halt.since), halt.leavers_waiting));
}

fn id(report: &Report) -> String {
    report.run.as_ref().map_or_else(String::new, |run| format!(" {run}"))
}

fn counts(what: &str, counts: &BTreeMap<String, u64>, output: &mut Output) {
    if !counts.is_empty() {
        let parts: Vec<String> = counts.iter().map(|(word, count)| format!("{word} {count}")).collect();
        output.line(format_args!("  {what}: {}", parts.join(", ")));
    }
}
