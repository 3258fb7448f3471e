//! Writing: POST, PUT, PATCH and DELETE, each one transaction.

use entrain_model::{Kind, SourceId, fold};
use entrain_scim::{Map, MemberRef, MemberStep, Patch, Projection, ResourceType, ScimError, Shape, document, replace, required};
use entrain_store::{GroupRow, SourceChange, SourceWriter, UserRow};
use serde_json::Value as Json;

use super::answer::{Failure, Reply};
use super::call::Call;
use super::lists::{missing, read};
use super::members;
use super::rows::{group_resource, group_row, user_resource, user_row};

/// A row as it was before.
enum Before {
    User(UserRow),
    Group(GroupRow),
}

/// POST.
pub(super) async fn create(
    call: &Call,
    of: &ResourceType,
    kind: Kind,
    body: Json,
    projection: &Projection,
) -> Result<Reply, Failure> {
    let shape = call.shape(of);
    let mut resource = document(&shape, body, call.client.profile)?;
    required(&shape, &resource)?;
    let id = SourceId::from(uuid::Uuid::now_v7().to_string());
    let members = MemberRef::list(resource.remove("members").filter(|_| kind == Kind::Group).as_ref())?;
    let mut writer = call.store().source_writer().await?;
    put(&mut writer, &shape, &id, kind, resource, None).await?;
    if !members.is_empty() {
        members::make(&mut writer, &id, vec![MemberStep::Add(members)]).await?;
    }
    writer.commit().await?;
    read(call, of, kind, id.as_str(), projection, 201).await
}

/// PUT.
pub(super) async fn put_whole(
    call: &Call,
    of: &ResourceType,
    kind: Kind,
    id: &str,
    body: Json,
    projection: &Projection,
) -> Result<Reply, Failure> {
    let shape = call.shape(of);
    let resource = document(&shape, body, call.client.profile)?;
    let mut writer = call.store().source_writer().await?;
    let id = SourceId::from(id);
    let (before, old) = current(call, &mut writer, &shape, kind, &id).await?;
    let mut resource = replace(&shape, &old, resource)?;
    required(&shape, &resource)?;
    let members = resource.remove("members");
    put(&mut writer, &shape, &id, kind, resource, Some(&before)).await?;
    if kind == Kind::Group {
        members::make(&mut writer, &id, vec![MemberStep::Only(MemberRef::list(members.as_ref())?)]).await?;
    }
    writer.commit().await?;
    read(call, of, kind, id.as_str(), projection, 200).await
}

/// PATCH. That of a group is answered without a body, unless attributes are asked for: its members may be many.
pub(super) async fn patch(
    call: &Call,
    of: &ResourceType,
    kind: Kind,
    id: &str,
    body: Json,
    projection: &Projection,
) -> Result<Reply, Failure> {
    let (shape, profile) = (call.shape(of), call.client.profile);
    let mut patch = Patch::parse(body, profile)?;
    let steps = if kind == Kind::Group { patch.take_members(&shape, profile)? } else { Vec::new() };
    let mut writer = call.store().source_writer().await?;
    let id = SourceId::from(id);
    let (before, mut resource) = current(call, &mut writer, &shape, kind, &id).await?;
    if !patch.operations.is_empty() {
        patch.apply(&shape, &mut resource, profile)?;
        required(&shape, &resource)?;
        put(&mut writer, &shape, &id, kind, resource, Some(&before)).await?;
    }
    members::make(&mut writer, &id, steps).await?;
    writer.commit().await?;
    if kind == Kind::User || projection.is_chosen() {
        return read(call, of, kind, id.as_str(), projection, 200).await;
    }
    let bare = Projection::new(vec!["meta.version".into()], Vec::new())?;
    let reply = read(call, of, kind, id.as_str(), &bare, 200).await?;
    Ok(Reply { status: 204, document: None, ..reply })
}

/// DELETE.
pub(super) async fn remove(call: &Call, of: &ResourceType, kind: Kind, id: &str) -> Result<Reply, Failure> {
    let shape = call.shape(of);
    let mut writer = call.store().source_writer().await?;
    let id = SourceId::from(id);
    current(call, &mut writer, &shape, kind, &id).await?;
    let change = match kind {
        Kind::User => SourceChange::RemoveUser(id.clone()),
        Kind::Group => SourceChange::RemoveGroup(id.clone()),
    };
    writer.apply(&[change]).await?;
    writer.commit().await?;
    Ok(Reply { id: Some(id.to_string()), ..Reply::bare(204) })
}

/// The row as it is, and the resource that it is; nobody else changes it before the transaction ends.
async fn current(
    call: &Call,
    writer: &mut SourceWriter,
    shape: &Shape<'_>,
    kind: Kind,
    id: &SourceId,
) -> Result<(Before, Map), Failure> {
    let gone = || missing(shape.resource_type, id.as_str());
    match kind {
        Kind::User => {
            let kept = writer.kept_user(id).await?.ok_or_else(gone)?;
            call.still(kept.version)?;
            let resource = user_resource(call.catalog(), shape, &kept.row);
            Ok((Before::User(kept.row), resource))
        }
        Kind::Group => {
            let kept = writer.kept_group(id).await?.ok_or_else(gone)?;
            call.still(kept.version)?;
            let resource = group_resource(call.catalog(), shape, &kept.row);
            Ok((Before::Group(kept.row), resource))
        }
    }
}

/// Writes the row of a resource. A login that somebody else has is refused, whatever its capital letters.
async fn put(
    writer: &mut SourceWriter,
    shape: &Shape<'_>,
    id: &SourceId,
    kind: Kind,
    resource: Map,
    before: Option<&Before>,
) -> Result<(), Failure> {
    let change = match (kind, before) {
        (Kind::User, before) => {
            let before = before.and_then(|before| if let Before::User(row) = before { Some(row) } else { None });
            let row = user_row(shape, id, resource, before)?;
            let login = fold(&row.user_name);
            if before.is_none_or(|before| fold(&before.user_name) != login)
                && let Some(other) = writer.login_holder(&login, id).await?
            {
                return Err(ScimError::taken(format!("the login is that of user {other} already")).into());
            }
            SourceChange::PutUser(row)
        }
        (Kind::Group, before) => {
            let before = before.and_then(|before| if let Before::Group(row) = before { Some(row) } else { None });
            SourceChange::PutGroup(group_row(shape, id, resource, before)?)
        }
    };
    writer.apply(&[change]).await?;
    Ok(())
}
