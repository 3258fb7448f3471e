//! An explanation for people.

use std::fmt::Display;

use entrain_mapping::Origin;
use entrain_model::{Candidate, Desired, Evidence, ObjectRef, ObjectState, Setting, TargetName};
use entrain_plan::Fit;
use entrain_store::{About, EffectRow, Key};
use entrain_sync::{Explanation, Permission, Source};
use serde_json::Value as Json;

use super::super::time::utc;
use super::super::{Output, report};

pub(super) fn show(target: &TargetName, explanation: &Explanation, output: &mut Output) {
    if let Some(halt) = &explanation.halt {
        row("target", "halted", output);
        report::show_halted(target, halt, output);
    }
    source(explanation, output);
    for rule in &explanation.rules {
        match &rule.against {
            None => row("scope", format_args!("passes: {}", rule.rule), output),
            Some(why) => row("scope", format_args!("kept out ({}): {}", why.code(), rule.rule), output),
        }
    }
    mapping(explanation, output);
    matching(explanation, output);
    if let Some(state) = &explanation.state {
        known(explanation, state, output);
    }
    plan(explanation, output);
    about(&explanation.object, &explanation.about, output);
}

fn source(explanation: &Explanation, output: &mut Output) {
    match &explanation.source {
        Source::Present(version, attributes) => {
            row("source", format_args!("version {version}"), output);
            for (name, value) in attributes {
                row("", format_args!("{name} = {value}"), output);
            }
        }
        Source::Deleted => row("source", "deleted: the source had it once (tombstone)", output),
        Source::Unknown(similar) => {
            let ids: Vec<_> = similar.iter().map(|object| object.id.to_string()).collect();
            let ids = if ids.is_empty() { "none".to_owned() } else { ids.join(", ") };
            row("source", format_args!("never seen; similar ids: {ids}"), output);
        }
    }
}

fn mapping(explanation: &Explanation, output: &mut Output) {
    match &explanation.mapping {
        None => {}
        Some(Err(halt)) => {
            row("mapping", "fails, which halts the target:", output);
            report::show_halt(halt, output);
        }
        Some(Ok(Desired::Present(record))) => {
            row("mapping", format_args!("{} attributes", record.settings.len()), output);
            for (name, setting) in &record.settings {
                let places: Vec<_> = explanation.origins.get(name).into_iter().flatten().map(place).collect();
                row("", format_args!("{name} {}  ({})", said(setting), places.join(", then ")), output);
            }
        }
        Some(Ok(Desired::OutOfScope(entrain_model::Why::Skipped(reason)))) => {
            row("mapping", format_args!("skips it (skipped): {reason}"), output);
        }
        Some(Ok(Desired::OutOfScope(_) | Desired::Absent(_))) => {}
        Some(Ok(Desired::Held(hold))) => row("mapping", format_args!("held ({}): {hold}", hold.code()), output),
    }
}

fn said(setting: &Setting) -> String {
    match setting {
        Setting::Set(value) => format!("= {value}"),
        Setting::Clear => "is cleared".to_owned(),
        Setting::CreateOnly(value) => format!("= {value} when it is made (create-only)"),
        Setting::Yield(value) => format!("= {value} where the target has none (yield)"),
    }
}

fn place(origin: &Origin) -> String {
    let lines: Vec<String> = origin.lines.iter().map(ToString::to_string).collect();
    if lines.is_empty() { origin.script.clone() } else { format!("{}:{}", origin.script, lines.join(" or ")) }
}

fn matching(explanation: &Explanation, output: &mut Output) {
    if explanation.about.link.is_some() {
        return;
    }
    for (key, found) in &explanation.keys {
        let none = if found.is_empty() { "nothing" } else { "" };
        row("matching", format_args!("by {}: {none}", key_words(key)), output);
        for (candidate, fit) in found {
            row("", candidate_words(candidate, fit), output);
        }
    }
}

fn key_words(key: &Key) -> String {
    match &key.evidence {
        Evidence::Anchor => format!("its anchor ({})", key.attribute),
        Evidence::TargetId => format!("the id that the source names, {}", key.value),
        Evidence::Key(_) | Evidence::Created => format!("{} = {}", key.attribute, key.value),
    }
}

fn candidate_words(candidate: &Candidate, fit: &Fit) -> String {
    let mut words = format!("record {}: {}", candidate.actual.id, fit.code());
    if let Fit::Refused(hold) = fit {
        words += &format!(" ({}): {hold}", hold.code());
    }
    if let Some(other) = &candidate.linked_to {
        words += &format!("; it is {other}");
    }
    words
}

