//! Claims challenges (Entra "continuous access evaluation"): a token that is still valid is refused until its owner asks for
//! a new one with the claims of the refusal.

use crate::failure::Failure;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value as Json, json};

/// The client capability by which an application says that it understands challenges.
const CAPABLE: &str = "cp1";

/// Whether these client capabilities include it; Microsoft's own clients write it in capitals.
pub(crate) fn is_capable(capabilities: &[String]) -> bool {
    capabilities.iter().any(|one| one.eq_ignore_ascii_case(CAPABLE))
}

/// The claims of a challenge: a token that is not older than this moment (unix seconds).
pub(crate) fn claims(moment: i64) -> Json {
    json!({ "access_token": { "nbf": { "essential": true, "value": moment.to_string() } } })
}

/// 401 with the claims in `WWW-Authenticate`.
pub(crate) fn refusal(moment: i64) -> Failure {
    let text = "Continuous access evaluation resulted in challenge with result: InteractionRequired and code: \
                TokenIssuedBeforeRevocationTimestamp";
    let claims = BASE64_STANDARD.encode(claims(moment).to_string());
    Failure { challenge: Some(claims), ..Failure::new(401, "InvalidAuthenticationToken", text) }
}

/// What a token request asks for in its `claims` parameter.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wanted {
    /// Client capabilities.
    pub(crate) capabilities: Vec<String>,
    /// The moment of the challenge that the request answers.
    pub(crate) answers: Option<i64>,
}

impl Wanted {
    /// Reads the parameter; `None` if it is not JSON.
    pub(crate) fn read(text: &str) -> Option<Wanted> {
        if text.is_empty() {
            return Some(Wanted::default());
        }
        let claims: Json = serde_json::from_str(text).ok()?;
        let of_token = &claims["access_token"];
        let capabilities = of_token["xms_cc"]["values"].as_array().map(Vec::as_slice).unwrap_or_default();
        Some(Wanted {
            capabilities: capabilities.iter().filter_map(Json::as_str).map(str::to_owned).collect(),
            answers: of_token["nbf"]["value"].as_str().and_then(|moment| moment.parse().ok()),
        })
    }
}
