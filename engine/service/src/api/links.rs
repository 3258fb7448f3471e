//! Links: which object is which record, and saying so otherwise.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use entrain_model::{ObjectRef, TargetId};
use serde::Deserialize;
use utoipa::ToSchema;

use super::Api;
use super::extract::{Asked, At, Body};
use super::holds::{Because, reason};
use super::page::{self, Page};
use super::runs::PageAsked;
use crate::http::access::Caller;
use crate::http::problem::Problem;
use crate::view::{KindWord, Linked};

/// The record that an object is to be linked to.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Relinking {
    /// The id of the record, as the last sync knows it.
    #[schema(min_length = 1, pattern = r"^[^\x00]+$")]
    record: String,
    /// Why, for the record.
    #[schema(min_length = 1, max_length = 1000, pattern = r"^[^\x00]+$")]
    reason: String,
}

/// The links of a target, users first
#[utoipa::path(get, path = "/targets/{target}/links", tag = "objects", params(("target" = String, Path), PageAsked),
    responses((status = 200, body = Page<Linked>)))]
pub(super) async fn list(
    State(api): State<Api>,
    caller: Caller,
    At(target): At<String>,
    Asked(asked): Asked<PageAsked>,
) -> Result<Json<Page<Linked>>, Problem> {
    let name = api.served(&caller, &target)?.config().name;
    let size = page::size(asked.limit)?;
    let after: Option<ObjectRef> = page::place(asked.cursor.as_deref())?;
    let rows = api.engine.store().links(&name, after.as_ref(), size + 1).await?;
    Ok(Json(Page::of(rows, size, |row| row.object.clone(), |row| Linked::of(&target, &row))))
}

/// The link of one object
#[utoipa::path(get, path = "/targets/{target}/links/{kind}/{id}", tag = "objects",
    params(("target" = String, Path), ("kind" = KindWord, Path), ("id" = String, Path)), responses((status = 200, body = Linked)))]
pub(super) async fn show(
    State(api): State<Api>,
    caller: Caller,
    At((target, kind, id)): At<(String, KindWord, String)>,
) -> Result<Json<Linked>, Problem> {
    let name = api.served(&caller, &target)?.config().name;
    let object = ObjectRef { kind: kind.into(), id: id.into() };
    let row = api.engine.store().link_of(&name, &object).await?;
    let row = row.ok_or_else(|| Problem::missing(format!("link of {object} in target `{name}`")))?;
    Ok(Json(Linked::of(&target, &row)))
}

/// Takes a link away and parks the object
///
/// The record stays as it is. Unparked, the object is linked again by its anchor and its keys.
#[utoipa::path(post, path = "/targets/{target}/links/{kind}/{id}/unlink", tag = "objects",
    params(("target" = String, Path), ("kind" = KindWord, Path), ("id" = String, Path)), request_body = Because,
    responses((status = 204)))]
pub(super) async fn unlink(
    State(api): State<Api>,
    caller: Caller,
    At((target, kind, id)): At<(String, KindWord, String)>,
    Body(because): Body<Because>,
) -> Result<StatusCode, Problem> {
    let name = api.served(&caller, &target)?.config().name;
    let object = ObjectRef { kind: kind.into(), id: id.into() };
    api.store(&caller).unlink(&name, &object, because.reason()?).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Links an object to another record, which the next sync then makes true
#[utoipa::path(post, path = "/targets/{target}/links/{kind}/{id}/relink", tag = "objects",
    params(("target" = String, Path), ("kind" = KindWord, Path), ("id" = String, Path)), request_body = Relinking,
    responses((status = 200, body = Linked)))]
pub(super) async fn relink(
    State(api): State<Api>,
    caller: Caller,
    At((target, kind, id)): At<(String, KindWord, String)>,
    Body(asked): Body<Relinking>,
) -> Result<Json<Linked>, Problem> {
    let name = api.served(&caller, &target)?.config().name;
    let object = ObjectRef { kind: kind.into(), id: id.into() };
    if api.engine.store().source_records(std::slice::from_ref(&object)).await?.is_empty() {
        return Err(Problem::missing(format!("{object} in the source")));
    }
    let record = TargetId::from(asked.record);
    let relinked = api.store(&caller).relink(&name, &object, &record, reason(&asked.reason)?).await?;
    Ok(Json(Linked::of(&target, &relinked.link)))
}
