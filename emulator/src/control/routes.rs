//! The paths of the control plane.

use super::faults::Rule;
use super::seed::{Seed, seed};
use super::{choices, state};
use crate::app::App;
use crate::auth::{Certificate, Federated, Secret, challenge_claims};
use crate::conditions::Profile;
use crate::graph::Answer;
use crate::odata::{Plus, unescaped};
use crate::options::Domain;
use crate::registration;
use crate::tenants::Tenants;
use axum::http::Method;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value as Json, json};
use std::sync::Arc;

/// What a control request asks of the server beyond an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Then {
    /// Nothing.
    Continue,
    /// To end.
    Shutdown,
}

/// Answers a control request; `path` is below `/_emulator/`.
pub(crate) fn answer(tenants: &Tenants, method: &Method, path: &str, query: &str, body: &[u8]) -> (Answer, Then) {
    let then = if (method, path) == (&Method::POST, "shutdown") { Then::Shutdown } else { Then::Continue };
    let answer = which(tenants, query).and_then(|(app, query)| match path {
        "tenants" => super::tenants::answer(tenants, method, body),
        _ => route(&app, method, path, &query, body),
    });
    let answer = answer.unwrap_or_else(|error| Answer::json(400, &json!({ "error": error })));
    (Answer { content_type: "application/json", ..answer }, then)
}

/// The tenant that the query names (the first without a name), and the query without it.
fn which(tenants: &Tenants, query: &str) -> Result<(Arc<App>, String), String> {
    let (named, rest): (Vec<&str>, Vec<&str>) = query.split('&').partition(|pair| pair.starts_with("tenant="));
    let name = named.first().and_then(|pair| pair.split_once('=')).map(|(_, name)| unescaped(name, Plus::Space));
    let app = match name {
        Some(name) => tenants.named(&name).map_err(|error| error.to_string())?,
        None => tenants.first().clone(),
    };
    Ok((app, rest.join("&")))
}

fn route(app: &App, method: &Method, path: &str, query: &str, body: &[u8]) -> Result<Answer, String> {
    match (method.as_str(), path) {
        ("GET", "state") => Ok(Answer::written(200, state::state(&app.world.read().tenant, &options(query)?)?)),
        ("POST", "seed") => plant(app, read(body)?),
        ("GET", "log") => log(app, &options(query)?),
        ("GET", "stats") => Ok(shown(&app.stats.counts())),
        ("POST", "stats/reset") => Ok(shown(&app.stats.reset())),
        ("GET", "faults") => Ok(shown(&app.faults.rules())),
        ("PUT", "faults") => app.faults.replace(read::<Vec<Rule>>(body)?).map(|()| shown(&app.faults.rules())),
        ("GET", "clock") => Ok(clock(app)),
        ("PATCH", "clock") => pace(app, &read(body)?),
        ("POST", "clock/advance") => advance(app, &read(body)?),
        ("POST", "credentials") => credentials(app, read(body)?),
        ("GET", "conditions") => Ok(shown(&app.conditions.present())),
        ("PATCH", "conditions") => app.conditions.change(read(body)?).map(|conditions| shown(&conditions)),
        ("PUT", "profile") => Ok(shown(&app.conditions.switch(read::<Named>(body)?.name))),
        ("POST", "challenge") => challenge(app, read(body)?),
        ("GET", "switches") => Ok(choices::switches(app)),
        ("PATCH", "switches") => choices::switch(app, read(body)?),
        ("GET", "extensions") => Ok(shown(&app.world.read().extensions)),
        ("PUT", "extensions") => choices::register(app, body),
        ("GET", "domains") => Ok(shown(&app.world.read().domains)),
        ("PUT", "domains") => domains(app, read(body)?),
        ("POST", "shutdown") => Ok(Answer::json(200, &json!({}))),
        _ => Ok(Answer::json(404, &json!({ "error": format!("no control request {method} {path}") }))),
    }
}

pub(super) fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, String> {
    serde_json::from_slice(body).map_err(|error| error.to_string())
}

/// Query options as a typed value: numbers where they are digits, else texts.
fn options<T: DeserializeOwned>(query: &str) -> Result<T, String> {
    let pair = |pair: &str| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let value = unescaped(value, Plus::Space);
        (name.to_owned(), value.parse::<u64>().map_or(Json::String(value), Json::from))
    };
    let map: Map<String, Json> = query.split('&').filter(|text| !text.is_empty()).map(pair).collect();
    serde_json::from_value(Json::Object(map)).map_err(|error| error.to_string())
}

pub(super) fn shown(value: &impl serde::Serialize) -> Answer {
    Answer::written(200, serde_json::to_vec(value).unwrap_or_default())
}

fn plant(app: &App, wanted: Seed) -> Result<Answer, String> {
    let now = app.clock.now();
    let mut world = app.world.write();
    let seeded = seed(&mut world.tenant, wanted, now).map_err(|failure| failure.message)?;
    Ok(Answer::json(
        200,
        &json!({
            "users": texts(&seeded.users),
            "groups": texts(&seeded.groups),
            "applications": texts(&seeded.applications),
            "servicePrincipals": texts(&seeded.service_principals),
            "devices": texts(&seeded.devices),
            "contacts": texts(&seeded.contacts),
        }),
    ))
}

