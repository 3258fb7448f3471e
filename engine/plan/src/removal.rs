//! An object that has a link and left the source or the scope.

use entrain_model::{Action, Actual, Anchor, Condition, Decision, Hold, Kind, LinkState, Phase, Removal, Sessions, Step};
use serde_json::Value as Json;

use crate::decide::Case;
use crate::edits::Known;
use crate::linked::lost_anchor;
use crate::matching::untouchable;

/// Does what the policy says, and nothing to a record that is gone already. References are not its business.
pub(crate) fn plan(case: Case<'_>, link: &LinkState) -> Vec<Decision> {
    let removal = match case.state.object.kind {
        Kind::User => case.policy.user_removal,
        Kind::Group => case.policy.group_removal,
    };
    let actual = case.state.actual.as_ref();
    let gone = actual.is_some_and(|actual| actual.condition != Condition::Live);
    if removal == Removal::LEAVE {
        return Vec::new();
    }
    if gone {
        let decision = if case.is_settling() {
            case.hold(Hold::Settling)
        } else {
            case.change(Phase::Removals, Action::Unlink { id: link.id.clone() })
        };
        return vec![decision];
    }
    let due: Vec<Due> = [access(case, link, removal), deletion(case, removal)].into_iter().flatten().collect();
    match actual.and_then(untouchable) {
        Some(hold) if !due.is_empty() => vec![case.hold(hold)],
        _ => due.into_iter().map(|due| due.decision(case, link, actual)).collect(),
    }
}

/// A step whose time has come.
enum Due {
    Access(Action),
    Deletion,
}

impl Due {
    fn decision(self, case: Case<'_>, link: &LinkState, actual: Option<&Actual>) -> Decision {
        match self {
            Due::Access(action) => case.change(Phase::Leavers, action),
            Due::Deletion => delete(case, link, actual),
        }
    }
}

/// Ends sign-in and sessions of a user. Kinds that nobody signs in with stay as they are.
fn access(case: Case<'_>, link: &LinkState, removal: Removal) -> Option<Due> {
    let enabled = case.kind().enabled?;
    let (id, blocked) = (link.id.clone(), Json::Bool(false));
    let known = Known { actual: case.state.actual.as_ref(), link: Some(link) };
    if removal.disable.is_taken() && known.latest(enabled).as_ref() != Some(&blocked) {
        let sessions = if removal.revoke_sessions.is_taken() { Sessions::End } else { Sessions::Keep };
        return Some(Due::Access(Action::Disable { id, sessions }));
    }
    // Whoever we blocked before lost the sessions with that.
    let ended = link.sent.get(enabled) == Some(&blocked) || case.state.left.is_some_and(|left| left.sessions_ended.is_some());
    (removal.revoke_sessions == Step::Take && !ended).then_some(Due::Access(Action::RevokeSessions { id }))
}

/// A leaver that no run has noted yet is as good as one that left now.
fn deletion(case: Case<'_>, removal: Removal) -> Option<Due> {
    let left = case.state.left.map_or(case.policy.now, |left| left.at);
    // A clock that was set back does not delay what is to be done at once.
    (removal.delete_after_days == Some(0) || removal.deletes_at(left)? <= case.policy.now).then_some(Due::Deletion)
}

fn delete(case: Case<'_>, link: &LinkState, actual: Option<&Actual>) -> Decision {
    if let Some(reason) = &case.state.retained {
        return case.hold(Hold::Retained { detail: reason.clone() });
    }
    let Some(actual) = actual else { return case.hold(Hold::IncompleteRead) };
    if actual.anchor == Anchor::Ours || link.anchored && !lost_anchor(actual, &case.kind().anchor) {
        return case.change(Phase::Removals, Action::Delete { id: link.id.clone() });
    }
    let id = &link.id;
    let detail =
        format!("record {id} carries no anchor of this object and is never deleted: delete it in the target if it shall go");
    case.hold(Hold::Protected { detail })
}
