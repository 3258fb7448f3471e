//! Approvals: a person decides about a held plan.

use std::collections::BTreeSet;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use entrain_model::ObjectRef;
use entrain_store::{Choice, RunRow, StoreError};
use entrain_sync::SyncError;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Api;
use super::extract::{At, Body};
use crate::http::access::Caller;
use crate::http::problem::Problem;
use crate::view::ObjectName;

/// The approval of a plan, or of a part of it.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Approving {
    /// The fingerprint of the plan that was looked at, as the run shows it.
    #[schema(pattern = r"^[^\x00]*$")]
    digest: String,
    /// Only what concerns these objects; the objects of the rest are parked.
    #[serde(default)]
    only: Vec<ObjectName>,
    /// All but what concerns these objects, which are parked. Not together with `only`.
    #[serde(default)]
    except: Vec<ObjectName>,
}

/// The refusal of a plan.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Rejecting {
    /// The fingerprint of the plan that was looked at, as the run shows it.
    #[schema(pattern = r"^[^\x00]*$")]
    digest: String,
}

/// What an approval did.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Approved {
    /// `carried_out`: the plan is approved, and `run` carries it out. `first_of_two`: somebody else must approve the same.
    state: Approval,
    /// The run that carries it out.
    run: Option<String>,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum Approval {
    CarriedOut,
    FirstOfTwo,
}

/// What a refusal did.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Rejected {
    /// The run whose plan is refused. The next run plans anew.
    rejected: String,
}

/// Approves the plan of a held run, all of it or some, and carries it out
#[utoipa::path(post, path = "/runs/{run}/approve", tag = "runs", params(("run" = String, Path)), request_body = Approving,
    responses((status = 202, body = Approved)))]
pub(super) async fn approve(
    State(api): State<Api>,
    caller: Caller,
    At(run): At<String>,
    Body(asked): Body<Approving>,
) -> Result<(StatusCode, Json<Approved>), Problem> {
    let row = api.run(&caller, &run).await?;
    let choice = choice(&asked)?;
    still(&row, &asked.digest)?;
    let target = api.ready(&caller, row.target.as_str())?;
    let (engine, by, id) = (api.engine(&caller), caller.name.clone(), row.id.clone());
    let going = api.begin(move |began| async move {
        let result = engine.approve(&target, &id, &by, &choice, began.as_ref()).await;
        if let Err(SyncError::Store(StoreError::OneOfTwo { .. })) = &result {
            tracing::info!(target = %target.name, run = %id, by, "the first of two approvals");
        }
        result
    });
    let approved = match going.await {
        Ok(going) => Approved { state: Approval::CarriedOut, run: Some(going.run.to_string()) },
        Err(problem) if problem.is("one_of_two") => Approved { state: Approval::FirstOfTwo, run: None },
        Err(problem) => return Err(problem),
    };
    Ok((StatusCode::ACCEPTED, Json(approved)))
}

/// Refuses the plan of a held run
#[utoipa::path(post, path = "/runs/{run}/reject", tag = "runs", params(("run" = String, Path)), request_body = Rejecting,
    responses((status = 200, body = Rejected)))]
pub(super) async fn reject(
    State(api): State<Api>,
    caller: Caller,
    At(run): At<String>,
    Body(asked): Body<Rejecting>,
) -> Result<Json<Rejected>, Problem> {
    let row = api.run(&caller, &run).await?;
    still(&row, &asked.digest)?;
    api.engine(&caller).reject(&row.id, &caller.name).await?;
    Ok(Json(Rejected { rejected: row.id.to_string() }))
}

/// Nobody decides about a plan that they have not seen.
fn still(row: &RunRow, digest: &str) -> Result<(), Problem> {
    if row.digest.as_deref() == Some(digest) {
        return Ok(());
    }
    Err(Problem::conflict("the plan of this run has another digest: look at it again").coded("another_plan"))
}

fn choice(asked: &Approving) -> Result<Choice, Problem> {
    let objects = |names: &[ObjectName]| -> BTreeSet<ObjectRef> { names.iter().map(ObjectName::object).collect() };
    match (asked.only.is_empty(), asked.except.is_empty()) {
        (true, true) => Ok(Choice::All),
        (false, true) => Ok(Choice::Only(objects(&asked.only))),
        (true, false) => Ok(Choice::Except(objects(&asked.except))),
        (false, false) => Err(Problem::refused("name either `only` or `except`, not both")),
    }
}
