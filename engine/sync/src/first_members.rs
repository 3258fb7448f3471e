//! The first members of new groups, which may travel with the groups.

use std::collections::{BTreeMap, BTreeSet};

use entrain_model::{
    Action, Change, Decision, DirectoryError, Kind, ObjectRef, Relation, TargetId, WritableDirectory, Write, Written,
};
use entrain_store::PlanLine;

use crate::SyncError;
use crate::engine::Run;
use crate::resolve::Ready;

/// Adds to the creates of groups the lines of as many of their members as the directory takes with a group. Members without a
/// record are left for later.
pub(crate) async fn with_members(
    run: &Run<'_>,
    directory: &dyn WritableDirectory,
    mut lines: Vec<PlanLine>,
) -> Result<Vec<PlanLine>, SyncError> {
    let most = directory.members_with_new();
    let groups: Vec<ObjectRef> = lines.iter().filter(|line| creates_group(line)).map(|line| line.object.clone()).collect();
    if most == 0 || groups.is_empty() {
        return Ok(lines);
    }
    let mut first = run.store().first_members(&run.id, &groups, most).await?;
    let members: BTreeSet<ObjectRef> = first.iter().filter_map(member).cloned().collect();
    let links = run.store().link_ids(&run.target.name, &members.into_iter().collect::<Vec<_>>()).await?;
    first.retain(|line| member(line).is_some_and(|member| links.contains_key(member)));
    lines.extend(first);
    Ok(lines)
}

/// The first members of groups that were made are from here on members like any others.
pub(crate) fn joined(mut started: Vec<Ready>, answers: &[Result<Written, DirectoryError>]) -> Vec<Ready> {
    let sent = started.iter().filter(|ready| ready.write.is_some());
    let made: BTreeMap<ObjectRef, TargetId> = sent
        .zip(answers)
        .filter(|(ready, _)| matches!(ready.action, Action::Create { .. }))
        .filter_map(|(ready, answer)| Some((ready.object.clone(), answer.as_ref().ok()?.id.clone()?)))
        .collect();
    for ready in &mut started {
        if let Some(Write::FirstMember { group, to_kind, to }) = &ready.write
            && let Some(from) = made.get(group)
        {
            let (from, to) = (from.clone(), to.clone());
            ready.write = Some(Write::AddReference { relation: Relation::Member, from, to_kind: *to_kind, to });
        }
    }
    started
}

fn creates_group(line: &PlanLine) -> bool {
    let Decision::Change(Change { object, action: Action::Create { .. }, .. }) = &line.decision else { return false };
    object.kind == Kind::Group
}

fn member(line: &PlanLine) -> Option<&ObjectRef> {
    match &line.decision {
        Decision::Change(Change { action: Action::AddReference { relation: Relation::Member, to }, .. }) => Some(to),
        Decision::Change(_) | Decision::Hold(..) => None,
    }
}
