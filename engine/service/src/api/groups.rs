//! The groups of the source.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use entrain_model::{Kind, ObjectRef, SourceId};
use entrain_store::{Membership, Role, SourceChange};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Api;
use super::extract::{Asked, At, Body};
use super::page::{self, Page};
use super::runs::PageAsked;
use super::source::{New, Put, Tagged, version};
use crate::http::access::Caller;
use crate::http::problem::Problem;
use crate::import::scim as rows;
use crate::view::{KindWord, SourceObject};

/// The groups, by id
#[utoipa::path(get, path = "/source/groups", operation_id = "list_groups", tag = "source", params(PageAsked),
    responses((status = 200, body = Page<SourceObject>)))]
pub(super) async fn list(
    State(api): State<Api>,
    caller: Caller,
    Asked(asked): Asked<PageAsked>,
) -> Result<Json<Page<SourceObject>>, Problem> {
    api.objects(&caller, Kind::Group, asked).await
}

/// One group
#[utoipa::path(get, path = "/source/groups/{id}", operation_id = "show_group", tag = "source", params(("id" = String, Path)),
    responses((status = 200, body = SourceObject, headers(("ETag" = String, description = "Its version")))))]
pub(super) async fn show(State(api): State<Api>, caller: Caller, At(id): At<String>) -> Result<Tagged, Problem> {
    api.object(&caller, &ObjectRef::group(id)).await
}

/// Makes a group
#[utoipa::path(post, path = "/source/groups", operation_id = "create_group", tag = "source", request_body = New,
    responses((status = 201, body = SourceObject, headers(("ETag" = String, description = "Its version")))))]
pub(super) async fn create(State(api): State<Api>, caller: Caller, Body(new): Body<New>) -> Result<Tagged, Problem> {
    api.create(&caller, Kind::Group, new).await
}

/// Makes a group so, whether it is there or not
#[utoipa::path(put, path = "/source/groups/{id}", operation_id = "put_group", tag = "source",
    params(("id" = String, Path), ("If-Match" = Option<String>, Header, description = "The version that was read, as its ETag")),
    request_body = Put,
    responses((status = 200, body = SourceObject), (status = 201, body = SourceObject)))]
pub(super) async fn put(
    State(api): State<Api>,
    caller: Caller,
    At(id): At<String>,
    headers: HeaderMap,
    Body(put): Body<Put>,
) -> Result<Tagged, Problem> {
    api.put(&caller, &ObjectRef::group(id), &headers, put).await
}

/// Removes a group and its memberships
#[utoipa::path(delete, path = "/source/groups/{id}", operation_id = "remove_group", tag = "source",
    params(("id" = String, Path), ("If-Match" = Option<String>, Header, description = "The version that was read, as its ETag")),
    responses((status = 204)))]
pub(super) async fn remove(
    State(api): State<Api>,
    caller: Caller,
    At(id): At<String>,
    headers: HeaderMap,
) -> Result<StatusCode, Problem> {
    api.remove(&caller, &ObjectRef::group(id), &headers).await
}

/// What a member is in a group.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum RoleWord {
    /// A member.
    Member,
    /// An owner.
    Owner,
}

impl From<RoleWord> for Role {
    fn from(word: RoleWord) -> Self {
        match word {
            RoleWord::Member => Role::Member,
            RoleWord::Owner => Role::Owner,
        }
    }
}

/// Who is in a group, and as what.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct InGroup {
    kind: KindWord,
    id: String,
    role: RoleWord,
}

impl InGroup {
    fn of(row: Membership) -> Self {
        let role = match row.role {
            Role::Member => RoleWord::Member,
            Role::Owner => RoleWord::Owner,
        };
        Self { kind: row.member.kind.into(), id: row.member.id.to_string(), role }
    }
}

/// Behind which membership a page begins.
type Place = (Role, ObjectRef);

/// Who is in a group
#[utoipa::path(get, path = "/source/groups/{id}/members", operation_id = "list_members", tag = "source",
    params(("id" = String, Path), PageAsked), responses((status = 200, body = Page<InGroup>)))]
pub(super) async fn members(
    State(api): State<Api>,
    caller: Caller,
    At(id): At<String>,
    Asked(asked): Asked<PageAsked>,
) -> Result<Json<Page<InGroup>>, Problem> {
    caller.require_all_targets()?;
    let (store, group) = (api.engine.store(), SourceId::from(id));
    if store.group_row(&group).await?.is_none() {
        return Err(Problem::missing(format!("group {group} in the source")));
    }
    let size = page::size(asked.limit)?;
    let after = page::place(asked.cursor.as_deref())?;
    let after = after.map(|(role, member): Place| Membership { group: group.clone(), member, role });
    let rows = store.memberships_of(&group, after.as_ref(), size + 1).await?;
    Ok(Json(Page::of(rows, size, |row| (row.role, row.member.clone()), InGroup::of)))
}

/// The place of a membership in the path.
type MemberAt = (String, RoleWord, KindWord, String);

/// Puts somebody into a group
#[utoipa::path(put, path = "/source/groups/{id}/{role}/{kind}/{member}", operation_id = "add_member", tag = "source",
    params(("id" = String, Path), ("role" = RoleWord, Path), ("kind" = KindWord, Path), ("member" = String, Path)),
    responses((status = 204)))]
pub(super) async fn add_member(State(api): State<Api>, caller: Caller, At(at): At<MemberAt>) -> Result<StatusCode, Problem> {
    caller.require_all_targets()?;
    let row = membership(at);
    rows::member_fits(&row.group, &row.member, row.role).map_err(Problem::refused)?;
    let mut writer = api.store(&caller).source_writer().await?;
    for object in [ObjectRef::group(row.group.clone()), row.member.clone()] {
        if version(&mut writer, &object).await?.is_none() {
            return Err(Problem::missing(format!("{object} in the source")));
        }
    }
    writer.apply(&[SourceChange::PutMembership(row)]).await?;
    writer.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Takes somebody out of a group
#[utoipa::path(delete, path = "/source/groups/{id}/{role}/{kind}/{member}", operation_id = "remove_member", tag = "source",
    params(("id" = String, Path), ("role" = RoleWord, Path), ("kind" = KindWord, Path), ("member" = String, Path)),
    responses((status = 204)))]
pub(super) async fn remove_member(State(api): State<Api>, caller: Caller, At(at): At<MemberAt>) -> Result<StatusCode, Problem> {
    caller.require_all_targets()?;
    let row = membership(at);
    let what = format!("{} as {} of group {}", row.member, row.role.as_str(), row.group);
    let mut writer = api.store(&caller).source_writer().await?;
    if writer.apply(&[SourceChange::RemoveMembership(row)]).await?.removed == 0 {
        return Err(Problem::missing(what));
    }
    writer.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}

fn membership((group, role, kind, member): MemberAt) -> Membership {
    let member = ObjectRef { kind: kind.into(), id: member.into() };
    Membership { group: group.into(), member, role: role.into() }
}
