//! Answers, and failures as answers.

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use entrain_scim::ScimError;
use entrain_store::StoreError;
use serde_json::Value as Json;

const SCIM_JSON: HeaderValue = HeaderValue::from_static("application/scim+json; charset=utf-8");

/// Why there is no answer as it was asked for.
#[derive(Debug)]
pub(super) enum Failure {
    /// The client is told.
    Refused(ScimError),
    /// The database failed; the log is told.
    Store(StoreError),
}

impl From<ScimError> for Failure {
    fn from(error: ScimError) -> Self {
        Failure::Refused(error)
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Failure::Store(error)
    }
}

impl Failure {
    /// As the client is told. What the database says is for the log alone.
    pub(super) fn told(self) -> ScimError {
        match self {
            Failure::Refused(error) => error,
            Failure::Store(error) => {
                tracing::error!("a SCIM request failed: {error}");
                ScimError::new(503, "the database does not answer as it should; nothing was written, try again")
            }
        }
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let error = self.told();
        let mut response = json(StatusCode::from_u16(error.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR), &error.body());
        if error.status == 503 {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("5"));
        }
        response
    }
}

/// An answer with a document.
pub(super) fn json(status: StatusCode, document: &Json) -> Response {
    let mut response = Response::new(Body::from(document.to_string()));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, SCIM_JSON);
    response
}

/// What became of a request, before it is an answer of HTTP: a part of a bulk answer, or an answer of its own.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) document: Option<Json>,
    pub(super) location: Option<String>,
    pub(super) etag: Option<String>,
    pub(super) id: Option<String>,
}

impl Reply {
    /// An answer that is only a status.
    pub(super) fn bare(status: u16) -> Self {
        Self { status, document: None, location: None, etag: None, id: None }
    }

    /// An answer with a document that is no resource.
    pub(super) fn document(document: Json) -> Self {
        Self { document: Some(document), ..Self::bare(200) }
    }
}

impl IntoResponse for Reply {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::OK);
        let mut response = match &self.document {
            Some(document) => json(status, document),
            None => status.into_response(),
        };
        for (name, value) in [(header::LOCATION, self.location), (header::ETAG, self.etag)] {
            if let Some(value) = value.and_then(|value| HeaderValue::try_from(value).ok()) {
                response.headers_mut().insert(name, value);
            }
        }
        response
    }
}
