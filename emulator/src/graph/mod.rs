//! Microsoft Graph v1.0: from a request to an answer.

mod activated;
mod answer;
mod applications;
mod batch;
mod bystanders;
mod call;
mod candidates;
mod cost;
mod cursor;
mod delta;
mod domains;
mod doors;
mod eligibility;
mod fields;
mod groups;
mod invitations;
mod licences;
mod listing;
mod losses;
mod membership;
mod methods;
mod objects;
mod organization;
mod permission;
mod quota;
mod recycle;
mod references;
mod replica;
mod roles;
mod table;
mod users;
mod writers;

pub(crate) use answer::Answer;
pub(crate) use delta::Windows;
pub(crate) use doors::disturbed;
pub(crate) use fields::{Members, write_list, write_value};
pub(crate) use references::set_manager;
pub(crate) use writers::Writers;

use crate::app::App;
use crate::auth::{self, Rights};
use crate::clock::rfc3339;
use crate::control::{Action, Moment};
use crate::dice::Dice;
use crate::directory::Kind;
use crate::failure::Failure;
use crate::odata::{self, Part, Query};
use crate::throttle::Priority;
use axum::http::{HeaderMap, Method};
use call::{Call, Origin};
use losses::Level;
use std::sync::atomic::Ordering;
use writers::{AtWork, Order};

/// A request to Graph.
#[derive(Clone, Debug)]
pub(crate) struct Request<'a> {
    /// The method.
    pub(crate) method: &'a Method,
    /// The path with its version.
    pub(crate) path: &'a str,
    /// The raw query string.
    pub(crate) query: &'a str,
    /// The headers.
    pub(crate) headers: &'a HeaderMap,
    /// The body.
    pub(crate) body: &'a [u8],
}

/// The connection is to be cut instead of answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cut;

/// The names by which one exchange is traced.
#[derive(Clone, Debug)]
pub(crate) struct Trace {
    /// Given by the service.
    pub(crate) request_id: String,
    /// Echoed from the client, else the same.
    pub(crate) client_request_id: String,
    /// How urgent the request says it is.
    priority: Priority,
}

impl Trace {
    /// A new trace for a request with these headers.
    pub(crate) fn of(app: &App, headers: &HeaderMap) -> Trace {
        let request_id = app.next_request_id();
        let given = headers.get("client-request-id").and_then(|value| value.to_str().ok());
        let priority = quota::priority(headers).unwrap_or_default();
        Trace { client_request_id: given.unwrap_or(&request_id).to_owned(), request_id, priority }
    }
}

/// Answers a request, as the faults allow.
///
/// # Errors
/// [`Cut`] when a fault drops the connection.
pub(crate) async fn answer(app: &App, request: Request<'_>, trace: &Trace) -> Result<Answer, Cut> {
    let refused = |failure: &Failure| refusal(app, failure, trace);
    let Some(path) = below_version(request.path) else {
        return Ok(refused(&Failure::new(404, "ResourceNotFound", "Invalid version.")));
    };
    let rights = match auth::authorize(app, request.headers) {
        Ok(rights) => rights,
        Err(failure) => return Ok(refused(&failure)),
    };
    app.do_what_is_due();
    let request = Request { path, ..request };
    let at_work = AtWork::of(app, trace);
    if !path.eq_ignore_ascii_case("$batch") {
        let answer = one(app, &rights, request, Origin::Direct, trace, (&at_work, Order::Serial)).await?;
        take_time(app, at_work.takes(Order::Serial, app.steps.load(Ordering::Relaxed))).await;
        return Ok(answer);
    }
    if *request.method != Method::POST {
        return Ok(refused(&Failure::method()));
    }
    let answering = async { batch::answer(app, &rights, request.body, trace, &at_work).await };
    with_faults(app, &request, trace, losses::around(app, Level::Batch, app.next_step(), trace, answering)).await
}

/// A write is not done at once: whoever writes the same object meanwhile meets it.
async fn take_time(app: &App, milliseconds: u64) {
    if milliseconds > 0 && !app.clock.stands_still() {
        wait(app, milliseconds).await;
    }
}

/// The path below `/v1.0/`; the version ignores case.
fn below_version(path: &str) -> Option<&str> {
    let (version, rest) = path.strip_prefix('/')?.split_once('/')?;
    version.eq_ignore_ascii_case("v1.0").then_some(rest)
}

