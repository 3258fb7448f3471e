//! What a comparison of two mappings found, for people.

use entrain_model::ObjectRef;
use entrain_plan::Example;
use entrain_sync::{Moved, WhatIf};
use serde_json::Value as Json;

use crate::cli::{Exit, Output};

/// Patterns of one attribute that are shown; the JSON has more.
const PATTERNS: usize = 10;
/// Characters of a value that are shown.
const WIDTH: usize = 60;

/// How a command ends that only compares.
pub(super) fn exit(found: &WhatIf) -> Exit {
    let refused = !found.invalid.is_empty() || found.clashes.wanted + found.clashes.held > 0;
    match (found.failed > 0, refused) {
        (true, _) => Exit::Halted,
        (false, true) => Exit::Partial,
        (false, false) => Exit::Converged,
    }
}

/// All that was found.
pub(super) fn show(found: &WhatIf, output: &mut Output) {
    output.line(format_args!("  {} of {} objects would differ", found.differ, found.objects));
    for (kind, attribute, patterns) in found.groups.each() {
        let objects: u64 = patterns.iter().map(|(_, group)| group.objects).sum();
        output.line(format_args!("  {kind} {attribute}: {objects} objects"));
        for (pattern, group) in patterns.iter().take(PATTERNS) {
            output.line(format_args!("    {:>7}  {pattern}", group.objects));
            if let Some(example) = group.examples.first() {
                output.line(format_args!("             {}", one(example)));
            }
        }
        if patterns.len() > PATTERNS {
            output.line(format_args!("             and {} more patterns; --json has them", patterns.len() - PATTERNS));
        }
    }
    moved("enter the target", &found.enter, output);
    moved("leave the target", &found.leave, output);
    if found.mended > 0 {
        output.line(format_args!("  {} objects fail now and would pass", found.mended));
    }
    failures(found, output);
    invalid(found, output);
    clashes(found, output);
}

/// Where and why objects fail.
pub(super) fn failures(found: &WhatIf, output: &mut Output) {
    if found.failed > 0 {
        output.line(format_args!(
            "  {} objects fail, {} of them pass now; a run would halt the target",
            found.failed, found.newly_failed
        ));
    }
    for failure in &found.failures {
        let place = [
            Some(failure.script.clone()),
            failure.line.map(|line| format!("line {line}")),
            failure.column.map(|column| format!("column {column}")),
        ];
        let place: Vec<String> = place.into_iter().flatten().collect();
        output.line(format_args!("    {}: {}", place.join(", "), failure.message));
        output.line(format_args!("             {} objects: {}", failure.objects, named(&failure.examples, failure.objects)));
    }
    if found.parked > 0 {
        output.line(format_args!("  {} parked objects fail and stay parked", found.parked));
    }
}

fn invalid(found: &WhatIf, output: &mut Output) {
    for ((kind, attribute), of) in &found.invalid {
        output.line(format_args!("  {kind} {attribute}: the target would not take the value of {} objects", of.objects));
        for (object, why) in &of.examples {
            output.line(format_args!("             {object}: {why}"));
        }
    }
}

fn clashes(found: &WhatIf, output: &mut Output) {
    let clashes = &found.clashes;
    if clashes.wanted > 0 {
        output.line(format_args!("  {} unique values would be wanted by more than one object", clashes.wanted));
    }
    if clashes.held > 0 {
        output.line(format_args!("  {} unique values are those of another record of the target", clashes.held));
    }
    for clash in &clashes.first {
        let by = named(&clash.wanted_by, clash.objects);
        let held = clash.held_by.as_ref().map_or_else(String::new, |record| format!("; record {record} has it"));
        output.line(format_args!("             {} {} \"{}\": {by}{held}", clash.kind, clash.attribute, clash.value));
    }
}

fn moved(what: &str, moved: &Moved, output: &mut Output) {
    if moved.objects > 0 {
        output.line(format_args!("  {} objects would {what}: {}", moved.objects, named(&moved.examples, moved.objects)));
    }
}

fn one(example: &Example) -> String {
    format!("{}: {} -> {}", example.object, short(&example.from), short(&example.to))
}

fn named(objects: &[ObjectRef], all: u64) -> String {
    let names: Vec<String> = objects.iter().map(ToString::to_string).collect();
    let more = if all > objects.len() as u64 { ", .." } else { "" };
    format!("{}{more}", names.join(", "))
}

fn short(value: &Json) -> String {
    let text = if value.is_null() { "nothing".to_owned() } else { value.to_string() };
    match text.char_indices().nth(WIDTH) {
        Some((end, _)) => format!("{}..", &text[..end]),
        None => text,
    }
}