fn texts(ids: &[uuid::Uuid]) -> Vec<String> {
    ids.iter().map(ToString::to_string).collect()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LogPage {
    #[serde(default)]
    after: u64,
    top: Option<usize>,
}

fn log(app: &App, page: &LogPage) -> Result<Answer, String> {
    let entries = app.log.after(page.after, page.top.unwrap_or(1000));
    let value: Vec<Json> = entries.iter().map(crate::log::Entry::json).collect();
    Ok(Answer::json(200, &json!({ "value": value })))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Named {
    name: Profile,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Advance {
    seconds: i64,
}

/// A hundred years.
const MOST_SECONDS: i64 = 100 * 366 * 24 * 3600;

fn advance(app: &App, advance: &Advance) -> Result<Answer, String> {
    if advance.seconds < 0 {
        return Err("time does not go back".to_owned());
    }
    if advance.seconds > MOST_SECONDS {
        return Err("time goes on by a hundred years at most".to_owned());
    }
    app.clock.advance(advance.seconds * 1000);
    let purged = app.purge();
    app.do_what_is_due();
    Ok(Answer::json(200, &json!({ "now": app.clock.now(), "purged": purged })))
}

fn clock(app: &App) -> Answer {
    Answer::json(200, &json!({ "now": app.clock.now(), "rate": app.clock.rate() }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Pace {
    rate: f64,
}

fn pace(app: &App, pace: &Pace) -> Result<Answer, String> {
    if !crate::clock::is_rate(pace.rate) {
        return Err("the clock rate is a positive number".to_owned());
    }
    app.clock.run_at(pace.rate);
    Ok(clock(app))
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
struct CredentialChange {
    client_id: Option<String>,
    add_secret: Option<String>,
    secret_expires_in: Option<i64>,
    secret_name: Option<String>,
    display_name: Option<String>,
    remove_secrets: bool,
    add_certificate: Option<String>,
    remove_certificates: bool,
    add_federated: Option<Federated>,
    remove_federated: bool,
    on_this_machine: Option<bool>,
    resource_id: Option<String>,
    roles: Option<Vec<String>>,
    expire_tokens: bool,
}

fn credentials(app: &App, change: CredentialChange) -> Result<Answer, String> {
    let certificate =
        change.add_certificate.as_deref().map(|pem| Certificate::from_pem(pem).ok_or("no RSA certificate in the PEM text"));
    let certificate = certificate.transpose()?;
    let now = app.clock.now();
    let expires = change.secret_expires_in.map(|seconds| now.saturating_add(seconds.saturating_mul(1000)));
    let client_id = change.client_id.unwrap_or_else(|| app.client_id.to_string());
    if let Some(new) = &change.add_federated {
        let known = app.credentials.find(&client_id).filter(|_| !change.remove_federated);
        new.check(known.as_ref().map_or(&[], |application| &application.federated))?;
    }
    app.credentials.change(&client_id, |application| {
        if change.remove_federated {
            application.federated.clear();
        }
        application.federated.extend(change.add_federated);
        application.on_this_machine = change.on_this_machine.unwrap_or(application.on_this_machine);
        application.resource_id = change.resource_id.or(application.resource_id.take());
        if change.remove_secrets {
            application.secrets.clear();
        }
        if change.remove_certificates {
            application.certificates.clear();
        }
        let secret = |value| Secret { value, name: change.secret_name, starts: now, expires };
        application.secrets.extend(change.add_secret.map(secret));
        application.name = change.display_name.or(application.name.take());
        application.certificates.extend(certificate);
        if let Some(roles) = change.roles {
            application.roles = roles;
        }
    });
    registration::show(app, &client_id);
    if change.expire_tokens {
        app.credentials.expire_tokens();
    }
    Ok(Answer::json(200, &json!({})))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Challenged {
    client_id: Option<String>,
}

/// From now on, tokens that understand challenges and are older than this are challenged.
fn challenge(app: &App, whom: Challenged) -> Result<Answer, String> {
    let client_id = whom.client_id.unwrap_or_else(|| app.client_id.to_string());
    let before = app.credentials.find(&client_id).ok_or_else(|| format!("no application '{client_id}'"))?.challenge;
    // Two challenges in one second are two.
    let moment = (app.clock.now() / 1000).max(before.map_or(0, |before| before + 1));
    app.credentials.change(&client_id, |application| application.challenge = Some(moment));
    Ok(Answer::json(200, &json!({ "claims": challenge_claims(moment) })))
}

fn domains(app: &App, domains: Vec<Domain>) -> Result<Answer, String> {
    if domains.is_empty() {
        return Err("a tenant has at least one domain".to_owned());
    }
    let mut world = app.world.write();
    world.domains = domains;
    Ok(shown(&world.domains))
}