/// Answers one request or sub-request.
async fn one(
    app: &App,
    rights: &Rights,
    request: Request<'_>,
    origin: Origin,
    trace: &Trace,
    (at_work, order): (&AtWork<'_>, Order),
) -> Result<Answer, Cut> {
    let step = app.next_step();
    let mut dice = Dice::of(app.seed, 0, step);
    let mut charged = quota::charge(app, rights, &request, trace, &mut dice);
    let answering = async {
        let found = dispatch(app, rights, &request, origin, step);
        Ok(found.unwrap_or_else(|failure| refusal(app, &failure, trace)))
    };
    let level = if origin == Origin::Direct { Level::Request } else { Level::Step };
    let answering = async {
        match at_work.begin(&request, order) {
            Ok(()) => losses::around(app, level, step, trace, answering).await,
            Err(failure) => Ok(refusal(app, &failure, trace)),
        }
    };
    let answer = match charged.refused.take() {
        Some(answer) => answer,
        None => with_faults(app, &request, trace, answering).await?,
    };
    Ok(charged.told(answer))
}

/// Carries out what the faults ask for around an answer.
async fn with_faults(
    app: &App,
    request: &Request<'_>,
    trace: &Trace,
    answering: impl Future<Output = Result<Answer, Cut>>,
) -> Result<Answer, Cut> {
    let target = if request.query.is_empty() {
        format!("/v1.0/{}", request.path)
    } else {
        format!("/v1.0/{}?{}", request.path, request.query)
    };
    let Some(action) = app.faults.strike(request.method.as_str(), &target) else { return answering.await };
    match action {
        Action::Delay { milliseconds } => {
            wait(app, milliseconds).await;
            answering.await
        }
        Action::Page { loses } => answering.await.map(|answer| losses::page(answer, loses)),
        Action::Drop { when: Moment::Before } => Err(Cut),
        Action::Drop { when: Moment::After } => answering.await.and(Err(Cut)),
        Action::Answer { when: Moment::Before, status, code, message, headers } => {
            Ok(substitute(app, trace, status, &code, &message, headers))
        }
        Action::Answer { when: Moment::After, status, code, message, headers } => {
            answering.await?;
            Ok(substitute(app, trace, status, &code, &message, headers))
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "a delay is what the fault asks for")]
async fn wait(app: &App, milliseconds: u64) {
    tokio::time::sleep(app.clock.real(milliseconds)).await;
}

fn substitute(app: &App, trace: &Trace, status: u16, code: &str, message: &str, headers: Vec<(String, String)>) -> Answer {
    let error = serde_json::json!({ "error": { "code": code, "message": message, "innerError": {
        "date": date(app), "request-id": trace.request_id, "client-request-id": trace.client_request_id } } });
    let mut answer = Answer::json(status, &error);
    answer.extra = headers;
    answer
}

fn date(app: &App) -> String {
    rfc3339(app.clock.now()).trim_end_matches('Z').to_owned()
}

fn refusal(app: &App, failure: &Failure, trace: &Trace) -> Answer {
    Answer::refusal(failure, &date(app), &trace.request_id, &trace.client_request_id)
}

fn dispatch(app: &App, rights: &Rights, request: &Request<'_>, origin: Origin, step: u64) -> Result<Answer, Failure> {
    let parts = odata::parts(request.path);
    let query = Query::parse(request.query)?;
    let call = Call {
        app,
        method: request.method,
        path: request.path,
        parts: &parts,
        query: &query,
        headers: request.headers,
        body: request.body,
        origin,
        rights,
        step,
    };
    permission::check(&call)?;
    call.fits(request.query)?;
    let words: Vec<String> = parts.iter().take(2).map(Part::word).collect();
    match (words.first().map_or("", String::as_str), words.get(1).map_or("", String::as_str)) {
        ("users", _) => users::route(&call),
        ("groups", _) => groups::route(&call),
        ("applications", _) => applications::route(&call, Kind::Application),
        ("serviceprincipals", _) => applications::route(&call, Kind::ServicePrincipal),
        ("devices", _) => bystanders::route(&call, Kind::Device),
        ("contacts", _) => bystanders::route(&call, Kind::Contact),
        ("directory", "deleteditems") => recycle::route(&call),
        ("organization", _) => organization::organization(&call),
        ("domains", _) => domains::route(&call),
        ("directoryroles", _) => activated::directory_roles(&call),
        ("directoryroletemplates", _) => activated::templates(&call),
        ("rolemanagement", "directory") => roles::role_management(&call),
        ("identitygovernance", "privilegedaccess") => eligibility::route(&call),
        ("subscribedskus", _) => licences::products(&call),
        ("invitations", _) => invitations::route(&call),
        ("directoryobjects", _) => objects::route(&call),
        _ => Err(Failure::segment(parts.first().map_or("", Part::text))),
    }
}
