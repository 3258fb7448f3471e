//! The token endpoint: client credentials (RFC 6749 section 4.4).

use super::challenge::{Wanted, is_capable};
use super::credentials::Application;
use super::refusal::Refusal;
use super::resource::is_known;
use super::signer::Claims;
use super::{assertion, federated};
use crate::app::App;
use crate::directory::{Kind, Name};
use crate::graph::Answer;
use crate::odata::{Plus, unescaped};
use axum::http::HeaderMap;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use uuid::Uuid;

const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// Answers `POST /{tenant}/oauth2/v2.0/token`.
pub(crate) fn answer(app: &App, tenant: &str, headers: &HeaderMap, body: &[u8]) -> Answer {
    issue(app, tenant, headers, &fields(body)).unwrap_or_else(|refusal| refusal.answer(app))
}

fn fields(body: &[u8]) -> BTreeMap<String, String> {
    let text = String::from_utf8_lossy(body);
    let field =
        |pair: &str| pair.split_once('=').map(|(name, value)| (unescaped(name, Plus::Space), unescaped(value, Plus::Space)));
    text.split('&').filter_map(field).collect()
}

/// Whether a path segment names this tenant.
///
/// # Errors
/// Another tenant, or nothing that could be one.
pub(crate) fn tenant(app: &App, segment: &str) -> Result<(), Refusal> {
    if app.is_this_tenant(segment) {
        return Ok(());
    }
    let possible = segment.parse::<Uuid>().is_ok() || segment.contains('.');
    Err(if possible { Refusal::unknown_tenant(segment) } else { Refusal::malformed_tenant(segment) })
}

fn issue(app: &App, segment: &str, headers: &HeaderMap, fields: &BTreeMap<String, String>) -> Result<Answer, Refusal> {
    tenant(app, segment)?;
    let field = |name: &str| fields.get(name).map_or("", String::as_str);
    if field("grant_type") != "client_credentials" {
        return Err(Refusal::bad_grant(field("grant_type")));
    }
    let basic = basic(headers);
    let client_id = basic.as_ref().map_or(field("client_id"), |(client_id, _)| client_id);
    if client_id.is_empty() {
        return Err(Refusal::no_client_id());
    }
    let application = app.credentials.find(client_id).ok_or_else(|| Refusal::unknown_application(client_id, segment))?;
    present(app, &application, segment)?;
    let secret = basic.as_ref().map(|(_, secret)| secret).or_else(|| fields.get("client_secret"));
    match (secret, fields.get("client_assertion")) {
        (Some(secret), _) => check_secret(app, &application, secret)?,
        (None, Some(text)) if field("client_assertion_type") == ASSERTION_TYPE => {
            if federated::is_foreign(&application, text) {
                federated::verify(app, &application, text)?
            } else {
                assertion::verify(app, segment, &application, text)?
            }
        }
        (None, _) => return Err(Refusal::no_credential()),
    }
    let scope = field("scope");
    let resource =
        scope.strip_suffix("/.default").filter(|resource| resource.starts_with("https://") || resource.parse::<Uuid>().is_ok());
    let resource = resource.filter(|resource| !resource.contains(' ')).ok_or_else(|| Refusal::bad_scope(scope))?;
    if !is_known(app, resource) {
        return Err(Refusal::unknown_resource(resource, segment));
    }
    let wanted = Wanted::read(field("claims")).ok_or_else(Refusal::bad_claims)?;
    let (claims, token) = bearer_token(app, &application, resource, &wanted);
    let token = token.ok_or_else(|| Refusal::bad_scope(scope))?;
    let lifetime = claims.exp - claims.nbf;
    let body = json!({ "token_type": "Bearer", "expires_in": lifetime, "ext_expires_in": lifetime, "access_token": token });
    let answer = Answer { content_type: "application/json; charset=utf-8", ..Answer::json(200, &body) };
    Ok(answer.header("cache-control", "no-store, no-cache"))
}

/// Whether the application is still a principal of the tenant, and not a blocked one.
fn present(app: &App, application: &Application, segment: &str) -> Result<(), Refusal> {
    let world = app.world.read();
    let tenant = &world.tenant;
    let mut principals = tenant
        .holders_of_any(Name::APP_ID, &application.client_id)
        .map(|row| tenant.object(row))
        .filter(|object| object.kind == Kind::ServicePrincipal && object.is_live());
    match principals.next() {
        None => Err(Refusal::unknown_application(&application.client_id, segment)),
        Some(principal) if principal.is_true(Name::ACCOUNT_ENABLED) => Ok(()),
        Some(_) => Err(Refusal::disabled_application(&application.client_id)),
    }
}

fn basic(headers: &HeaderMap) -> Option<(String, String)> {
    let header = headers.get("authorization")?.to_str().ok()?;
    let encoded = header.get(..6).filter(|scheme| scheme.eq_ignore_ascii_case("basic ")).and(header.get(6..))?;
    let text = String::from_utf8(BASE64_STANDARD.decode(encoded.trim()).ok()?).ok()?;
    let (client_id, secret) = text.split_once(':')?;
    Some((unescaped(client_id, Plus::Space), unescaped(secret, Plus::Space)))
}

fn check_secret(app: &App, application: &Application, given: &str) -> Result<(), Refusal> {
    let now = app.clock.now();
    match application.secrets.iter().find(|secret| secret.value == given) {
        None => Err(Refusal::wrong_secret(&application.client_id)),
        Some(secret) if secret.expires.is_some_and(|end| end <= now) => Err(Refusal::expired_secret(&application.client_id)),
        Some(_) => Ok(()),
    }
}

/// A new access token and what it says; `None` if it cannot be written.
pub(crate) fn bearer_token(app: &App, application: &Application, resource: &str, wanted: &Wanted) -> (Claims, Option<String>) {
    let now = app.clock.now() / 1000;
    let lifetime = i64::try_from(app.token_lifetime.load(Ordering::Relaxed)).unwrap_or(i64::MAX);
    // Who can be challenged gets a token for a day, because it can be taken back.
    let lifetime = if is_capable(&wanted.capabilities) { lifetime.saturating_mul(24) } else { lifetime };
    let claims = Claims {
        aud: resource.trim_end_matches('/').to_owned(),
        iss: format!("https://sts.windows.net/{}/", app.tenant_id),
        iat: now,
        nbf: now,
        exp: now.saturating_add(lifetime),
        appid: application.client_id.clone(),
        tid: app.tenant_id.to_string(),
        roles: application.roles.clone(),
        xms_cc: wanted.capabilities.clone(),
        answers: wanted.answers,
        ver: "1.0".to_owned(),
        generation: app.credentials.generation(),
    };
    let token = app.signer.sign(&claims);
    (claims, token)
}
