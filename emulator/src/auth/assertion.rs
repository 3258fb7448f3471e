//! Client assertions: a JWT signed by a registered certificate (RFC 7523; Entra "certificate credentials").

use super::credentials::Application;
use super::refusal::Refusal;
use crate::app::App;
use jsonwebtoken::{Algorithm, Validation, decode, decode_header};
use serde::Deserialize;
use time::Duration;

/// How far the clocks may differ.
const SKEW: Duration = Duration::minutes(5);

/// A moment in unix seconds. It may have fractions (RFC 7519 section 2), and those of msal do.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(transparent)]
pub(crate) struct Seconds(f64);

#[derive(Deserialize)]
struct Claims {
    aud: String,
    iss: String,
    sub: String,
    nbf: Option<Seconds>,
    exp: Seconds,
    jti: Option<String>,
}

/// Verifies an assertion: signature first, then what it says.
///
/// # Errors
/// What the token endpoint answers.
pub(crate) fn verify(app: &App, tenant: &str, application: &Application, assertion: &str) -> Result<(), Refusal> {
    let malformed = |_| Refusal::bad_assertion("The assertion is malformed.");
    let header = decode_header(assertion).map_err(malformed)?;
    if !matches!(header.alg, Algorithm::RS256 | Algorithm::PS256) {
        return Err(Refusal::bad_assertion("The algorithm is not supported."));
    }
    let named = |certificate: &&super::certificate::Certificate| {
        certificate.is_named_by(header.x5t.as_deref(), header.x5t_s256.as_deref())
    };
    let certificate = application.certificates.iter().find(named);
    let certificate = certificate.ok_or_else(|| Refusal::bad_assertion("The key was not found."))?;
    if certificate.validity.1 <= app.clock.now() {
        return Err(Refusal::bad_assertion("The key used is expired."));
    }
    if certificate.validity.0 > app.clock.now() {
        return Err(Refusal::bad_assertion("The key used is not valid yet."));
    }
    let mut validation = Validation::new(header.alg);
    validation.validate_exp = false;
    validation.validate_aud = false;
    validation.set_required_spec_claims(&["exp", "aud", "iss", "sub"]);
    let verified = decode::<Claims>(assertion, &certificate.key, &validation);
    let claims = verified.map_err(|_| Refusal::bad_assertion("The signature does not match."))?.claims;
    in_time(app, claims.nbf, claims.exp)?;
    if claims.jti.is_none_or(|id| id.is_empty()) {
        return Err(Refusal::assertion_claims("Client assertion has no 'jti' claim."));
    }
    let is_client = |text: &str| text.eq_ignore_ascii_case(&application.client_id);
    if !is_client(&claims.iss) || !is_client(&claims.sub) {
        return Err(Refusal::assertion_claims("Client assertion issuer and subject must be the client id."));
    }
    if is_audience(app, tenant, &claims.aud) {
        Ok(())
    } else {
        Err(Refusal::assertion_claims("Client assertion audience claim does not match the token endpoint."))
    }
}

/// Checks the times of an assertion.
///
/// # Errors
/// They do not include now.
pub(crate) fn in_time(app: &App, from: Option<Seconds>, until: Seconds) -> Result<(), Refusal> {
    // Assertions are made in the time of the caller, who may live by the wall clock or by one as fast as the tenant's.
    let (wall, now) = (Duration::milliseconds(app.clock.of_callers()), Duration::milliseconds(app.clock.now()));
    let moment = |seconds: Seconds| Duration::saturating_seconds_f64(seconds.0);
    let outside = moment(until) < wall.min(now) - SKEW || from.is_some_and(|from| moment(from) > wall.max(now) + SKEW);
    if outside { Err(Refusal::assertion_time()) } else { Ok(()) }
}

fn is_audience(app: &App, tenant: &str, audience: &str) -> bool {
    let hosts = [
        app.base_url.as_str(),
        &app.base_url.replace("localhost", "127.0.0.1"),
        "https://login.microsoftonline.com",
        "https://login.microsoftonline.us",
        "https://login.partner.microsoftonline.cn",
    ];
    let Some(rest) = hosts.iter().find_map(|host| audience.strip_prefix(host)) else { return false };
    let mut segments = rest.trim_start_matches('/').splitn(2, '/');
    let named = segments.next().is_some_and(|segment| segment.eq_ignore_ascii_case(tenant) || app.is_this_tenant(segment));
    named && matches!(segments.next(), Some("oauth2/v2.0/token" | "v2.0"))
}
