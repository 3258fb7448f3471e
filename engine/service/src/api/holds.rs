//! Holds: objects that nothing is done about, and parking one on purpose.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use entrain_model::{Hold, ObjectRef};
use entrain_store::{HoldFilter, HoldRow};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use super::extract::{Asked, At, Body};
use super::page::{self, Page};
use super::{Api, about};
use crate::acts::{self, Unknown};
use crate::http::access::Caller;
use crate::http::problem::Problem;
use crate::view::{Held, KindWord};

/// Which holds.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct HoldsAsked {
    /// Only those of this target.
    #[param(pattern = r"^[^\x00]*$")]
    target: Option<String>,
    /// Only those of objects of this kind.
    kind: Option<KindWord>,
    /// Only those for this reason, by its code.
    #[param(pattern = r"^[^\x00]*$")]
    code: Option<String>,
    /// `next` of the page before.
    #[param(pattern = r"^[A-Za-z0-9_-]+$")]
    cursor: Option<String>,
    /// How many at most.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<u64>,
}

/// Why something is done.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Because {
    /// Why, for the record.
    #[schema(min_length = 1, max_length = 1000, pattern = r"^[^\x00]+$")]
    reason: String,
}

impl Because {
    /// The reason, if it is one.
    ///
    /// # Errors
    /// It is empty or too long.
    pub(super) fn reason(&self) -> Result<&str, Problem> {
        reason(&self.reason)
    }
}

/// A reason, if it is one.
///
/// # Errors
/// It is empty or too long.
pub(super) fn reason(text: &str) -> Result<&str, Problem> {
    match text.chars().count() {
        1..=1000 => Ok(text),
        _ => Err(Problem::invalid("`reason` has 1 to 1000 characters")),
    }
}

/// Behind which hold a page begins.
type Place = (String, ObjectRef, Hold);

/// The holds that stand
#[utoipa::path(get, path = "/holds", tag = "objects", params(HoldsAsked), responses((status = 200, body = Page<Held>)))]
pub(super) async fn list(
    State(api): State<Api>,
    caller: Caller,
    Asked(asked): Asked<HoldsAsked>,
) -> Result<Json<Page<Held>>, Problem> {
    let filter = HoldFilter { target: about(&caller, asked.target)?, kind: asked.kind.map(Into::into), code: asked.code };
    let size = page::size(asked.limit)?;
    let after = page::place(asked.cursor.as_deref())?.map(|(target, object, hold): Place| HoldRow {
        target: target.into(),
        object,
        hold,
        since: 0,
        run: String::new().into(),
    });
    let rows = api.engine.store().holds_page(&filter, after.as_ref(), size + 1).await?;
    let place = |row: &HoldRow| (row.target.to_string(), row.object.clone(), row.hold.clone());
    Ok(Json(Page::of(rows, size, place, |row| Held::of(&row))))
}

/// Leaves an object alone until it is unparked
#[utoipa::path(post, path = "/targets/{target}/objects/{kind}/{id}/park", tag = "objects",
    params(("target" = String, Path), ("kind" = KindWord, Path), ("id" = String, Path)), request_body = Because,
    responses((status = 204)))]
pub(super) async fn park(
    State(api): State<Api>,
    caller: Caller,
    At((target, kind, id)): At<(String, KindWord, String)>,
    Body(because): Body<Because>,
) -> Result<StatusCode, Problem> {
    let target = api.served(&caller, &target)?.config().name;
    let object = ObjectRef { kind: kind.into(), id: id.into() };
    acts::park(&api.store(&caller), &target, &object, because.reason()?).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Lets a parked object go on with the next sync
#[utoipa::path(post, path = "/targets/{target}/objects/{kind}/{id}/unpark", tag = "objects",
    params(("target" = String, Path), ("kind" = KindWord, Path), ("id" = String, Path)), responses((status = 204)))]
pub(super) async fn unpark(
    State(api): State<Api>,
    caller: Caller,
    At((target, kind, id)): At<(String, KindWord, String)>,
) -> Result<StatusCode, Problem> {
    let target = api.served(&caller, &target)?.config().name;
    let object = ObjectRef { kind: kind.into(), id: id.into() };
    if !api.engine.store().parked(&target).await?.contains_key(&object) {
        return Err(Problem::missing(format!("parked {object} in target `{target}`")));
    }
    acts::unpark(&api.store(&caller), &target, &object).await?;
    Ok(StatusCode::NO_CONTENT)
}

impl From<Unknown> for Problem {
    fn from(unknown: Unknown) -> Self {
        match unknown {
            Unknown::Object(object) => Problem::missing(format!("{object} in the source")),
            Unknown::Store(error) => error.into(),
        }
    }
}