fn known(explanation: &Explanation, state: &ObjectState, output: &mut Output) {
    match &explanation.about.link {
        None => row("link", "none", output),
        Some(link) => {
            let anchored = if link.link.anchored { "with our anchor" } else { "without our anchor" };
            let by = serde_json::to_value(&link.evidence).unwrap_or_default();
            row("link", format_args!("is record {}, {anchored}, since {}, by {by}", link.link.id, utc(link.linked_at)), output);
        }
    }
    if let Some(actual) = &state.actual {
        let marks = [
            (!actual.protection.is_empty(), "protected"),
            (actual.mastered_elsewhere, "mastered by another directory"),
            (actual.unwritable.is_some(), "not writable"),
        ];
        let marks: String = marks.iter().filter(|(is, _)| *is).map(|(_, word)| format!(", {word}")).collect();
        row("record", format_args!("{}{marks}", word(&actual.condition)), output);
        for (name, value) in &actual.attributes {
            row("", format_args!("{name} = {value}"), output);
        }
    }
    for contest in &state.contests {
        let wants = contest.wanted_by.iter().map(|object| format!("{object} wants it too"));
        let has = contest.held_by.iter().map(|(id, object)| match object {
            Some(object) => format!("record {id} of {object} has it"),
            None => format!("record {id} has it, which is linked to nothing"),
        });
        let others: Vec<String> = wants.chain(has).collect();
        row("contest", format_args!("{} = {}: {}", contest.attribute, contest.value, others.join("; ")), output);
    }
    if let Some(left) = &state.left {
        let next = match (&state.retained, explanation.deletes_at) {
            (Some(reason), _) => format!("held back: {reason}"),
            (None, Some(at)) => format!("will be deleted on {}", utc(at)),
            (None, None) => "its record is not deleted".to_owned(),
        };
        row("left", format_args!("{}, {next}", utc(left.at)), output);
    }
    if state.unsettled {
        row("unsettled", "an earlier change has an unknown outcome", output);
    }
}

fn plan(explanation: &Explanation, output: &mut Output) {
    if explanation.plan.is_empty() && explanation.state.is_some() {
        row("plan", "nothing is to be done", output);
    }
    for attribute in &explanation.left_to_target {
        row("left", format_args!("{attribute} stays as the target has it, by [target.authority]"), output);
    }
    for (decision, permission) in &explanation.plan {
        let left = match permission {
            Permission::Given => "",
            Permission::LeftByMode => "  (left alone in this mode)",
        };
        row("plan", format_args!("{}{left}", entrain_plan::line(decision)), output);
    }
}

fn about(object: &ObjectRef, about: &About, output: &mut Output) {
    for held in &about.holds {
        row("held", format_args!("{} ({}, since {})", held.hold, held.hold.code(), utc(held.since)), output);
    }
    if let Some(queued) = &about.queued {
        let error = queued.error.as_ref().map_or_else(String::new, |error| format!(", after: {error}"));
        let next = if queued.not_before > queued.since { utc(queued.not_before) } else { "as soon as it can".to_owned() };
        row("queue", format_args!("waits since {}, {} attempts, next {next}{error}", utc(queued.since), queued.attempts), output);
    }
    if let Some((holder, until)) = &about.lease {
        row("lease", format_args!("{holder} works on it, until {}", utc(*until)), output);
    }
    for run in &about.waiting {
        let why = run.reasons.join("; ");
        row("approval", format_args!("part of run {}, which waits since {}: {why}", run.run, utc(run.since)), output);
        let (id, only) = (&run.run, format_args!("--only \"{object}\""));
        row(
            "",
            format_args!("`entrain runs {id} --guarded` shows it; `entrain approve {id}` (or with {only}) lets it go"),
            output,
        );
    }
    for effect in &about.effects {
        row("done", effect_words(effect), output);
    }
}

fn effect_words(effect: &EffectRow) -> String {
    let mut words = format!("{} {} {}, run {}", utc(effect.started_at), effect.action.as_str(), effect.state, effect.run);
    if let Some(id) = &effect.request_id {
        words += &format!(", request-id {id}");
    }
    if let Some(detail) = &effect.detail {
        words += &format!(": {detail}");
    }
    words
}

fn word(value: &impl serde::Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(Json::String(word)) => word,
        _ => String::new(),
    }
}

/// A line of the explanation. Whatever the values contain, it has no control characters.
fn row(title: &str, text: impl Display, output: &mut Output) {
    let text: String = text.to_string().chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    output.line(format_args!("  {title:<9} {text}"));
}
