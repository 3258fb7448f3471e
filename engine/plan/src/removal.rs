//! An object that has a link and left the source or the scope.

use entrain_model::{Action, Actual, Anchor, Condition, Decision, Hold, Kind, LinkState, Phase, Removal};
use serde_json::Value as Json;

use crate::decide::Case;
use crate::edits::Known;
use crate::linked::lost_anchor;
use crate::matching::untouchable;

/// Does what the policy says, and nothing to a record that is gone already.
pub(crate) fn plan(case: Case<'_>, link: &LinkState) -> Vec<Decision> {
    let policy = match case.state.object.kind {
        Kind::User => case.policy.user_removal,
        Kind::Group => case.policy.group_removal,
    };
    let actual = case.state.actual.as_ref();
    let gone = actual.is_some_and(|actual| actual.condition != Condition::Live);
    let decision = match policy {
        Removal::Leave => None,
        Removal::Disable | Removal::Delete if gone && case.is_settling() => Some(case.hold(Hold::Settling)),
        Removal::Disable | Removal::Delete if gone => Some(case.change(Phase::Removals, Action::Unlink { id: link.id.clone() })),
        Removal::Disable => disable(case, link),
        Removal::Delete => Some(delete(case, link, actual)),
    };
    decision.into_iter().collect()
}

/// Blocks the sign-in of a user. Kinds that nobody signs in with stay as they are.
fn disable(case: Case<'_>, link: &LinkState) -> Option<Decision> {
    let enabled = case.kind().enabled?;
    let actual = case.state.actual.as_ref();
    let known = Known { actual, link: Some(link) };
    if known.latest(enabled) == Some(Json::Bool(false)) {
        return None;
    }
    Some(match actual.and_then(untouchable) {
        Some(hold) => case.hold(hold),
        None => case.change(Phase::Leavers, Action::Disable { id: link.id.clone() }),
    })
}

fn delete(case: Case<'_>, link: &LinkState, actual: Option<&Actual>) -> Decision {
    let Some(actual) = actual else { return case.hold(Hold::IncompleteRead) };
    if let Some(hold) = untouchable(actual) {
        return case.hold(hold);
    }
    if actual.anchor == Anchor::Ours || link.anchored && !lost_anchor(actual, &case.kind().anchor) {
        return case.change(Phase::Removals, Action::Delete { id: link.id.clone() });
    }
    let id = &link.id;
    let detail =
        format!("record {id} carries no anchor of this object and is never deleted: delete it in the target if it shall go");
    case.hold(Hold::Protected { detail })
}
