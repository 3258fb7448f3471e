//! What every request of the interface passes behind the door: its role, its parameters, and the key under which it may be repeated.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use entrain_store::{Asked, Replay, Store};
use sha2::{Digest as _, Sha256};

use super::extract::whole;
use crate::http::access::{Caller, CallerKind, Role};
use crate::http::problem::Problem;

/// The header under which a request may be sent again.
pub(super) const KEY: &str = "idempotency-key";

/// What a route asks of a request.
#[derive(Clone, Debug)]
pub(super) struct Rule {
    pub(super) role: Role,
    /// The parameters of the query that it knows.
    pub(super) parameters: BTreeSet<String>,
}

/// The rules of all routes, by method and path.
pub(super) type Rules = BTreeMap<(String, String), Rule>;

/// What the middleware knows.
#[derive(Clone)]
pub(super) struct Admission {
    pub(super) rules: Arc<Rules>,
    pub(super) store: Store,
}

pub(super) async fn admit(State(admission): State<Admission>, request: Request, next: Next) -> Response {
    match admission.pass(request, next).await {
        Ok(response) => response,
        Err(problem) => problem.into_response(),
    }
}

impl Admission {
    async fn pass(&self, request: Request, next: Next) -> Result<Response, Problem> {
        let Some(rule) = self.rule(&request) else { return Ok(next.run(request).await) };
        let caller = request.extensions().get::<Caller>().cloned().ok_or_else(Problem::unauthorized)?;
        caller.require(rule.role)?;
        known_parameters(rule, request.uri().query().unwrap_or_default())?;
        match (request.method() == Method::POST, key(&request)?) {
            (true, Some(key)) => self.once(&caller, &key, request, next).await,
            (_, _) => Ok(next.run(request).await),
        }
    }

    fn rule(&self, request: &Request) -> Option<&Rule> {
        let path = request.extensions().get::<MatchedPath>()?.as_str();
        let path = path.strip_prefix("/api/v1").unwrap_or(path);
        let method = if request.method() == Method::HEAD { Method::GET } else { request.method().clone() };
        self.rules.get(&(method.to_string(), path.to_owned()))
    }

    /// Does what is asked, unless it was done under the same key.
    async fn once(&self, caller: &Caller, key: &str, request: Request, next: Next) -> Result<Response, Problem> {
        let who = match &caller.kind {
            CallerKind::Key(id) => id.clone(),
            // Theirs, whichever session it is: one may end between a request and its repetition.
            CallerKind::Person(_) => format!("person {}", caller.name),
            CallerKind::Scim { id, .. } => id.clone(),
        };
        let (parts, body) = request.into_parts();
        let bytes = whole(body).await?;
        let digest = Sha256::new().chain_update(parts.method.as_str()).chain_update([0]).chain_update(parts.uri.to_string());
        let digest = digest.chain_update([0]).chain_update(&bytes).finalize();
        let digest: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        match self.store.ask_once(&who, key, &digest).await? {
            Asked::First => {}
            Asked::Before(replay) => return Ok(again(replay)),
            Asked::UnderWay => {
                return Err(Problem::conflict("the same request is under way; ask again for its answer").coded("under_way"));
            }
            Asked::Another => {
                let detail = "this Idempotency-Key was used for another request within a day; take a new one for each";
                return Err(Problem::refused(detail).coded("key_reused"));
            }
        }
        let response = next.run(Request::from_parts(parts, Body::from(bytes))).await;
        let (parts, body) = response.into_parts();
        let bytes = whole(body).await?;
        let kind = parts.headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        let answer = Replay {
            status: parts.status.as_u16(),
            content_type: kind.to_owned(),
            body: String::from_utf8_lossy(&bytes).into_owned(),
        };
        // What failed on our side, or was refused for now, may be tried again under the same key.
        let kept = !parts.status.is_server_error() && parts.status != StatusCode::TOO_MANY_REQUESTS;
        self.store.answered_once(&who, key, kept.then_some(&answer)).await?;
        Ok(Response::from_parts(parts, Body::from(bytes)))
    }
}

fn again(replay: Replay) -> Response {
    let status = StatusCode::from_u16(replay.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = (status, replay.body).into_response();
    let headers = response.headers_mut();
    match HeaderValue::from_str(&replay.content_type) {
        Ok(kind) if !kind.is_empty() => drop(headers.insert(header::CONTENT_TYPE, kind)),
        Ok(_) | Err(_) => drop(headers.remove(header::CONTENT_TYPE)),
    }
    headers.insert("idempotency-replayed", HeaderValue::from_static("true"));
    response
}

/// The key of a request: up to 200 visible characters of ASCII.
fn key(request: &Request) -> Result<Option<String>, Problem> {
    let Some(key) = request.headers().get(KEY) else { return Ok(None) };
    let fits = |key: &&str| (1..=200).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_graphic());
    let wrong = || Problem::invalid("an Idempotency-Key has 1 to 200 visible characters of ASCII, such as a UUID");
    key.to_str().ok().filter(fits).map(|key| Some(key.to_owned())).ok_or_else(wrong)
}

fn known_parameters(rule: &Rule, query: &str) -> Result<(), Problem> {
    let names = query.split('&').filter(|pair| !pair.is_empty()).map(|pair| pair.split('=').next().unwrap_or_default());
    for name in names {
        if !rule.parameters.contains(name) {
            let known: Vec<&str> = rule.parameters.iter().map(String::as_str).collect();
            let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
            return Err(Problem::invalid(format!("the query has a parameter that is not known here; known are: {known}")));
        }
    }
    Ok(())
}
