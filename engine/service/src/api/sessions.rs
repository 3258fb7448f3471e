//! Sessions of people who signed in, and their end.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;

use super::Api;
use super::extract::{Asked, At};
use super::page::{self, Page};
use super::runs::PageAsked;
use crate::http::access::Caller;
use crate::http::problem::Problem;
use crate::view::OpenSession;

/// The sessions that have not ended
#[utoipa::path(get, path = "/sessions", tag = "access", params(PageAsked), responses((status = 200, body = Page<OpenSession>)))]
pub(super) async fn list(
    State(api): State<Api>,
    caller: Caller,
    Asked(asked): Asked<PageAsked>,
) -> Result<Json<Page<OpenSession>>, Problem> {
    caller.require_all_targets()?;
    let size = page::size(asked.limit)?;
    let after: Option<String> = page::place(asked.cursor.as_deref())?;
    let rows = api.engine.store().sessions(after.as_deref().unwrap_or_default(), size + 1).await?;
    Ok(Json(Page::of(rows, size, |row| row.id.clone(), OpenSession::from)))
}

/// Ends a session, or all of a person
///
/// `named` is the id of one, or the name of a person. No request with it passes any more.
#[utoipa::path(delete, path = "/sessions/{named}", tag = "access", params(("named" = String, Path)), responses((status = 204)))]
pub(super) async fn revoke(State(api): State<Api>, caller: Caller, At(named): At<String>) -> Result<StatusCode, Problem> {
    caller.require_all_targets()?;
    if api.store(&caller).revoke_sessions(&named).await? == 0 {
        return Err(Problem::missing("session of that id or person"));
    }
    Ok(StatusCode::NO_CONTENT)
}
