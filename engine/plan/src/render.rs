//! Decisions for people and for programs.

use entrain_model::{Action, Change, Decision, DesiredRecord, Edit, Relation, Sessions, Setting};
use serde_json::{Value as Json, json as value};

use crate::compare::{dense, is_unset};
use crate::matching::words;

/// One line for a terminal. Whatever the values contain, it has no control characters.
///
/// The first character says what happens: `+` appears, `~` changes, `=` is linked, `-` goes, `!` is held.
pub fn line(decision: &Decision) -> String {
    let line = match decision {
        Decision::Hold(object, hold) => {
            let (code, text) = (hold.code(), hold.to_string());
            let text = text.strip_prefix(code).and_then(|rest| rest.strip_prefix(": ")).unwrap_or(&text);
            format!("! {object}: held ({code}): {text}")
        }
        Decision::Change(Change { object, action, .. }) => {
            let (sign, text) = describe(action);
            format!("{sign} {object}: {text}")
        }
    };
    printable(&line)
}

/// One JSON object: `object`, and `change` with `phase` and `action`, or `hold` with its `code` and `text`.
///
/// The versions that a change was planned from are not part of it: the same change planned again is the same.
pub fn json(decision: &Decision) -> Json {
    match decision {
        Decision::Hold(object, hold) => value!({
            "object": object, "hold": {"code": hold.code(), "text": hold.to_string(), "detail": hold},
        }),
        Decision::Change(Change { object, phase, action, .. }) => value!({
            "object": object, "phase": phase, "action": action,
        }),
    }
}

fn describe(action: &Action) -> (char, String) {
    match action {
        Action::Link { id, evidence, write_anchor } => {
            let anchor = if *write_anchor { ", write the anchor" } else { "" };
            ('=', format!("link to {id}, found by {}{anchor}", words(evidence)))
        }
        Action::Unlink { id } => ('=', format!("forget the link to {id}")),
        Action::Create { record } => ('+', format!("create {}", settings(record))),
        Action::Restore { id, record } => ('+', format!("restore {id} from the recycle bin {}", settings(record))),
        Action::Update { edits, .. } => ('~', edits.iter().map(edit).collect::<Vec<_>>().join(", ")),
        Action::AddReference { relation: Relation::Manager, to } => ('~', format!("manager {to}")),
        Action::AddReference { relation, to } => ('+', format!("add {} {to}", relation.as_str())),
        Action::RemoveReference { relation, to_kind, to } => ('-', format!("remove {} {to_kind} {to}", relation.as_str())),
        Action::Disable { id, sessions: Sessions::End } => ('-', format!("block sign-in of {id} and revoke its sessions")),
        Action::Disable { id, sessions: Sessions::Keep } => ('-', format!("block sign-in of {id}")),
        Action::RevokeSessions { id } => ('-', format!("revoke the sessions of {id}")),
        Action::Issue { id, .. } => ('~', format!("issue a new first credential for {id}")),
        Action::Delete { id } => ('-', format!("delete {id} (to the recycle bin)")),
    }
}

/// The values that the record is to have; what shall have none is not worth a word.
fn settings(record: &DesiredRecord) -> String {
    let shown = record.settings.iter().filter_map(|(name, setting)| match setting {
        Setting::Set(value) | Setting::CreateOnly(value) | Setting::Yield(value) if !is_unset(value) => {
            Some(format!("{name} {}", dense(value)))
        }
        Setting::Set(_) | Setting::CreateOnly(_) | Setting::Yield(_) | Setting::Clear => None,
    });
    shown.collect::<Vec<_>>().join(", ")
}

fn edit(edit: &Edit) -> String {
    let was = match &edit.was {
        None => "?".to_owned(),
        Some(Json::Null) => "(none)".to_owned(),
        Some(value) => value.to_string(),
    };
    let to = if edit.to.is_null() { "(none)".to_owned() } else { edit.to.to_string() };
    format!("{} {was} -> {to}", edit.attribute)
}

fn printable(line: &str) -> String {
    let mut clean = String::with_capacity(line.len());
    for c in line.chars() {
        if c.is_control() || is_invisible(c) { clean.extend(c.escape_unicode()) } else { clean.push(c) }
    }
    clean
}

/// Characters that reorder or hide what stands beside them on a terminal.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}
