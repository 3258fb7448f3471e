//! Writing: POST, PUT, PATCH and DELETE, each one transaction.

use entrain_model::{SourceId, fold};
use entrain_scim::{
    Catalog, Map, MemberRef, MemberStep, Patch, Profile, Projection, ResourceType, ScimError, Shape, document, replace, required,
};
use entrain_store::{GroupRow, SourceChange, SourceWriter, UserRow};
use serde_json::Value as Json;

use super::answer::{Failure, Reply};
use super::call::Call;
use super::kept::{Kept, other_resource, other_row, unique_values};
use super::lists::{missing, read};
use super::members;
use super::rows::{group_resource, group_row, user_resource, user_row};

/// A row as it was before.
enum Before {
    User(UserRow),
    Group(GroupRow),
    Other,
}

/// POST.
pub(super) async fn create(
    call: &Call,
    of: &ResourceType,
    kept: Kept,
    body: Json,
    projection: &Projection,
) -> Result<Reply, Failure> {
    let shape = call.shape(of);
    let mut resource = document(&shape, body, call.client.profile)?;
    required(&shape, &resource)?;
    let id = SourceId::from(uuid::Uuid::now_v7().to_string());
    let members = MemberRef::list(taken_members(kept, &mut resource).as_ref())?;
    let mut writer = call.store().source_writer().await?;
    put(&mut writer, &shape, &id, kept, resource, None).await?;
    if !members.is_empty() {
        members::make(&mut writer, &id, vec![MemberStep::Add(members)]).await?;
    }
    writer.commit().await?;
    read(call, of, kept, id.as_str(), projection, 201).await
}

/// PUT.
pub(super) async fn put_whole(
    call: &Call,
    of: &ResourceType,
    kept: Kept,
    id: &str,
    body: Json,
    projection: &Projection,
) -> Result<Reply, Failure> {
    let shape = call.shape(of);
    let resource = document(&shape, body, call.client.profile)?;
    let mut writer = call.store().source_writer().await?;
    let id = SourceId::from(id);
    let (before, old) = current(call, &mut writer, &shape, kept, &id).await?;
    let mut resource = replace(&shape, &old, resource)?;
    required(&shape, &resource)?;
    let members = taken_members(kept, &mut resource);
    put(&mut writer, &shape, &id, kept, resource, Some(&before)).await?;
    if kept == Kept::Group {
        members::make(&mut writer, &id, vec![MemberStep::Only(MemberRef::list(members.as_ref())?)]).await?;
    }
    writer.commit().await?;
    read(call, of, kept, id.as_str(), projection, 200).await
}

/// PATCH. That of a group is answered without a body, unless attributes are asked for: its members may be many.
pub(super) async fn patch(
    call: &Call,
    of: &ResourceType,
    kept: Kept,
    id: &str,
    body: Json,
    projection: &Projection,
) -> Result<Reply, Failure> {
    let (shape, profile) = (call.shape(of), call.client.profile);
    let mut patch = Patch::parse(body, profile)?;
    let steps = if kept == Kept::Group { patch.take_members(&shape, profile)? } else { Vec::new() };
    let mut writer = call.store().source_writer().await?;
    let id = SourceId::from(id);
    let (before, mut resource) = current(call, &mut writer, &shape, kept, &id).await?;
    if !patch.operations.is_empty() {
        let said = resource.contains_key("active");
        patch.apply(&shape, &mut resource, profile)?;
        if kept == Kept::User && said && !resource.contains_key("active") {
            resource.insert("active".into(), Json::Null);
        }
        required(&shape, &resource)?;
        put(&mut writer, &shape, &id, kept, resource, Some(&before)).await?;
    }
    members::make(&mut writer, &id, steps).await?;
    writer.commit().await?;
    if kept != Kept::Group || projection.is_chosen() {
        return read(call, of, kept, id.as_str(), projection, 200).await;
    }
    let bare = Projection::new(vec!["meta.version".into()], Vec::new())?;
    let reply = read(call, of, kept, id.as_str(), &bare, 200).await?;
    Ok(Reply { status: 204, document: None, ..reply })
}

