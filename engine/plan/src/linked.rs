//! An object that has a link and shall be present.

use entrain_model::{
    Action, Actual, Anchor, Condition, Decision, DesiredRecord, Edit, Evidence, Hold, LinkState, ObjectRef, Outstanding, Phase,
    Value,
};
use serde_json::Value as Json;

use crate::decide::Case;
use crate::edits::{Known, is_drifting};
use crate::matching::untouchable;

/// Updates what differs; restores or makes anew what is gone.
pub(crate) fn plan(case: Case<'_>, record: &DesiredRecord, link: &LinkState) -> Vec<Decision> {
    let actual = case.state.actual.as_ref();
    let known = Known { actual, link: Some(link) };
    let there = actual.filter(|actual| actual.condition != Condition::Gone);
    if let Some(hold) = there.and_then(untouchable) {
        return vec![case.hold(hold)];
    }
    match actual.map(|actual| actual.condition) {
        Some(Condition::Deleted | Condition::Gone) if case.is_settling() => vec![case.hold(Hold::Settling)],
        None | Some(Condition::Live) => live(case, record, link, known),
        Some(Condition::Deleted) => deleted(case, record, link, actual),
        Some(Condition::Gone) => {
            vec![case.change(Phase::Links, Action::Unlink { id: link.id.clone() }), case.create(record)]
        }
    }
}

fn live(case: Case<'_>, record: &DesiredRecord, link: &LinkState, known: Known<'_>) -> Vec<Decision> {
    if let Some(hold) = case.refusal(record, known, Some(&link.id)) {
        return held(case, record, link, known, hold);
    }
    match case.update(record, known, &link.id) {
        Err(hold) => held(case, record, link, known, hold),
        Ok(update) => {
            let anchor = anchor_again(case, link).filter(|_| !case.is_settling());
            let credential = outstanding(case, record, link);
            anchor.into_iter().chain(update).chain(credential).chain(late(case, record, known)).collect()
        }
    }
}

/// The hold of a user whose first credential reached nobody.
pub fn undelivered(object: &ObjectRef, detail: &str) -> Hold {
    Hold::Undelivered { detail: format!("{detail}; `entrain password reissue \"{object}\"` makes another one") }
}

/// What is to be done about a first credential that has reached nobody. It keeps nothing else waiting.
fn outstanding(case: Case<'_>, record: &DesiredRecord, link: &LinkState) -> Option<Decision> {
    match case.state.outstanding.as_ref()? {
        Outstanding::Lost { detail } => Some(case.hold(undelivered(&case.state.object, detail))),
        Outstanding::Due => {
            let login = case.kind().login.and_then(|login| record.text(login)).unwrap_or_default().to_owned();
            Some(case.change(Phase::Updates, Action::Issue { id: link.id.clone(), login }))
        }
    }
}

/// A read shows something else than what was just written: the record is looked at again when it has settled.
fn late(case: Case<'_>, record: &DesiredRecord, known: Known<'_>) -> Option<Decision> {
    (case.is_settling() && is_drifting(record, known, case.kind())).then(|| case.hold(Hold::Settling))
}

/// A hold on data never delays the block of a sign-in: that goes ahead alone.
fn held(case: Case<'_>, record: &DesiredRecord, link: &LinkState, known: Known<'_>, hold: Hold) -> Vec<Decision> {
    block(case, record, link, known).into_iter().chain([case.hold(hold)]).collect()
}

fn block(case: Case<'_>, record: &DesiredRecord, link: &LinkState, known: Known<'_>) -> Option<Decision> {
    let enabled = case.kind().enabled?;
    let blocked = Json::Bool(false);
    if record.enforced(enabled) != Some(&blocked) || known.latest(enabled).as_ref() == Some(&blocked) {
        return None;
    }
    let was = match known.value(enabled) {
        Value::Unknown => None,
        Value::Unset => Some(Json::Null),
        Value::Value(value) => Some(value),
    };
    let edits = vec![Edit { attribute: enabled.to_owned(), was, to: blocked }];
    Some(case.change(Phase::Leavers, Action::Update { id: link.id.clone(), edits }))
}

/// Whether the record is known to carry no anchor; an anchor that was not read is not lost.
pub(crate) fn lost_anchor(actual: &Actual, attribute: &str) -> bool {
    actual.anchor == Anchor::Absent && Known { actual: Some(actual), link: None }.value(attribute) == Value::Unset
}

/// Writes the anchor once more where somebody took it away.
fn anchor_again(case: Case<'_>, link: &LinkState) -> Option<Decision> {
    let lost = case.state.actual.as_ref().is_some_and(|actual| lost_anchor(actual, &case.kind().anchor));
    (link.anchored && lost).then(|| {
        let action = Action::Link { id: link.id.clone(), evidence: Evidence::TargetId, write_anchor: true };
        case.change(Phase::Links, action)
    })
}

fn deleted(case: Case<'_>, record: &DesiredRecord, link: &LinkState, actual: Option<&Actual>) -> Vec<Decision> {
    let ours = link.anchored || actual.is_some_and(|actual| actual.anchor == Anchor::Ours);
    if ours {
        return vec![case.restore(record, &link.id)];
    }
    let detail = format!(
        "record {} is in the recycle bin and carries no anchor of this object: restore it by hand, or empty it from the bin \
         to have a new one made",
        link.id
    );
    vec![case.hold(Hold::Ambiguous { detail })]
}
