//! The audit: what was done and decided, and by whom.

use axum::Json;
use axum::extract::State;
use entrain_model::{ObjectRef, RunId};
use entrain_store::AuditScope;
use serde::Deserialize;
use utoipa::IntoParams;

use super::extract::Asked;
use super::page::{self, Page};
use super::{Api, about};
use crate::cli::since;
use crate::http::access::Caller;
use crate::http::problem::Problem;
use crate::view::{AuditEntry, KindWord};

/// Which rows.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct AuditAsked {
    /// Only those of this target.
    #[param(pattern = r"^[^\x00]*$")]
    target: Option<String>,
    /// Only those of this run.
    #[param(pattern = r"^[^\x00]*$")]
    run: Option<String>,
    /// Only those about an object of this kind; with `id`.
    kind: Option<KindWord>,
    /// Only those about the object of this id; with `kind`.
    #[param(pattern = r"^[^\x00]*$")]
    id: Option<String>,
    /// Only those of this action or decision.
    #[param(pattern = r"^[^\x00]*$")]
    action: Option<String>,
    /// Only those by this author.
    #[param(pattern = r"^[^\x00]*$")]
    by: Option<String>,
    /// Only those from this time on, or since so long ago, as in `24h`.
    #[param(
        pattern = r"^([0-9]{1,6}[mhd]|20[0-9]{2}-(0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])(T[01][0-9]:[0-5][0-9]:[0-5][0-9]Z)?)$"
    )]
    since: Option<String>,
    /// Only those before this time, written likewise.
    #[param(
        pattern = r"^([0-9]{1,6}[mhd]|20[0-9]{2}-(0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])(T[01][0-9]:[0-5][0-9]:[0-5][0-9]Z)?)$"
    )]
    until: Option<String>,
    /// `next` of the page before.
    #[param(pattern = r"^[A-Za-z0-9_-]+$")]
    cursor: Option<String>,
    /// How many at most.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<u64>,
}

/// What was done and decided, in the order of the chain
#[utoipa::path(get, path = "/audit", tag = "audit", params(AuditAsked), responses((status = 200, body = Page<AuditEntry>)))]
pub(super) async fn list(
    State(api): State<Api>,
    caller: Caller,
    Asked(asked): Asked<AuditAsked>,
) -> Result<Json<Page<AuditEntry>>, Problem> {
    let now = api.engine.store().now();
    let time = |text: Option<&String>| text.map(|text| since(text, now).map_err(Problem::invalid)).transpose();
    let object = match (asked.kind, asked.id) {
        (Some(kind), Some(id)) => Some(ObjectRef { kind: kind.into(), id: id.into() }),
        (None, None) => None,
        (Some(_), None) | (None, Some(_)) => return Err(Problem::refused("name `kind` and `id` together, or neither")),
    };
    let scope = AuditScope {
        since: time(asked.since.as_ref())?,
        until: time(asked.until.as_ref())?,
        target: about(&caller, asked.target)?,
        object,
        run: asked.run.map(RunId::from),
        action: asked.action,
        author: asked.by,
    };
    let size = page::size(asked.limit)?;
    let after: i64 = page::place(asked.cursor.as_deref())?.unwrap_or(0);
    let rows = api.engine.store().audit(&scope, after, size + 1).await?;
    Ok(Json(Page::of(rows, size, |row| row.seq, |row| AuditEntry::of(&row))))
}
