//! The users of the source.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use entrain_model::{Kind, ObjectRef};

use super::Api;
use super::extract::{Asked, At, Body};
use super::page::Page;
use super::runs::PageAsked;
use super::source::{New, Put, Tagged};
use crate::http::access::Caller;
use crate::http::problem::Problem;
use crate::view::SourceObject;

/// The users, by id
#[utoipa::path(get, path = "/source/users", operation_id = "list_users", tag = "source", params(PageAsked),
    responses((status = 200, body = Page<SourceObject>)))]
pub(super) async fn list(
    State(api): State<Api>,
    caller: Caller,
    Asked(asked): Asked<PageAsked>,
) -> Result<Json<Page<SourceObject>>, Problem> {
    api.objects(&caller, Kind::User, asked).await
}

/// One user
#[utoipa::path(get, path = "/source/users/{id}", operation_id = "show_user", tag = "source", params(("id" = String, Path)),
    responses((status = 200, body = SourceObject, headers(("ETag" = String, description = "Its version")))))]
pub(super) async fn show(State(api): State<Api>, caller: Caller, At(id): At<String>) -> Result<Tagged, Problem> {
    api.object(&caller, &ObjectRef::user(id)).await
}

/// Makes a user
#[utoipa::path(post, path = "/source/users", operation_id = "create_user", tag = "source", request_body = New,
    responses((status = 201, body = SourceObject, headers(("ETag" = String, description = "Its version")))))]
pub(super) async fn create(State(api): State<Api>, caller: Caller, Body(new): Body<New>) -> Result<Tagged, Problem> {
    api.create(&caller, Kind::User, new).await
}

/// Makes a user so, whether it is there or not
#[utoipa::path(put, path = "/source/users/{id}", operation_id = "put_user", tag = "source",
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
    api.put(&caller, &ObjectRef::user(id), &headers, put).await
}

/// Removes a user and its memberships
#[utoipa::path(delete, path = "/source/users/{id}", operation_id = "remove_user", tag = "source",
    params(("id" = String, Path), ("If-Match" = Option<String>, Header, description = "The version that was read, as its ETag")),
    responses((status = 204)))]
pub(super) async fn remove(
    State(api): State<Api>,
    caller: Caller,
    At(id): At<String>,
    headers: HeaderMap,
) -> Result<StatusCode, Problem> {
    api.remove(&caller, &ObjectRef::user(id), &headers).await
}
