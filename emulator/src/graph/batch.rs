//! `$batch`: up to twenty requests in one (Graph "JSON batching").

use super::answer::Answer;
use super::call::Origin;
use super::fields::{Members, write_list};
use super::writers::{AtWork, Order};
use super::{Cut, Request, Trace, below_version, one, refusal, take_time};
use crate::app::App;
use crate::auth::Rights;
use crate::directory::write_json;
use crate::failure::Failure;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method};
use serde::Deserialize;
use serde_json::{Map, Value as Json, json};
use std::collections::BTreeMap;
use std::sync::atomic::Ordering;

/// The most requests of a batch.
const MOST: usize = 20;

#[derive(Deserialize)]
struct Batch {
    requests: Vec<Step>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Step {
    id: String,
    method: String,
    url: String,
    #[serde(default)]
    headers: Map<String, Json>,
    body: Option<Json>,
    #[serde(default)]
    depends_on: Vec<String>,
}

impl Step {
    fn key(&self) -> String {
        self.id.to_lowercase()
    }
}

/// Answers a batch. A malformed one is refused whole; otherwise each step has its own status.
///
/// # Errors
/// [`Cut`] when a fault drops the connection at one of the steps.
pub(super) async fn answer(app: &App, rights: &Rights, body: &[u8], trace: &Trace, at_work: &AtWork<'_>) -> Result<Answer, Cut> {
    let batch = match read(body) {
        Ok(batch) => batch,
        Err(failure) => return Ok(refusal(app, &failure, trace)),
    };
    let mut answers: Vec<(String, Answer)> = Vec::with_capacity(batch.requests.len());
    let mut failed: BTreeMap<String, bool> = BTreeMap::new();
    let order = if batch.requests.iter().all(|step| step.depends_on.is_empty()) { Order::Parallel } else { Order::Serial };
    for step in &batch.requests {
        let blocked = step.depends_on.iter().any(|id| failed.get(&id.to_lowercase()) == Some(&true));
        let answer =
            if blocked { refusal(app, &dependency(), trace) } else { run(app, rights, step, trace, (at_work, order)).await? };
        app.stats.sub_answered(answer.status);
        failed.insert(step.key(), answer.status >= 400);
        answers.push((step.id.clone(), answer));
    }
    take_time(app, at_work.takes(order, app.steps.load(Ordering::Relaxed))).await;
    // The order of the answers means nothing, so it is not the order of the requests.
    answers.rotate_left(batch.requests.len() / 2);
    let mut out = b"{\"responses\":".to_vec();
    write_list(&mut out, &answers, |out, (id, answer)| write(out, id, answer));
    out.push(b'}');
    Ok(Answer::written(200, out))
}

fn dependency() -> Failure {
    Failure::new(424, "FailedDependency", "Failed Dependency")
}

fn malformed(message: impl Into<String>) -> Failure {
    Failure::new(400, "BadRequest", message)
}

fn read(body: &[u8]) -> Result<Batch, Failure> {
    let batch: Batch =
        serde_json::from_slice(body).map_err(|error| malformed(format!("Invalid batch payload format: {error}")))?;
    if batch.requests.is_empty() {
        return Err(malformed("Invalid batch payload format: no requests."));
    }
    if batch.requests.len() > MOST {
        return Err(malformed(format!("Number of batch request steps exceeds the maximum value of {MOST}.")));
    }
    if batch.requests.iter().any(|step| step.id.is_empty()) {
        return Err(malformed("Invalid batch payload format: a request has no id."));
    }
    for (at, step) in batch.requests.iter().enumerate() {
        let earlier = &batch.requests[..at];
        if earlier.iter().any(|other| other.key() == step.key()) {
            return Err(malformed(format!("Duplicate request id '{}' in the batch.", step.id)));
        }
        if step.depends_on.iter().any(|id| !earlier.iter().any(|other| other.key() == id.to_lowercase())) {
            return Err(malformed(format!("Invalid dependency for request Id {}.", step.id)));
        }
    }
    if is_mixed(&batch.requests) {
        Err(malformed("Batch should be either fully sequential or fully parallel."))
    } else {
        Ok(batch)
    }
}

/// Parallel means that nothing depends; serial means that each step but the first depends on the one before it.
fn is_mixed(steps: &[Step]) -> bool {
    let parallel = steps.iter().all(|step| step.depends_on.is_empty());
    let serial = steps.windows(2).all(|pair| pair[1].depends_on.iter().map(|id| id.to_lowercase()).eq([pair[0].key()]));
    !parallel && !serial
}

async fn run(app: &App, rights: &Rights, step: &Step, trace: &Trace, work: (&AtWork<'_>, Order)) -> Result<Answer, Cut> {
    let target = match target(app, &step.url) {
        Ok(target) => target,
        Err(failure) => return Ok(refusal(app, &failure, trace)),
    };
    let (path, query) = target.split_once('?').unwrap_or((&target, ""));
    let headers = headers(&step.headers);
    let Ok(method) = step.method.to_ascii_uppercase().parse::<Method>() else {
        return Ok(refusal(app, &Failure::method(), trace));
    };
    if step.body.is_some() && !headers.contains_key("content-type") {
        let failure = malformed("Content-Type header is required for requests with a body.");
        return Ok(refusal(app, &failure, trace));
    }
    let body = step.body.as_ref().map(Json::to_string).unwrap_or_default();
    app.stats.sub_request(&method, path);
    let request = Request { method: &method, path, query, headers: &headers, body: body.as_bytes() };
    one(app, rights, request, Origin::Batch, trace, work).await
}

/// The path and query below the version: relative (`/users`, `users?..`), or absolute with host and version.
fn target(app: &App, url: &str) -> Result<String, Failure> {
    if let Some(rest) = url.strip_prefix("https://") {
        let at = rest.find('/').unwrap_or(rest.len());
        let ours = app.graph_url.contains(&rest[..at]) || rest[..at].starts_with("graph.");
        let path = below_version(&rest[at..]).filter(|_| ours);
        return path.map(str::to_owned).ok_or_else(|| malformed(format!("Invalid request URL '{url}'.")));
    }
    let path = url.trim_start_matches('/');
    if path.eq_ignore_ascii_case("$batch") { Err(malformed("A batch cannot contain a batch.")) } else { Ok(path.to_owned()) }
}

fn headers(given: &Map<String, Json>) -> HeaderMap {
    let pairs = given.iter().filter_map(|(name, value)| {
        let name: HeaderName = name.to_ascii_lowercase().parse().ok()?;
        Some((name, HeaderValue::from_str(value.as_str()?).ok()?))
    });
    pairs.collect()
}

fn write(out: &mut Vec<u8>, id: &str, answer: &Answer) {
    let mut headers: Map<String, Json> = answer.all_headers().map(|(name, value)| (canonical(name), value.into())).collect();
    if !answer.body.is_empty() {
        headers.insert("Content-Type".to_owned(), "application/json".into());
    }
    let mut map = Members::open(out);
    map.text("id", id);
    map.number("status", usize::from(answer.status));
    map.name("headers");
    write_json(map.out, &Json::Object(headers));
    if !answer.body.is_empty() {
        map.name("body");
        match answer.content_type {
            "text/plain" => write_json(map.out, &json!(String::from_utf8_lossy(&answer.body))),
            _ => map.out.extend_from_slice(&answer.body),
        }
    }
    map.close();
}

/// Header names in batches are written with capitals: `Retry-After`.
fn canonical(name: &str) -> String {
    if name.starts_with("x-ms-") {
        return name.to_owned();
    }
    let capital = |word: &str| word.get(..1).map_or_else(String::new, |first| first.to_ascii_uppercase() + &word[1..]);
    name.split('-').map(capital).collect::<Vec<_>>().join("-")
}
