//! The source through this interface: the same rows by the same rules as an import's.

use axum::Json;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use entrain_model::{Attributes, Kind, ObjectRef, SourceId, fold};
use entrain_store::{SourceChange, SourceWriter};
use serde::Deserialize;
use serde_json::Value as Json_;
use utoipa::ToSchema;

use super::Api;
use super::page::{self, Page};
use super::runs::PageAsked;
use crate::http::access::Caller;
use crate::http::problem::Problem;
use crate::import::scim as rows;
use crate::view::SourceObject;

/// An object as the source is to have it. What is not named is unset.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Put {
    /// By the names of SCIM: of a user at least `userName`, of a group at least `displayName`.
    #[schema(value_type = Object)]
    attributes: Attributes,
}

/// A new object.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct New {
    /// Its stable id, which never changes; one is made without it.
    #[schema(min_length = 1, max_length = 255, pattern = r"^[^\x00-\x20\x7f]+$")]
    id: Option<String>,
    /// By the names of SCIM: of a user at least `userName`, of a group at least `displayName`.
    #[schema(value_type = Object)]
    attributes: Attributes,
}

/// An object with its version as `ETag`.
pub(super) struct Tagged(StatusCode, SourceObject, i64);

impl IntoResponse for Tagged {
    fn into_response(self) -> Response {
        let mut response = (self.0, Json(self.1)).into_response();
        if let Ok(tag) = HeaderValue::from_str(&format!("\"{}\"", self.2)) {
            response.headers_mut().insert(header::ETAG, tag);
        }
        response
    }
}

impl Api {
    pub(super) async fn objects(
        &self,
        caller: &Caller,
        kind: Kind,
        asked: PageAsked,
    ) -> Result<Json<Page<SourceObject>>, Problem> {
        caller.require_all_targets()?;
        let size = page::size(asked.limit)?;
        let after: Option<SourceId> = page::place(asked.cursor.as_deref())?;
        let rows = self.engine.store().source_page(kind, after.as_ref(), size + 1).await?;
        Ok(Json(Page::of(rows, size, |row| row.object.id.clone(), SourceObject::of)))
    }

    pub(super) async fn object(&self, caller: &Caller, object: &ObjectRef) -> Result<Tagged, Problem> {
        caller.require_all_targets()?;
        self.shown(object, StatusCode::OK).await
    }

    async fn shown(&self, object: &ObjectRef, status: StatusCode) -> Result<Tagged, Problem> {
        let record = self.engine.store().source_records(std::slice::from_ref(object)).await?.pop();
        let record = record.ok_or_else(|| Problem::missing(format!("{object} in the source")))?;
        let version = record.version;
        Ok(Tagged(status, SourceObject::of(record), version))
    }

    pub(super) async fn create(&self, caller: &Caller, kind: Kind, new: New) -> Result<Tagged, Problem> {
        caller.require_all_targets()?;
        let id = SourceId::from(new.id.unwrap_or_else(|| uuid::Uuid::now_v7().to_string()));
        let object = ObjectRef { kind, id };
        let mut writer = self.store(caller).source_writer().await?;
        if version(&mut writer, &object).await?.is_some() {
            return Err(Problem::conflict(format!("the source has {object} already: PUT changes it")).coded("exists"));
        }
        write(&mut writer, &object, new.attributes).await?;
        writer.commit().await?;
        self.shown(&object, StatusCode::CREATED).await
    }

    pub(super) async fn put(
        &self,
        caller: &Caller,
        object: &ObjectRef,
        headers: &HeaderMap,
        put: Put,
    ) -> Result<Tagged, Problem> {
        caller.require_all_targets()?;
        let mut writer = self.store(caller).source_writer().await?;
        let standing = version(&mut writer, object).await?;
        still(headers, standing)?;
        write(&mut writer, object, put.attributes).await?;
        writer.commit().await?;
        let status = if standing.is_some() { StatusCode::OK } else { StatusCode::CREATED };
        self.shown(object, status).await
    }

    pub(super) async fn remove(&self, caller: &Caller, object: &ObjectRef, headers: &HeaderMap) -> Result<StatusCode, Problem> {
        caller.require_all_targets()?;
        let mut writer = self.store(caller).source_writer().await?;
        let standing = version(&mut writer, object).await?;
        if standing.is_none() {
            return Err(Problem::missing(format!("{object} in the source")));
        }
        still(headers, standing)?;
        let change = match object.kind {
            Kind::User => SourceChange::RemoveUser(object.id.clone()),
            Kind::Group => SourceChange::RemoveGroup(object.id.clone()),
        };
        writer.apply(&[change]).await?;
        writer.commit().await?;
        Ok(StatusCode::NO_CONTENT)
    }
}

/// The version of an object, which nobody else changes before the transaction ends.
pub(super) async fn version(writer: &mut SourceWriter, object: &ObjectRef) -> Result<Option<i64>, Problem> {
    Ok(match object.kind {
        Kind::User => writer.kept_user(&object.id).await?.map(|kept| kept.version),
        Kind::Group => writer.kept_group(&object.id).await?.map(|kept| kept.version),
    })
}

/// Refuses a change of another version than the caller has seen.
pub(super) fn still(headers: &HeaderMap, standing: Option<i64>) -> Result<(), Problem> {
    let Some(wanted) = headers.get(header::IF_MATCH) else { return Ok(()) };
    let own = standing.map(|version| format!("\"{version}\""));
    let wanted = wanted.to_str().unwrap_or_default();
    let fits = |tag: &str| own.is_some() && (tag == "*" || Some(tag.strip_prefix("W/").unwrap_or(tag)) == own.as_deref());
    if wanted.split(',').map(str::trim).any(fits) {
        return Ok(());
    }
    let now = standing.map_or_else(|| "it is not there".to_owned(), |version| format!("it is at \"{version}\" now"));
    Err(Problem::new(StatusCode::PRECONDITION_FAILED, format!("it was changed since it was read: {now}; read it again")))
}

/// Writes the row of an object. A login that somebody else has is refused, whatever its capital letters.
async fn write(writer: &mut SourceWriter, object: &ObjectRef, mut attributes: Attributes) -> Result<(), Problem> {
    attributes.insert("id".to_owned(), Json_::from(object.id.as_str()));
    let change = match object.kind {
        Kind::User => {
            let row = rows::user(attributes).map_err(Problem::refused)?;
            if let Some(other) = writer.login_holder(&fold(&row.user_name), &object.id).await? {
                return Err(Problem::conflict(format!("the login is that of user {other} already")).coded("login_taken"));
            }
            SourceChange::PutUser(row)
        }
        Kind::Group => SourceChange::PutGroup(rows::group(attributes).map_err(Problem::refused)?),
    };
    writer.apply(&[change]).await?;
    Ok(())
}
