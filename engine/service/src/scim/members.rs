//! Members of groups, one row at a time: a large group is never written as a whole.

use std::collections::BTreeSet;

use entrain_model::{Kind, ObjectRef, SourceId};
use entrain_scim::{MemberRef, MemberStep, ScimError};
use entrain_store::{Membership, Role, SourceChange, SourceWriter};

use super::answer::Failure;
use crate::import::scim as import;

/// Members that are looked at, or changed, at once.
const PAGE: i64 = 500;

/// Makes the steps in their order.
pub(super) async fn make(writer: &mut SourceWriter, group: &SourceId, steps: Vec<MemberStep>) -> Result<(), Failure> {
    let mut changed = 0;
    for step in steps {
        changed += match step {
            MemberStep::Add(members) => add(writer, group, &members).await?,
            MemberStep::Remove(ids) => {
                let rows = ids.iter().flat_map(|id| Kind::ALL.map(|kind| ObjectRef { kind, id: id.as_str().into() }));
                remove(writer, group, rows.collect()).await?
            }
            MemberStep::RemoveAll => keep(writer, group, &BTreeSet::new()).await?,
            MemberStep::Only(members) => {
                let ids = members.iter().map(|member| member.id.as_str()).collect();
                keep(writer, group, &ids).await? + add(writer, group, &members).await?
            }
        };
    }
    if changed > 0 {
        writer.touch_group(group).await?;
    }
    Ok(())
}

async fn add(writer: &mut SourceWriter, group: &SourceId, members: &[MemberRef]) -> Result<u64, Failure> {
    let mut rows = BTreeSet::new();
    for member in members {
        let id = SourceId::from(member.id.as_str());
        let Some(kind) = writer.kind_of(&id).await? else {
            return Err(ScimError::value(format!("there is no user or group `{id}` that could be a member")).into());
        };
        let row = Membership { group: group.clone(), member: ObjectRef { kind, id }, role: Role::Member };
        import::member_fits(&row.group, &row.member, row.role).map_err(ScimError::value)?;
        rows.insert(row);
    }
    let changes: Vec<SourceChange> = rows.into_iter().map(SourceChange::PutMembership).collect();
    Ok(writer.apply(&changes).await?.inserted)
}

async fn remove(writer: &mut SourceWriter, group: &SourceId, members: Vec<ObjectRef>) -> Result<u64, Failure> {
    let row = |member| SourceChange::RemoveMembership(Membership { group: group.clone(), member, role: Role::Member });
    let changes: Vec<SourceChange> = members.into_iter().map(row).collect();
    Ok(writer.apply(&changes).await?.removed)
}

/// Removes everybody but these.
async fn keep(writer: &mut SourceWriter, group: &SourceId, ids: &BTreeSet<&str>) -> Result<u64, Failure> {
    let (mut removed, mut after) = (0, None);
    loop {
        let page = writer.members_page(group, after.as_ref(), PAGE).await?;
        let Some(last) = page.last() else { return Ok(removed) };
        after = Some(last.member.clone());
        let gone = page.into_iter().map(|row| row.member).filter(|member| !ids.contains(member.id.as_str()));
        removed += remove(writer, group, gone.collect()).await?;
    }
}
