//! From a request of HTTP to what answers it. Every refusal, also of a path or a method, has a body of the RFC.

use axum::body::{Body, to_bytes};
use axum::extract::{OriginalUri, Request, State};
use axum::http::{Method, header};
use axum::response::{IntoResponse as _, Response};
use entrain_model::ObjectRef;
use entrain_scim::{ABOUT_URN, ListRequest, Page, Projection, ResourceType, ScimError, list_response};
use entrain_scim::{resource_type_document, schema_document, service_provider_config};
use serde_json::Value as Json;

use super::answer::{Failure, Reply};
use super::call::Call;
use super::kept::Kept;
use super::{LIMITS, Scim, ScimClient, bulk, lists, wait, writes};

/// Answers any request below the root.
pub(super) async fn answer(State(scim): State<Scim>, request: Request) -> Response {
    match take(scim, request).await {
        Ok(response) => response,
        Err(failure) => failure.into_response(),
    }
}

async fn take(scim: Scim, request: Request) -> Result<Response, Failure> {
    let (parts, body) = request.into_parts();
    let client = parts.extensions.get::<ScimClient>().cloned().unwrap_or_default();
    let original = parts.extensions.get::<OriginalUri>().map_or_else(|| parts.uri.clone(), |original| original.0.clone());
    let call = Call::new(scim, client, &parts, &original);
    let segments = parts.uri.path().split('/').filter(|part| !part.is_empty()).map(decoded).collect::<Result<Vec<_>, _>>()?;
    let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
    let query = pairs(parts.uri.query().unwrap_or_default())?;
    let json = parts.headers.get(header::CONTENT_TYPE).is_none_or(|value| value.to_str().is_ok_and(is_json));
    let body = Incoming { body, json };
    let method = parts.method;
    if let ["Bulk"] = segments.as_slice() {
        only(&method, &[Method::POST])?;
        return Ok(bulk::run(&call, body.read().await?).await?.into_response());
    }
    let (reply, changed) = route(&call, &method, &segments, &query, body).await?;
    let mut response = reply.into_response();
    if let (Some(object), Some(seconds)) = (changed, call.wait) {
        wait::say(&call, &object, seconds, &mut response).await?;
    }
    Ok(response)
}

/// A body that is not read yet.
pub(super) struct Incoming {
    body: Body,
    json: bool,
}

impl Incoming {
    async fn read(self) -> Result<Json, ScimError> {
        if !self.json {
            return Err(ScimError::new(415, "the body is JSON: say Content-Type: application/scim+json"));
        }
        let most = LIMITS.body_bytes;
        let bytes = to_bytes(self.body, most).await;
        let bytes = bytes.map_err(|_| ScimError::new(413, format!("the body is cut off, or has more than {most} bytes")))?;
        serde_json::from_slice(&bytes).map_err(|error| ScimError::syntax(format!("the body is no JSON: {error}")))
    }
}

/// A reply, and the object that was changed.
type Routed = Result<(Reply, Option<ObjectRef>), Failure>;

async fn route(call: &Call, method: &Method, path: &[&str], query: &[(String, String)], body: Incoming) -> Routed {
    let all: Vec<&ResourceType> = call.catalog().types().iter().collect();
    match path {
        [] => {
            only(method, &[Method::GET])?;
            Ok((lists::list(call, &all, &listed(query)?).await?, None))
        }
        [".search"] => {
            only(method, &[Method::POST])?;
            Ok((lists::list(call, &all, &ListRequest::from_body(body.read().await?)?).await?, None))
        }
        ["Me", ..] => Err(ScimError::new(501, "a client here is no user: /Me is not served").into()),
        ["ServiceProviderConfig" | "ResourceTypes" | "Schemas", ..] => {
            only(method, &[Method::GET])?;
            Ok((discovery(call, path, query)?, None))
        }
        [endpoint, rest @ ..] if rest.len() <= 1 => {
            let of = call.catalog().served_at(endpoint).ok_or_else(|| ScimError::not_found(&format!("endpoint /{endpoint}")))?;
            of_type(call, of, method, rest.first().copied(), query, body).await
        }
        _ => Err(ScimError::not_found(&format!("endpoint /{}", path.join("/"))).into()),
    }
}

async fn of_type(
    call: &Call,
    of: &ResourceType,
    method: &Method,
    id: Option<&str>,
    query: &[(String, String)],
    body: Incoming,
) -> Routed {
    if id == Some(".search") {
        only(method, &[Method::POST])?;
        return Ok((lists::list(call, &[of], &ListRequest::from_body(body.read().await?)?).await?, None));
    }
    let kept = Kept::of(of);
    let methods: &[Method] = match id {
        None => &[Method::GET, Method::POST],
        Some(_) => &[Method::GET, Method::PUT, Method::PATCH, Method::DELETE],
    };
    only(method, methods)?;
    let projection = listed(query)?.projection;
    let reply = match (method.as_str(), id) {
        ("GET", None) => lists::list(call, &[of], &listed(query)?).await?,
        ("GET", Some(id)) => lists::read(call, of, kept, id, &projection, 200).await?,
        ("DELETE", Some(id)) => writes::remove(call, of, kept, id).await?,
        ("POST", _) => writes::create(call, of, kept, body.read().await?, &projection).await?,
        ("PUT", Some(id)) => writes::put_whole(call, of, kept, id, body.read().await?, &projection).await?,
        (_, Some(id)) => writes::patch(call, of, kept, id, body.read().await?, &projection).await?,
        (_, None) => return Err(not_allowed(methods).into()),
    };
    let changed = reply.id.as_deref().filter(|_| *method != Method::GET).and_then(|id| kept.object(id));
    Ok((reply, changed))
}

