//! Refusals of the token endpoint, with the codes that sign-in errors have.

use crate::app::App;
use crate::clock::rfc3339;
use crate::graph::Answer;
use serde_json::json;

/// Why no token was issued.
#[derive(Clone, Debug)]
pub(crate) struct Refusal {
    status: u16,
    error: &'static str,
    code: u32,
    text: String,
}

impl Refusal {
    fn new(status: u16, error: &'static str, code: u32, text: impl Into<String>) -> Refusal {
        Refusal { status, error, code, text: text.into() }
    }

    /// The tenant does not exist.
    pub(crate) fn unknown_tenant(tenant: &str) -> Refusal {
        let text = format!(
            "Tenant '{tenant}' not found. This may happen if there are no active subscriptions for the tenant. Check to make sure \
             you have the correct tenant ID. Check with your subscription administrator."
        );
        Refusal::new(400, "invalid_request", 90002, text)
    }

    /// What stands for the tenant cannot be one.
    pub(crate) fn malformed_tenant(tenant: &str) -> Refusal {
        let text = format!("Specified tenant identifier '{tenant}' is neither a valid DNS name, nor a valid external domain.");
        Refusal::new(400, "invalid_request", 900_023, text)
    }

    /// The application is not in the tenant.
    pub(crate) fn unknown_application(client_id: &str, tenant: &str) -> Refusal {
        let text = format!(
            "Application with identifier '{client_id}' was not found in the directory '{tenant}'. This can happen if the application \
             has not been installed by the administrator of the tenant or consented to by any user in the tenant. You may have sent \
             your authentication request to the wrong tenant."
        );
        Refusal::new(400, "unauthorized_client", 700_016, text)
    }

    /// The application may not sign in.
    pub(crate) fn disabled_application(client_id: &str) -> Refusal {
        Refusal::new(400, "unauthorized_client", 7_000_112, format!("Application '{client_id}' is disabled."))
    }

    /// The secret is wrong.
    pub(crate) fn wrong_secret(client_id: &str) -> Refusal {
        let text = format!(
            "Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not the client \
             secret ID, for a secret added to app '{client_id}'."
        );
        Refusal::new(401, "invalid_client", 7_000_215, text)
    }

    /// The secret was right once.
    pub(crate) fn expired_secret(client_id: &str) -> Refusal {
        Refusal::new(
            401,
            "invalid_client",
            7_000_222,
            format!("The provided client secret keys for app '{client_id}' are expired."),
        )
    }

    /// Neither secret nor assertion.
    pub(crate) fn no_credential() -> Refusal {
        let text = "'client_assertion', 'client_secret' or 'request' is required for the 'client_credentials' grant type";
        Refusal::new(401, "invalid_client", 7_000_216, text)
    }

    /// The assertion is not signed by a registered certificate.
    pub(crate) fn bad_assertion(reason: &str) -> Refusal {
        Refusal::new(
            401,
            "invalid_client",
            700_027,
            format!("Client assertion contains an invalid signature. [Reason - {reason}]"),
        )
    }

    /// The assertion's times do not include now.
    pub(crate) fn assertion_time() -> Refusal {
        Refusal::new(401, "invalid_client", 700_024, "Client assertion is not within its valid time range.")
    }

    /// The assertion is made out to someone else, or by someone else.
    pub(crate) fn assertion_claims(text: &str) -> Refusal {
        Refusal::new(401, "invalid_client", 700_023, text)
    }

    /// No federated credential has the issuer, subject or audience of the assertion.
    pub(crate) fn no_federation(code: u32, what: &str, value: &str) -> Refusal {
        let text = format!(
            "No matching federated identity record found for presented assertion {what} '{value}'. Please check your federated \
             identity credential Subject, Audience and Issuer against the presented assertion."
        );
        Refusal::new(401, "invalid_client", code, text)
    }

    /// The `claims` parameter is not JSON.
    pub(crate) fn bad_claims() -> Refusal {
        let text = "The claims parameter is not valid JSON.";
        Refusal::new(400, "invalid_request", 500_141, text)
    }

    /// The scope names a resource that the tenant does not know, such as Graph of another cloud.
    pub(crate) fn unknown_resource(resource: &str, tenant: &str) -> Refusal {
        let text = format!(
            "The resource principal named {resource} was not found in the tenant named {tenant}. This can happen if the application \
             has not been installed by the administrator of the tenant or consented to by any user in the tenant. You might have sent \
             your authentication request to the wrong tenant."
        );
        Refusal::new(400, "invalid_resource", 500_011, text)
    }

    /// The scope is not `{resource}/.default`.
    pub(crate) fn bad_scope(scope: &str) -> Refusal {
        let text = format!("The provided value for the input parameter 'scope' is not valid. The scope {scope} is not valid.");
        Refusal::new(400, "invalid_scope", 70011, text)
    }

    /// Another grant.
    pub(crate) fn bad_grant(grant: &str) -> Refusal {
        let text = format!("The app requested an unsupported grant type '{grant}'.");
        Refusal::new(400, "unsupported_grant_type", 70003, text)
    }

    /// No client id.
    pub(crate) fn no_client_id() -> Refusal {
        let text = "The request body must contain the following parameter: 'client_id'.";
        Refusal::new(400, "invalid_request", 900_144, text)
    }

    /// The tenant of a discovery document does not exist.
    pub(crate) fn at_discovery(self) -> Refusal {
        Refusal { error: "invalid_tenant", ..self }
    }

    /// The answer on the wire. The description has line ends in it, as the service writes them.
    pub(crate) fn answer(&self, app: &App) -> Answer {
        let (trace, correlation) = (app.next_request_id(), app.next_request_id());
        let time = rfc3339(app.clock.now()).replace('T', " ");
        let text = &self.text;
        let description =
            format!("AADSTS{}: {text}\r\nTrace ID: {trace}\r\nCorrelation ID: {correlation}\r\nTimestamp: {time}", self.code);
        let body = json!({
            "error": self.error,
            "error_description": description,
            "error_codes": [self.code],
            "timestamp": time,
            "trace_id": trace,
            "correlation_id": correlation,
            "error_uri": format!("https://login.microsoftonline.com/error?code={}", self.code),
        });
        let mut answer = Answer::json(self.status, &body);
        answer.content_type = "application/json; charset=utf-8";
        answer
    }
}
