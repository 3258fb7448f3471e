//! One HTTP exchange: which part answers, with which headers, and its place in the log.

use super::listen::{Connection, Hub};
use crate::app::App;
use crate::auth;
use crate::clock::{http_date, since_epoch};
use crate::control::{self, Then};
use crate::graph::{self, Answer, Cut, Trace};
use crate::log::Entry;
use crate::tenants::Tenants;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Extension, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri};
use axum::response::Response;
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;

/// A request to Graph has at most 4 MB.
const MOST_BYTES: usize = 4 << 20;
/// The control plane takes whole tenants.
const MOST_CONTROL_BYTES: usize = 1 << 30;

struct Asked {
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
    arrived: Duration,
}

/// Answers one request, or cuts its connection.
pub(crate) async fn answer(
    State(hub): State<Arc<Hub>>,
    Extension(connection): Extension<Connection>,
    request: Request,
) -> Response {
    let arrived = since_epoch();
    let (parts, body) = request.into_parts();
    let control = parts.uri.path().strip_prefix("/_emulator/").map(str::to_owned);
    let most = if control.is_some() { MOST_CONTROL_BYTES } else { MOST_BYTES };
    let Ok(body) = to_bytes(body, most).await else { return too_large() };
    if let Some(path) = control {
        let (answer, then) = control::answer(&hub.tenants, &parts.method, &path, parts.uri.query().unwrap_or(""), &body);
        if then == Then::Shutdown {
            hub.end.notify_one();
        }
        return response(&answer, dated(hub.tenants.first()));
    }
    hub.tenants.first().stats.version(parts.version);
    let asked = Asked { method: parts.method, uri: parts.uri, headers: parts.headers, body, arrived };
    match exchange(&hub.tenants, &asked).await {
        Ok(response) => response,
        Err(Cut) => {
            connection.cut();
            // The connection ends before this does.
            std::future::pending().await
        }
    }
}

/// Answers one request to the managed identity of the machine.
pub(crate) async fn machine(
    State(hub): State<Arc<Hub>>,
    Extension(connection): Extension<Connection>,
    request: Request,
) -> Response {
    let (parts, _) = request.into_parts();
    let app = hub.tenants.first();
    app.stats.token_request();
    let query = parts.uri.query().unwrap_or("");
    let answer = auth::managed_identity(app, &parts.method, parts.uri.path(), query, &parts.headers);
    match graph::disturbed(app, &parts.method, &target(&parts.uri), answer).await {
        Ok(answer) => response(&answer, dated(app)),
        Err(Cut) => {
            connection.cut();
            std::future::pending().await
        }
    }
}

/// Path and query.
fn target(uri: &Uri) -> String {
    uri.path_and_query().map_or_else(String::new, ToString::to_string)
}

/// The gateway refuses before it looks at anything else.
fn too_large() -> Response {
    let error = json!({ "error": { "code": "RequestEntityTooLarge", "message": "The request entity is too large." } });
    response(&Answer::json(413, &error), HeaderMap::new())
}

async fn exchange(tenants: &Tenants, asked: &Asked) -> Result<Response, Cut> {
    let path = asked.uri.path();
    let app = &tenants.of_token(auth::bearer(&asked.headers));
    let (answer, trace) = match sign_in(tenants, asked) {
        Some((app, answer)) => {
            app.stats.token_request();
            (graph::disturbed(&app, &asked.method, &target(&asked.uri), answer).await, None)
        }
        None => {
            app.stats.request(&asked.method, path.trim_start_matches('/').split_once('/').map_or("", |(_, rest)| rest));
            let trace = Trace::of(app, &asked.headers);
            let query = asked.uri.query().unwrap_or("");
            let request = graph::Request { method: &asked.method, path, query, headers: &asked.headers, body: &asked.body };
            (graph::answer(app, request, &trace).await, Some(trace))
        }
    };
    let Ok(answer) = answer else {
        note(app, asked, None, HeaderMap::new(), Bytes::new());
        return Err(Cut);
    };
    let mut headers = trace.map_or_else(HeaderMap::new, |trace| traced(&trace));
    headers.extend(dated(app));
    let response = response(&answer, headers);
    app.stats.answered(answer.status);
    note(app, asked, Some(answer.status), response.headers().clone(), answer.body.into());
    Ok(response)
}

