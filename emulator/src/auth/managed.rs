//! The managed identity of the machine: the instance metadata service of a virtual machine, and the endpoint of App Service.
//! Neither takes a secret; being on the machine is the proof.

use super::challenge::Wanted;
use super::credentials::Application;
use super::resource::is_known;
use super::token::bearer_token;
use crate::app::App;
use crate::directory::Kind;
use crate::graph::Answer;
use crate::odata::{Plus, unescaped};
use crate::registration;
use axum::http::{HeaderMap, Method};
use serde_json::{Value as Json, json};
use std::collections::BTreeMap;

/// What `IDENTITY_ENDPOINT` names on App Service.
const APP_SERVICE: &str = "/msi/token";
const IMDS: &str = "/metadata/identity/oauth2/token";

/// Answers a request to the machine's own address.
pub(crate) fn answer(app: &App, method: &Method, path: &str, query: &str, headers: &HeaderMap) -> Answer {
    let pair = |pair: &str| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        (name.to_ascii_lowercase(), unescaped(value, Plus::Space))
    };
    let options: BTreeMap<String, String> = query.split('&').filter(|pair| !pair.is_empty()).map(pair).collect();
    let found = match path {
        IMDS if method == Method::GET => imds(app, &options, headers),
        APP_SERVICE if method == Method::GET => app_service(app, &options, headers),
        IMDS | APP_SERVICE => Err(error(405, "invalid_request", "The method is not allowed.")),
        _ => Err(error(404, "not_found", "There is nothing here.")),
    };
    found.unwrap_or_else(|refused| refused)
}

fn error(status: u16, error: &str, description: &str) -> Answer {
    plain(status, &json!({ "error": error, "error_description": description }))
}

fn plain(status: u16, body: &Json) -> Answer {
    Answer { content_type: "application/json; charset=utf-8", ..Answer::json(status, body) }
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or("")
}

fn imds(app: &App, options: &BTreeMap<String, String>, headers: &HeaderMap) -> Result<Answer, Answer> {
    if header(headers, "metadata") != "true" {
        return Err(error(400, "invalid_request", "Required metadata header not specified"));
    }
    if !header(headers, "x-forwarded-for").is_empty() {
        return Err(error(400, "invalid_request", "A forwarded request is not answered."));
    }
    if option(options, "api-version").is_empty() {
        return Err(error(400, "invalid_request", "Required query variable 'api-version' is missing"));
    }
    let resource = resource(app, options).ok_or_else(|| {
        let text = format!("The resource '{}' was not found in the tenant.", option(options, "resource"));
        error(400, "invalid_resource", &format!("AADSTS500011: {text}"))
    })?;
    let (token, times) = token(app, &identity(app, options)?, resource);
    let token = token.ok_or_else(|| error(500, "unknown", "Failed to retrieve token from the Active directory."))?;
    Ok(plain(200, &body(&token, times, resource)))
}

fn app_service(app: &App, options: &BTreeMap<String, String>, headers: &HeaderMap) -> Result<Answer, Answer> {
    let refused = |status: u16, message: &str| plain(status, &json!({ "statusCode": status, "message": message }));
    if header(headers, "x-identity-header") != app.identity_header {
        return Err(refused(401, "The X-IDENTITY-HEADER is missing or wrong."));
    }
    if option(options, "api-version") != "2019-08-01" {
        return Err(refused(400, "The api-version is not supported."));
    }
    // The service says as little as this about a resource that it does not know.
    let vague = || refused(500, "An unexpected error occurred while fetching the AAD Token.");
    let resource = resource(app, options).ok_or_else(vague)?;
    let identity = identity(app, options).map_err(|_| refused(400, "No User Assigned or Delegated Managed Identity found."))?;
    let (token, times) = token(app, &identity, resource);
    let mut body = body(&token.ok_or_else(vague)?, times, resource);
    if let Some(map) = body.as_object_mut() {
        // This endpoint tells the end of a token only as a moment.
        map.retain(|name, _| !matches!(name.as_str(), "expires_in" | "not_before" | "refresh_token"));
    }
    Ok(plain(200, &body))
}

fn option<'a>(options: &'a BTreeMap<String, String>, name: &str) -> &'a str {
    options.get(name).map_or("", String::as_str)
}

/// The resource: an address or an application id that the tenant knows, never with `/.default` behind it.
fn resource<'a>(app: &App, options: &'a BTreeMap<String, String>) -> Option<&'a str> {
    let text = option(options, "resource");
    is_known(app, text).then_some(text)
}

/// The identity that is meant: the only one, or the one that the query names.
fn identity(app: &App, options: &BTreeMap<String, String>) -> Result<Application, Answer> {
    let here: Vec<Application> = app.credentials.all().into_iter().filter(|known| known.on_this_machine).collect();
    let keys = ["client_id", "object_id", "msi_res_id", "mi_res_id"];
    match (keys.iter().find_map(|key| Some((*key, options.get(*key)?))), here.as_slice()) {
        (Some((key, wanted)), all) => all
            .iter()
            .find(|known| name(app, known, key).is_some_and(|name| name.eq_ignore_ascii_case(wanted)))
            .cloned()
            .ok_or_else(|| error(400, "invalid_request", "Identity not found")),
        (None, [only]) => Ok(only.clone()),
        (None, []) => Err(error(400, "invalid_request", "Identity not found")),
        (None, _) => Err(error(
            400,
            "invalid_request",
            "Multiple user assigned identities exist, please specify the clientId / resourceId of the identity in the token request",
        )),
    }
}

/// What an identity is called under a key: by its application, its service principal, or the resource that it is in Azure.
fn name(app: &App, identity: &Application, key: &str) -> Option<String> {
    match key {
        "client_id" => Some(identity.client_id.clone()),
        "object_id" => {
            let world = app.world.read();
            let principal = registration::registered(&world.tenant, Kind::ServicePrincipal, &identity.client_id)?;
            Some(world.tenant.object(principal).id.to_string())
        }
        _ => identity.resource_id.clone(),
    }
}

fn token(app: &App, identity: &Application, resource: &str) -> (Option<String>, (i64, i64)) {
    let (claims, token) = bearer_token(app, identity, resource, &Wanted::default());
    (token, (claims.nbf, claims.exp))
}

/// All numbers are texts.
fn body(token: &str, (from, until): (i64, i64), resource: &str) -> Json {
    json!({
        "access_token": token,
        "refresh_token": "",
        "expires_in": (until - from).to_string(),
        "expires_on": until.to_string(),
        "not_before": from.to_string(),
        "resource": resource,
        "token_type": "Bearer",
    })
}
