//! Access tokens on the way in.

use super::{challenge, resource};
use crate::app::App;
use crate::directory::{Kind, Name};
use crate::failure::Failure;
use axum::http::HeaderMap;

/// What a token allows.
#[derive(Clone, Debug)]
pub(crate) struct Rights {
    /// The application's id.
    pub(crate) application: String,
    /// Its application permissions.
    pub(crate) roles: Vec<String>,
}

/// The token in the headers of a request; empty if there is none.
pub(crate) fn bearer(headers: &HeaderMap) -> &str {
    let header = headers.get("authorization").and_then(|value| value.to_str().ok()).unwrap_or("");
    header.get(..7).filter(|scheme| scheme.eq_ignore_ascii_case("bearer ")).and(header.get(7..)).unwrap_or("")
}

/// Checks the token of a request.
///
/// # Errors
/// 401 `InvalidAuthenticationToken`: none, malformed, expired, for another resource, or without the claims of a challenge.
pub(crate) fn authorize(app: &App, headers: &HeaderMap) -> Result<Rights, Failure> {
    let invalid = |message: &str| Failure::new(401, "InvalidAuthenticationToken", message);
    let token = bearer(headers);
    if token.is_empty() {
        return Err(invalid("Access token is empty."));
    }
    let claims = app.signer.claims(token).ok_or_else(|| invalid("CompactToken parsing failed with error code: 80049217"))?;
    if claims.exp <= app.clock.now() / 1000 || claims.generation != app.credentials.generation() {
        return Err(invalid("Lifetime validation failed, the token is expired."));
    }
    if !resource::is_graph(app, &claims.aud) || claims.tid != app.tenant_id.to_string() {
        return Err(invalid("Access token validation failure. Invalid audience."));
    }
    let application = app.credentials.find(&claims.appid);
    // Only a client that said it understands challenges gets one; the others keep their short-lived tokens.
    let challenged = application.and_then(|known| known.challenge).filter(|_| challenge::is_capable(&claims.xms_cc));
    if challenge::is_capable(&claims.xms_cc) && !is_enabled(app, &claims.appid) {
        return Err(challenge::refusal(app.clock.now() / 1000));
    }
    match challenged {
        Some(moment) if claims.answers.is_none_or(|answered| answered < moment) => Err(challenge::refusal(moment)),
        Some(_) | None => Ok(Rights { application: claims.appid, roles: claims.roles }),
    }
}

/// Whether the application is still a principal of the tenant, and not a blocked one.
fn is_enabled(app: &App, client_id: &str) -> bool {
    let world = app.world.read();
    let mut holders = world.tenant.holders_of_any(Name::APP_ID, client_id).map(|row| world.tenant.object(row));
    holders.any(|object| object.kind == Kind::ServicePrincipal && object.is_live() && object.is_true(Name::ACCOUNT_ENABLED))
}
