//! What a request says, as the functions of the interface take it. Whatever is not understood is a problem that says so.

use axum::body::{Bytes, to_bytes};
use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer};
use serde_json::Number;

use crate::http::problem::Problem;

/// The places in the path.
pub(super) struct At<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for At<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        if parts.uri.path().contains("%00") {
            return Err(Problem::not_found());
        }
        let Path(at) = Path::<T>::from_request_parts(parts, state).await.map_err(|_| Problem::not_found())?;
        Ok(Self(at))
    }
}

/// The parameters of the query.
pub(super) struct Asked<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Asked<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        if parts.uri.query().is_some_and(|query| query.contains("%00")) {
            return Err(Problem::invalid("a parameter has a zero byte in it"));
        }
        let Query(asked) =
            Query::<T>::try_from_uri(&parts.uri).map_err(|error| Problem::invalid(format!("the query: {}", inner(&error))))?;
        Ok(Self(asked))
    }
}

/// The body, as JSON.
pub(super) struct Body<T>(pub(super) T);

/// The largest body of this interface, in bytes.
const LARGEST: usize = 4 << 20;

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        if !is_json(request.headers()) {
            let detail = "send the body as JSON, with `Content-Type: application/json`";
            return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, detail));
        }
        let bytes = whole(request.into_body()).await?;
        if contains_zero(&bytes) {
            return Err(Problem::refused("the body has a zero character in it"));
        }
        serde_json::from_slice(&bytes).map(Self).map_err(|error| Problem::invalid(format!("the body: {error}")))
    }
}

/// All of a body.
pub(super) async fn whole(body: axum::body::Body) -> Result<Bytes, Problem> {
    let too_large = |_| Problem::new(StatusCode::PAYLOAD_TOO_LARGE, format!("a body may have {LARGEST} bytes"));
    to_bytes(body, LARGEST).await.map_err(too_large)
}

/// A whole number, in any of the forms that JSON has for it: `76` and `76.0` are the same.
pub(super) fn number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i64, D::Error> {
    let number = Number::deserialize(deserializer)?;
    let whole = |value: f64| (value.fract() == 0.0 && value.abs() < 9e15).then(|| format!("{value:.0}").parse().ok()).flatten();
    let read = number.as_i64().or_else(|| number.as_f64().and_then(whole));
    read.ok_or_else(|| D::Error::custom(format!("{number} is no whole number")))
}

/// The same where there may be none.
pub(super) fn optional_number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<i64>, D::Error> {
    #[derive(Deserialize)]
    struct Whole(#[serde(deserialize_with = "number")] i64);
    Ok(Option::<Whole>::deserialize(deserializer)?.map(|whole| whole.0))
}

fn is_json(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    kind.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/json"))
}

/// Whether a text in JSON has a zero character, which no database of ours keeps.
fn contains_zero(bytes: &[u8]) -> bool {
    bytes.windows(6).any(|window| window == br"\u0000")
}

fn inner(error: &dyn std::error::Error) -> String {
    error.source().map_or_else(|| error.to_string(), ToString::to_string)
}
