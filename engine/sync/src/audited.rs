//! What the audit keeps of a change: field by field what was, and what was to be.

use entrain_model::{Action, Attributes, Relation, TargetId, Write};
use entrain_store::{Audit, CONDITION, Recall};
use serde_json::{Value as Json, json};

use crate::engine::Run;
use crate::outcome::{disabled, sent_attributes};
use crate::resolve::{Ready, edited};

/// The field that says which record the object is linked to.
const LINK: &str = "(link)";

/// The two sides of a change. What the plan did not know of the side before, the store adds from the mirror.
pub(crate) fn audit(run: &Run<'_>, ready: &Ready) -> Audit {
    let sent = || sent_attributes(ready).unwrap_or_default();
    let none = Attributes::new;
    let (before, after, recall) = match &ready.action {
        Action::Update { edits, .. } => {
            let known = edits.iter().filter_map(|edit| Some((edit.attribute.clone(), edit.was.clone()?)));
            (known.collect(), edited(edits), Recall::Nothing)
        }
        Action::Create { .. } => (none(), sent(), Recall::Nothing),
        Action::Restore { id, .. } => (link(None), with(with(sent(), condition("live")), link(Some(id))), Recall::Named),
        Action::Link { id, evidence, .. } => {
            let evidence = Attributes::from([("(evidence)".to_owned(), json!(evidence))]);
            (link(None), with(with(sent(), evidence), link(Some(id))), Recall::Named)
        }
        Action::Unlink { id } => (link(Some(id)), link(None), Recall::Nothing),
        Action::Disable { .. } => (none(), disabled(run), Recall::Named),
        Action::RevokeSessions { .. } => {
            (none(), Attributes::from([("(sessions)".to_owned(), "revoked".into())]), Recall::Nothing)
        }
        Action::Issue { .. } => (none(), Attributes::from([("(credential)".to_owned(), "issued".into())]), Recall::Nothing),
        Action::Delete { id } => (link(Some(id)), with(condition("deleted"), link(None)), Recall::Everything),
        Action::AddReference { relation, to } => {
            let value = json!({ "object": to, "record": other_end(ready) });
            let recall = if *relation == Relation::Manager { Recall::Manager } else { Recall::Nothing };
            (none(), reference(*relation, value), recall)
        }
        Action::RemoveReference { relation, to, .. } => {
            (reference(*relation, json!({ "record": to })), reference(*relation, Json::Null), Recall::OtherEnd)
        }
    };
    Audit { record: record(ready).cloned(), before, after, recall }
}

/// The record that is changed; a new one has no id yet.
fn record(ready: &Ready) -> Option<&TargetId> {
    match &ready.action {
        Action::Create { .. } => None,
        Action::Link { id, .. }
        | Action::Unlink { id }
        | Action::Restore { id, .. }
        | Action::Update { id, .. }
        | Action::Disable { id, .. }
        | Action::RevokeSessions { id }
        | Action::Issue { id, .. }
        | Action::Delete { id } => Some(id),
        Action::AddReference { .. } | Action::RemoveReference { .. } => match ready.write.as_ref()? {
            Write::AddReference { from, .. } | Write::RemoveReference { from, .. } => Some(from),
            Write::Create(_)
            | Write::Restore { .. }
            | Write::Update { .. }
            | Write::Disable { .. }
            | Write::RevokeSessions { .. }
            | Write::Issue { .. }
            | Write::Delete { .. }
            | Write::FirstMember { .. } => None,
        },
    }
}

fn other_end(ready: &Ready) -> Option<&TargetId> {
    match ready.write.as_ref()? {
        Write::AddReference { to, .. } | Write::FirstMember { to, .. } | Write::RemoveReference { to, .. } => Some(to),
        Write::Create(_)
        | Write::Restore { .. }
        | Write::Update { .. }
        | Write::Disable { .. }
        | Write::RevokeSessions { .. }
        | Write::Issue { .. }
        | Write::Delete { .. } => None,
    }
}

fn reference(relation: Relation, value: Json) -> Attributes {
    Attributes::from([(relation.as_str().to_owned(), value)])
}

fn condition(word: &str) -> Attributes {
    Attributes::from([(CONDITION.to_owned(), word.into())])
}

fn link(id: Option<&TargetId>) -> Attributes {
    Attributes::from([(LINK.to_owned(), json!(id))])
}

fn with(mut attributes: Attributes, more: Attributes) -> Attributes {
    attributes.extend(more);
    attributes
}
