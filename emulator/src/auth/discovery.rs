//! Discovery documents (OpenID Connect Discovery 1.0) and the keys of the tokens.

use super::refusal::Refusal;
use super::signer::Signer;
use super::token::tenant;
use crate::app::App;
use crate::graph::Answer;
use serde_json::json;

/// Answers `/{tenant}/v2.0/.well-known/openid-configuration`.
pub(crate) fn configuration(app: &App, segment: &str) -> Answer {
    if let Err(refusal) = tenant(app, segment).map_err(Refusal::at_discovery) {
        return refusal.answer(app);
    }
    let base = format!("{}/{}", app.base_url, app.tenant_id);
    plain(&json!({
        "issuer": format!("{base}/v2.0"),
        "token_endpoint": format!("{base}/oauth2/v2.0/token"),
        "jwks_uri": format!("{base}/discovery/v2.0/keys"),
        "authorization_endpoint": format!("{base}/oauth2/v2.0/authorize"),
        "token_endpoint_auth_methods_supported": ["client_secret_post", "private_key_jwt", "client_secret_basic"],
        "response_types_supported": ["token"],
        "subject_types_supported": ["pairwise"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "msgraph_host": app.base_url.trim_start_matches("https://"),
    }))
}

/// Answers `/{tenant}/discovery/v2.0/keys`.
pub(crate) fn keys() -> Answer {
    plain(&Signer::key_set())
}

/// Answers `/common/discovery/instance`, which asks whether an authority can be trusted.
pub(crate) fn instance(app: &App) -> Answer {
    let endpoint = format!("{}/{}/v2.0/.well-known/openid-configuration", app.base_url, app.tenant_id);
    plain(&json!({ "tenant_discovery_endpoint": endpoint, "api-version": "1.1", "metadata": [] }))
}

fn plain(body: &serde_json::Value) -> Answer {
    Answer { content_type: "application/json; charset=utf-8", ..Answer::json(200, body) }
}