fn note(app: &App, asked: &Asked, status: Option<u16>, response_headers: HeaderMap, response_body: Bytes) {
    let milliseconds = |time: Duration| time.as_secs_f64() * 1000.0;
    app.log.add(Entry {
        sequence: 0,
        arrived: milliseconds(asked.arrived),
        method: asked.method.to_string(),
        target: target(&asked.uri),
        request_headers: asked.headers.clone(),
        request_body: asked.body.clone(),
        status,
        response_headers,
        response_body,
        took: milliseconds(since_epoch().saturating_sub(asked.arrived)),
    });
}

/// The answers of the sign-in side, with the tenant that gives them; `None` for everything else.
fn sign_in(tenants: &Tenants, asked: &Asked) -> Option<(Arc<App>, Answer)> {
    let path = asked.uri.path().trim_start_matches('/');
    let (tenant, rest) = path.split_once('/')?;
    // A tenant that does not exist is refused by the first one.
    let app = || tenants.named(tenant).unwrap_or_else(|_| tenants.first().clone());
    let answer = match (asked.method.as_str(), rest.to_ascii_lowercase().as_str()) {
        ("POST", "oauth2/v2.0/token") => auth::token(&app(), tenant, &asked.headers, &asked.body),
        ("GET", "v2.0/.well-known/openid-configuration" | ".well-known/openid-configuration") => {
            auth::configuration(&app(), tenant)
        }
        ("GET", "discovery/v2.0/keys" | "discovery/keys") => auth::keys(),
        ("GET", "discovery/instance") => auth::instance(tenants.first()),
        _ => return None,
    };
    Some((app(), answer))
}

/// The tenant's time, so that it fits a `Retry-After` that is a date.
fn dated(app: &App) -> HeaderMap {
    let mut headers = HeaderMap::new();
    insert(&mut headers, "date", &http_date(app.clock.now()));
    headers
}

/// The headers that every answer of Graph has.
fn traced(trace: &Trace) -> HeaderMap {
    let server =
        r#"{"ServerInfo":{"DataCenter":"Emulator","Slice":"E","Ring":"1","ScaleUnit":"000","RoleInstance":"localhost"}}"#;
    let fixed = [
        ("x-ms-ags-diagnostic", server),
        ("odata-version", "4.0"),
        ("cache-control", "no-cache"),
        ("strict-transport-security", "max-age=31536000"),
        ("request-id", &trace.request_id),
        ("client-request-id", &trace.client_request_id),
    ];
    let mut headers = HeaderMap::new();
    for (name, value) in fixed {
        insert(&mut headers, name, value);
    }
    headers
}

fn insert(headers: &mut HeaderMap, name: &str, value: &str) {
    if let (Ok(name), Ok(value)) = (name.parse::<HeaderName>(), HeaderValue::from_str(value)) {
        headers.insert(name, value);
    }
}

/// Half of a body that announces itself as a whole one.
fn breaking(body: &[u8], headers: &mut HeaderMap) -> Body {
    headers.insert("content-length", HeaderValue::from(body.len()));
    let half = Bytes::copy_from_slice(&body[..body.len() / 2]);
    let end = std::io::Error::from(std::io::ErrorKind::ConnectionReset);
    Body::from_stream(futures_util::stream::iter([Ok(half), Err(end)]))
}

fn response(answer: &Answer, mut headers: HeaderMap) -> Response {
    for (name, value) in answer.all_headers() {
        insert(&mut headers, name, value);
    }
    if !answer.body.is_empty() {
        insert(&mut headers, "content-type", answer.content_type);
    }
    let mut response =
        Response::new(if answer.breaks { breaking(&answer.body, &mut headers) } else { Body::from(answer.body.clone()) });
    *response.status_mut() = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    *response.headers_mut() = headers;
    response
}
