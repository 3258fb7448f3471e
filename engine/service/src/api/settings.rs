//! The settings of targets: read, made, changed, removed. They are the keys of a `[[target]]` block as JSON.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use entrain_model::TargetName;
use entrain_store::SettingsRow;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json_};
use utoipa::ToSchema;

use super::Api;
use super::extract::{At, Body};
use super::source::still;
use crate::acts::settings::{Desk, SettingsError};
use crate::cli::utc;
use crate::http::access::Caller;
use crate::http::problem::Problem;
use crate::vault::VaultError;

/// The settings of a target.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct TargetSettings {
    name: String,
    /// The keys of its block in a configuration file. Secrets stand in it by their place alone.
    #[schema(value_type = Object)]
    settings: Map<String, Json_>,
    /// Counts the changes of all targets; also its `ETag`.
    revision: i64,
    #[schema(format = DateTime)]
    changed_at: String,
    changed_by: String,
}

/// A new target.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewTarget {
    #[schema(min_length = 1, max_length = 64, pattern = "^[A-Za-z0-9._-]+$")]
    name: String,
    /// The keys of its block in a configuration file. `credential.secret` may be the secret itself: it is sealed and never shown.
    #[schema(value_type = Object)]
    settings: Map<String, Json_>,
}

/// What a target shall be.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PutSettings {
    /// All keys of its block: what is not named is as by default. A secret that is to stay is named as it was read.
    #[schema(value_type = Object)]
    settings: Map<String, Json_>,
}

/// An answer with a revision as `ETag`.
pub(super) struct Tagged<T> {
    status: StatusCode,
    shown: T,
    revision: i64,
}

impl<T> Tagged<T> {
    pub(super) fn ok(shown: T, revision: i64) -> Self {
        Self { status: StatusCode::OK, shown, revision }
    }
}

impl<T: Serialize> IntoResponse for Tagged<T> {
    fn into_response(self) -> Response {
        let mut response = (self.status, Json(self.shown)).into_response();
        if let Ok(tag) = HeaderValue::from_str(&format!("\"{}\"", self.revision)) {
            response.headers_mut().insert(header::ETAG, tag);
        }
        response
    }
}

/// The settings of a target
#[utoipa::path(get, path = "/targets/{target}/settings", operation_id = "show_settings", tag = "targets",
    params(("target" = String, Path)),
    responses((status = 200, body = TargetSettings, headers(("ETag" = String, description = "Its revision")))))]
pub(super) async fn show(
    State(api): State<Api>,
    caller: Caller,
    At(target): At<String>,
) -> Result<Tagged<TargetSettings>, Problem> {
    Ok(shown(api.row(&caller, &target).await?, StatusCode::OK))
}

/// Makes a target; it is served at once
#[utoipa::path(post, path = "/targets", operation_id = "create_target", tag = "targets", request_body = NewTarget,
    responses((status = 201, body = TargetSettings, headers(("ETag" = String, description = "Its revision")))))]
pub(super) async fn create(
    State(api): State<Api>,
    caller: Caller,
    Body(new): Body<NewTarget>,
) -> Result<Tagged<TargetSettings>, Problem> {
    let name = TargetName::from(new.name);
    caller.may_touch(&name)?;
    let fits = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    if !(1..=64).contains(&name.as_str().len()) || !name.as_str().chars().all(fits) {
        return Err(Problem::invalid("`name` has 1 to 64 letters of ASCII, digits, dots, dashes and underscores"));
    }
    api.desk(&caller).add(&name, new.settings).await?;
    api.taken_over().await?;
    Ok(shown(api.desk(&caller).row(&name).await?, StatusCode::CREATED))
}

/// Makes the settings of a target so
///
/// Runs that are under way keep the configuration that they began with; what they have not begun is planned anew.
#[utoipa::path(put, path = "/targets/{target}/settings", operation_id = "put_settings", tag = "targets",
    params(("target" = String, Path), ("If-Match" = Option<String>, Header, description = "The revision that was read, as its ETag")),
    request_body = PutSettings,
    responses((status = 200, body = TargetSettings, headers(("ETag" = String, description = "Its revision")))))]
pub(super) async fn put(
    State(api): State<Api>,
    caller: Caller,
    At(target): At<String>,
    headers: HeaderMap,
    Body(put): Body<PutSettings>,
) -> Result<Tagged<TargetSettings>, Problem> {
    let row = api.row(&caller, &target).await?;
    Ok(shown(api.make_so(&caller, &row, &headers, put.settings).await?, StatusCode::OK))
}

/// Removes a target that is halted; its tenant is left as it is
///
/// Its links, queue, holds, mapping versions and all that is known of its tenant are forgotten; its runs and the audit stay.
#[utoipa::path(delete, path = "/targets/{target}", operation_id = "remove_target", tag = "targets",
    params(("target" = String, Path), ("If-Match" = Option<String>, Header, description = "The revision that was read, as its ETag")),
    responses((status = 204)))]
pub(super) async fn remove(
    State(api): State<Api>,
    caller: Caller,
    At(target): At<String>,
    headers: HeaderMap,
) -> Result<StatusCode, Problem> {
    let row = api.row(&caller, &target).await?;
    still(&headers, Some(row.revision))?;
    api.desk(&caller).remove(&row).await?;
    api.taken_over().await?;
    Ok(StatusCode::NO_CONTENT)
}

fn shown(row: SettingsRow, status: StatusCode) -> Tagged<TargetSettings> {
    let SettingsRow { name, body, revision, changed_at, changed_by } = row;
    let shown = TargetSettings { name: name.to_string(), settings: body, revision, changed_at: utc(changed_at), changed_by };
    Tagged { status, shown, revision }
}

impl Api {
    fn desk(&self, caller: &Caller) -> Desk<'_> {
        Desk { store: self.store(caller), config: self.keeper.config() }
    }

    /// The settings of a target that the caller may see.
    pub(super) async fn row(&self, caller: &Caller, target: &str) -> Result<SettingsRow, Problem> {
        let name = TargetName::from(target);
        caller.may_touch(&name)?;
        Ok(self.desk(caller).row(&name).await?)
    }

    /// Makes the settings of a target so, if they are those that the caller has seen; how they stand then.
    pub(super) async fn make_so(
        &self,
        caller: &Caller,
        row: &SettingsRow,
        headers: &HeaderMap,
        body: Map<String, Json_>,
    ) -> Result<SettingsRow, Problem> {
        still(headers, Some(row.revision))?;
        self.desk(caller).replace(row, body).await?;
        self.taken_over().await?;
        Ok(self.desk(caller).row(&row.name).await?)
    }

    /// This process goes by what was changed when it answers; others notice within a second or two.
    async fn taken_over(&self) -> Result<(), Problem> {
        self.keeper.refresh().await.map_err(|error| {
            tracing::error!("the changed configuration could not be taken over, and that is tried again: {error}");
            Problem::new(StatusCode::SERVICE_UNAVAILABLE, "the change is kept, and is taken over within a moment")
        })
    }
}

impl From<SettingsError> for Problem {
    fn from(error: SettingsError) -> Self {
        match error {
            SettingsError::Wrong(_) | SettingsError::Place(_) | SettingsError::Destination => Problem::refused(error.to_string()),
            SettingsError::Exists(_) => Problem::conflict(error.to_string()).coded("exists"),
            SettingsError::Store(error) | SettingsError::Vault(VaultError::Store(error)) => error.into(),
            SettingsError::Vault(error) => {
                tracing::error!("a secret could not be sealed: {error}");
                Problem::conflict("the secret cannot be sealed: the log says why, under the request id").coded("configuration")
            }
        }
    }
}