/// DELETE.
pub(super) async fn remove(call: &Call, of: &ResourceType, kept: Kept, id: &str) -> Result<Reply, Failure> {
    let shape = call.shape(of);
    let mut writer = call.store().source_writer().await?;
    let id = SourceId::from(id);
    current(call, &mut writer, &shape, kept, &id).await?;
    match kept {
        Kept::User => drop(writer.apply(&[SourceChange::RemoveUser(id.clone())]).await?),
        Kept::Group => drop(writer.apply(&[SourceChange::RemoveGroup(id.clone())]).await?),
        Kept::Other => writer.remove_resource(&id).await?,
    }
    writer.commit().await?;
    Ok(Reply { id: Some(id.to_string()), ..Reply::bare(204) })
}

/// Makes an object so, new or not, within a transaction. Members stay as they are unless they are named.
pub(super) async fn make_so(
    catalog: &Catalog,
    writer: &mut SourceWriter,
    shape: &Shape<'_>,
    kept: Kept,
    id: &SourceId,
    (body, profile): (Json, Profile),
) -> Result<(), Failure> {
    let mut resource = document(shape, body, profile)?;
    let before = match kept {
        Kept::User => writer.kept_user(id).await?.map(|kept| (user_resource(catalog, shape, &kept.row), Before::User(kept.row))),
        Kept::Group => {
            writer.kept_group(id).await?.map(|kept| (group_resource(catalog, shape, &kept.row), Before::Group(kept.row)))
        }
        Kept::Other => None,
    };
    if let Some((old, _)) = &before {
        resource = replace(shape, old, resource)?;
    }
    required(shape, &resource)?;
    let members = taken_members(kept, &mut resource);
    put(writer, shape, id, kept, resource, before.as_ref().map(|(_, before)| before)).await?;
    if members.is_some() {
        members::make(writer, id, vec![MemberStep::Only(MemberRef::list(members.as_ref())?)]).await?;
    }
    Ok(())
}

/// The members of a group, which are rows of their own.
fn taken_members(kept: Kept, resource: &mut Map) -> Option<Json> {
    if kept == Kept::Group { resource.remove("members") } else { None }
}

/// The row as it is, and the resource that it is; nobody else changes it before the transaction ends.
async fn current(
    call: &Call,
    writer: &mut SourceWriter,
    shape: &Shape<'_>,
    kept: Kept,
    id: &SourceId,
) -> Result<(Before, Map), Failure> {
    let gone = || missing(shape.resource_type, id.as_str());
    match kept {
        Kept::User => {
            let kept = writer.kept_user(id).await?.ok_or_else(gone)?;
            call.still(kept.version)?;
            let resource = user_resource(call.catalog(), shape, &kept.row);
            Ok((Before::User(kept.row), resource))
        }
        Kept::Group => {
            let kept = writer.kept_group(id).await?.ok_or_else(gone)?;
            call.still(kept.version)?;
            let resource = group_resource(call.catalog(), shape, &kept.row);
            Ok((Before::Group(kept.row), resource))
        }
        Kept::Other => {
            let kept = writer.kept_resource(&shape.resource_type.name, id).await?.ok_or_else(gone)?;
            call.still(kept.version)?;
            Ok((Before::Other, other_resource(&kept.row)))
        }
    }
}

/// Writes the row of a resource. A login that somebody else has is refused, whatever its capital letters.
async fn put(
    writer: &mut SourceWriter,
    shape: &Shape<'_>,
    id: &SourceId,
    kept: Kept,
    resource: Map,
    before: Option<&Before>,
) -> Result<(), Failure> {
    let change = match (kept, before) {
        (Kept::User, before) => {
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
        (Kept::Group, before) => {
            let before = before.and_then(|before| if let Before::Group(row) = before { Some(row) } else { None });
            SourceChange::PutGroup(group_row(shape, id, resource, before)?)
        }
        (Kept::Other, _) => {
            let unique = unique_values(shape, &resource);
            let taken = writer.put_resource(&other_row(shape, id, resource), &unique).await?;
            return taken
                .map_or(Ok(()), |name| Err(ScimError::taken(format!("another resource has this `{name}` already")).into()));
        }
    };
    writer.apply(&[change]).await?;
    Ok(())
}