fn only(method: &Method, allowed: &[Method]) -> Result<(), ScimError> {
    if allowed.contains(method) { Ok(()) } else { Err(not_allowed(allowed)) }
}

fn not_allowed(allowed: &[Method]) -> ScimError {
    let words: Vec<&str> = allowed.iter().map(Method::as_str).collect();
    ScimError::new(405, format!("this endpoint takes {}", words.join(", ")))
}

fn discovery(call: &Call, path: &[&str], query: &[(String, String)]) -> Result<Reply, Failure> {
    if query.iter().any(|(key, _)| key.eq_ignore_ascii_case("filter")) {
        return Err(ScimError::new(403, "what the server says of itself cannot be filtered").into());
    }
    let (catalog, base) = (call.catalog(), call.base.as_str());
    let types = || catalog.types().iter().map(|one| resource_type_document(one, base));
    let schemas = || catalog.schemas().iter().map(|one| schema_document(one, base));
    Ok(match path {
        ["ServiceProviderConfig"] => Reply::document(service_provider_config(&LIMITS, base)),
        ["ServiceProviderConfig", urn] if *urn == ABOUT_URN => Reply::document(service_provider_config(&LIMITS, base)),
        ["ResourceTypes"] => whole(types().collect()),
        ["Schemas"] => whole(schemas().collect()),
        ["ResourceTypes", name] => one(types(), name)?,
        ["Schemas", urn] => one(schemas(), urn)?,
        _ => return Err(ScimError::not_found(&format!("document at /{}", path.join("/"))).into()),
    })
}

fn whole(documents: Vec<Json>) -> Reply {
    let mut list = list_response(documents.len() as u64, &Page::Index(0), documents.len(), None);
    list.insert("Resources".into(), documents.into());
    Reply::document(Json::Object(list))
}

fn one(mut documents: impl Iterator<Item = Json>, id: &str) -> Result<Reply, ScimError> {
    let found =
        documents.find(|document| document.get("id").and_then(Json::as_str).is_some_and(|own| own.eq_ignore_ascii_case(id)));
    found.map(Reply::document).ok_or_else(|| ScimError::not_found(&format!("document `{id}`")))
}

fn listed(query: &[(String, String)]) -> Result<ListRequest, ScimError> {
    ListRequest::from_pairs(query.iter().map(|(key, value)| (key.as_str(), value.as_str())))
}

/// What a bulk operation of this method and path does, as if it came by itself.
pub(super) async fn inner(call: &Call, method: &str, path: &str, data: Json) -> Result<Reply, Failure> {
    let segments = path.split('/').filter(|part| !part.is_empty()).map(decoded).collect::<Result<Vec<_>, _>>()?;
    let (endpoint, id) = match segments.as_slice() {
        [endpoint] => (endpoint, None),
        [endpoint, id] => (endpoint, Some(id.as_str())),
        _ => return Err(ScimError::not_found(&format!("endpoint {path}")).into()),
    };
    let of = call.catalog().served_at(endpoint).ok_or_else(|| ScimError::not_found(&format!("endpoint {path}")))?;
    let kept = Kept::of(of);
    let projection = Projection::default();
    match (method, id) {
        ("POST", None) => writes::create(call, of, kept, data, &projection).await,
        ("PUT", Some(id)) => writes::put_whole(call, of, kept, id, data, &projection).await,
        ("PATCH", Some(id)) => writes::patch(call, of, kept, id, data, &projection).await,
        ("DELETE", Some(id)) => writes::remove(call, of, kept, id).await,
        _ => Err(ScimError::syntax(format!("{method} {path} is no operation of a bulk request")).into()),
    }
}

fn is_json(content_type: &str) -> bool {
    let essence = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    essence == "application/json" || essence == "application/scim+json"
}

/// The pairs of a query.
fn pairs(query: &str) -> Result<Vec<(String, String)>, ScimError> {
    let part = |text: &str| decoded(&text.replace('+', " "));
    query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            Ok((part(key)?, part(value)?))
        })
        .collect()
}

/// A text without its percent signs.
fn decoded(text: &str) -> Result<String, ScimError> {
    let (mut bytes, mut rest) = (Vec::with_capacity(text.len()), text.as_bytes());
    while let [first, after @ ..] = rest {
        let digits = after.get(..2).and_then(|digits| std::str::from_utf8(digits).ok());
        match digits.filter(|_| *first == b'%').and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = &after[2..];
            }
            None => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    match String::from_utf8(bytes) {
        Ok(text) if !text.contains('\0') => Ok(text),
        Ok(_) | Err(_) => Err(ScimError::syntax("the address is not UTF-8, or has the character U+0000 in it")),
    }
}
