//! Answers to what cannot be done: `application/problem+json` (RFC 9457).

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use entrain_store::StoreError;
use serde_json::json;

/// What went wrong, for a person and for a program.
#[derive(Clone, Debug)]
pub struct Problem {
    status: StatusCode,
    code: &'static str,
    detail: String,
    retry_after: Option<u64>,
}

impl Problem {
    /// What happened and what to do.
    pub fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        Self { status, code: code(status), detail: detail.into(), retry_after: None }
    }

    /// The same under a code of its own, which programs may compare.
    pub fn coded(self, code: &'static str) -> Self {
        Self { code, ..self }
    }

    /// Whether it has this code.
    pub(crate) fn is(&self, code: &str) -> bool {
        self.code == code
    }

    /// The request itself is wrong: what, and how it is written.
    pub fn invalid(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, detail)
    }

    /// The request is well formed, and what it says cannot be.
    pub fn refused(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, detail)
    }

    /// It contradicts how things stand now.
    pub fn conflict(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, detail)
    }

    /// There is no such thing.
    pub fn missing(what: impl std::fmt::Display) -> Self {
        Self::new(StatusCode::NOT_FOUND, format!("there is no {what}"))
    }

    /// Nothing is mounted there.
    pub fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "there is nothing at this address")
    }

    /// Nothing that is known opens this door. Whether the id or the secret is wrong is not told.
    pub fn unauthorized() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "send `Authorization: Bearer` with a live credential of this interface")
    }

    /// Who asks is known, and may not.
    pub fn forbidden(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, detail)
    }

    /// Too often; may be tried again after so many seconds.
    pub fn too_often(seconds: u64) -> Self {
        let detail = "this caller asks too often; wait as long as Retry-After says";
        Self { retry_after: Some(seconds.max(1)), ..Self::new(StatusCode::TOO_MANY_REQUESTS, detail) }
    }
}

/// The code of a problem that has none of its own.
fn code(status: StatusCode) -> &'static str {
    match status {
        StatusCode::BAD_REQUEST => "invalid",
        StatusCode::UNAUTHORIZED => "unauthenticated",
        StatusCode::FORBIDDEN => "forbidden",
        StatusCode::NOT_FOUND => "not_found",
        StatusCode::METHOD_NOT_ALLOWED => "method_not_allowed",
        StatusCode::CONFLICT => "conflict",
        StatusCode::PRECONDITION_FAILED => "changed_meanwhile",
        StatusCode::PAYLOAD_TOO_LARGE => "too_large",
        StatusCode::UNSUPPORTED_MEDIA_TYPE => "not_json",
        StatusCode::UNPROCESSABLE_ENTITY => "refused",
        StatusCode::TOO_MANY_REQUESTS => "too_often",
        StatusCode::SERVICE_UNAVAILABLE => "unavailable",
        StatusCode::GATEWAY_TIMEOUT => "too_long",
        _ => "fault",
    }
}

/// What the database says stays in the log: it may name places of this machine.
impl From<StoreError> for Problem {
    #[expect(clippy::wildcard_enum_match_arm, reason = "all others are failures of the database")]
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Missing { .. } => Problem::new(StatusCode::NOT_FOUND, error.to_string()),
            StoreError::Changed { .. } => Problem::new(StatusCode::PRECONDITION_FAILED, error.to_string()),
            StoreError::Conflict(detail) => Problem::new(StatusCode::CONFLICT, detail),
            one @ StoreError::OneOfTwo { .. } => Problem::new(StatusCode::CONFLICT, one.to_string()).coded("one_of_two"),
            other => {
                tracing::error!("a request failed: {other}");
                Problem::new(StatusCode::SERVICE_UNAVAILABLE, "the database does not answer as it should; try again later")
            }
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let title = self.status.canonical_reason().unwrap_or("Problem");
        let kind = format!("urn:entrain:problem:{}", self.code);
        let body = json!({
            "type": kind, "title": title, "status": self.status.as_u16(), "code": self.code, "detail": self.detail,
        });
        let kind = [(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"))];
        let mut response = (self.status, kind, body.to_string()).into_response();
        let headers = response.headers_mut();
        if let Some(seconds) = self.retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"entrain\""));
        }
        response
    }
}
