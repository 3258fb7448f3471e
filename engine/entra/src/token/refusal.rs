//! Why there is no token, and what to do.

use std::error::Error as _;

use azure_core::error::ErrorKind;
use entrain_model::{DirectoryError, Fault};
use serde_json::Value as Json;

use crate::EntraConfig;

/// What to do for each code of the token endpoint (Microsoft Entra authentication and authorization error codes).
const ADVICE: &[(i64, &str)] = &[
    (7_000_215, "the client secret is wrong: put the secret's value (not its id) into the target's credential"),
    (7_000_222, "the client secret has expired: make a new one in the app registration and put it into the target's credential"),
    (7_000_216, "no credential was sent: give the target a secret or a certificate"),
    (700_016, "the application is not known in this tenant: check client id and tenant, and grant admin consent there"),
    (7_000_112, "the application is disabled in this tenant: enable it under enterprise applications"),
    (90_002, "there is no such tenant: check the target's tenant id, and its cloud"),
    (900_023, "the tenant id is neither an id nor a domain name: correct it in the target's configuration"),
    (
        700_027,
        "the certificate is not registered for the application: upload it in the app registration, or use the one that is there",
    ),
    (700_024, "the assertion is outside its time: set the clock of this machine, or renew the federated token"),
    (700_213, "no federated credential of the application fits this identity: compare issuer, subject and audience"),
    (70_021, "no federated credential of the application fits this identity: compare issuer, subject and audience"),
    (70_011, "the scope is not accepted: check the target's cloud"),
    (1_002_012, "the scope is not accepted: check the target's cloud"),
    (53_003, "a conditional access policy forbids this sign-in: allow the application from this address"),
    (500_011, "Graph is not known in this tenant under this address: check the target's cloud"),
];

/// Explains a failed sign-in. Only what the operator must cure is `Unauthorized`.
pub(super) fn explain(config: &EntraConfig, error: &azure_core::Error) -> DirectoryError {
    let authority = config.cloud.authority();
    match cause(error) {
        ErrorKind::HttpResponse { status, raw_response, .. } => {
            let body = raw_response.as_ref().and_then(|response| serde_json::from_slice(response.body()).ok());
            answered(config, u16::from(*status), &body.unwrap_or(Json::Null), &error.to_string())
        }
        ErrorKind::Connection | ErrorKind::Io => DirectoryError::new(
            Fault::Unreachable,
            format!("no token: {authority} cannot be reached ({}). Check network and proxy", root(error)),
        ),
        ErrorKind::DataConversion => {
            DirectoryError::new(Fault::Unreachable, format!("no token: {authority} answered with something that is no token"))
        }
        ErrorKind::Credential | ErrorKind::Other => DirectoryError::new(
            Fault::Unauthorized,
            format!("no token: {}. Correct the target's credential in the configuration and resume", root(error)),
        ),
    }
}

fn answered(config: &EntraConfig, status: u16, body: &Json, shown: &str) -> DirectoryError {
    let text = body["error_description"].as_str().unwrap_or(shown);
    let code = body["error_codes"].as_array().and_then(|codes| codes.first()?.as_i64()).or_else(|| aadsts(text));
    let correlation = body["correlation_id"].as_str().filter(|id| !id.is_empty());
    let advice = ADVICE
        .iter()
        .find(|(known, _)| Some(*known) == code)
        .map_or("check tenant, client id and credential of the target against the app registration", |(_, advice)| advice);
    let said = match text.split_once(" Trace ID:") {
        Some((said, _)) => said,
        None => text,
    };
    let place = format!("{} answered {status} to the token request for tenant {}", config.cloud.authority(), config.tenant);
    let trace = correlation.map(|id| format!(" [correlation id {id}]")).unwrap_or_default();
    match status {
        429 => DirectoryError::new(Fault::Throttled { retry_after: None }, format!("{place}: {said}{trace}")),
        500.. => DirectoryError::new(Fault::Unreachable, format!("{place}: {said}{trace}")),
        _ => DirectoryError::new(Fault::Unauthorized, format!("{place}: {advice}. It said: {said}{trace}")),
    }
}

/// The number after `AADSTS`.
pub(super) fn aadsts(text: &str) -> Option<i64> {
    let (_, rest) = text.split_once("AADSTS")?;
    let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok()
}

/// The kind of the innermost error of the library: the outer ones only say that signing in failed.
fn cause(error: &azure_core::Error) -> &ErrorKind {
    let mut kind = error.kind();
    let mut source = error.source();
    while let Some(inner) = source {
        if let Some(inner) = inner.downcast_ref::<azure_core::Error>() {
            kind = inner.kind();
        }
        source = inner.source();
    }
    kind
}

/// The last error of the chain, in its own words.
fn root(error: &azure_core::Error) -> String {
    let mut last: &dyn std::error::Error = error;
    while let Some(inner) = last.source() {
        last = inner;
    }
    last.to_string()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::CredentialConfig;
    use crate::testing::FakeClock;

    fn config() -> EntraConfig {
        EntraConfig::new("contoso.com", CredentialConfig::ManagedIdentity { client_id: None }, FakeClock::new())
    }

    #[test]
    fn a_wrong_secret_shows_its_code_and_what_to_do() {
        let body = json!({"error_codes": [7_000_215], "error_description": "AADSTS7000215: Invalid client secret provided. Trace ID: 1",
            "correlation_id": "c-9"});
        let error = answered(&config(), 401, &body, "");
        assert_eq!(error.fault, Fault::Unauthorized);
        for part in ["AADSTS7000215", "401", "contoso.com", "c-9", "put the secret's value (not its id)"] {
            assert!(error.message.contains(part), "{part}: {error}");
        }
    }

    #[test]
    fn a_service_that_is_down_is_no_wrong_credential() {
        assert_eq!(answered(&config(), 503, &json!({}), "down").fault, Fault::Unreachable);
        assert_eq!(answered(&config(), 429, &json!({}), "slow").fault, Fault::Throttled { retry_after: None });
    }

    #[test]
    fn an_unknown_code_is_shown_with_general_advice() {
        let error = answered(&config(), 400, &json!({"error_description": "AADSTS999: new"}), "");
        assert!(error.message.contains("AADSTS999: new") && error.message.contains("app registration"), "{error}");
    }
}
