//! `/organization` and `/domains`.

use super::answer::Answer;
use super::call::Call;
use crate::failure::Failure;
use crate::odata::Part;
use crate::options::{Authentication, Domain};
use crate::world::World;
use axum::http::Method;
use serde_json::{Value as Json, json};

/// Answers `/organization`, also by id.
///
/// # Errors
/// Unknown paths and methods.
pub(crate) fn organization(call: &Call<'_>) -> Result<Answer, Failure> {
    if *call.method != Method::GET {
        return Err(Failure::method());
    }
    let tenant = body(call, &call.app.world.read());
    match call.parts.get(1) {
        None => Ok(Answer::json(200, &json!({ "@odata.context": call.context("organization"), "value": [tenant] }))),
        Some(id) if id.text() == call.app.tenant_id.to_string() => Ok(Answer::json(200, &tenant)),
        Some(id) => Err(Failure::not_found(id.text())),
    }
}

fn body(call: &Call<'_>, world: &World) -> Json {
    let last = world.domains.len().saturating_sub(1);
    let verified = |(at, domain): (usize, &Domain)| {
        let kind = kind(domain);
        let capabilities = "Email, OfficeCommunicationsOnline";
        json!({ "capabilities": capabilities, "isDefault": at == 0, "isInitial": at == last, "name": domain.name, "type": kind })
    };
    let domains: Vec<Json> = world.domains.iter().enumerate().filter(|(_, domain)| domain.verified).map(verified).collect();
    json!({
        "id": call.app.tenant_id.to_string(),
        "displayName": call.app.tenant_name,
        "countryLetterCode": "GB",
        "tenantType": "AAD",
        "onPremisesSyncEnabled": world.directory_sync.then_some(true),
        "verifiedDomains": domains,
        "assignedPlans": [],
    })
}

fn kind(domain: &Domain) -> &'static str {
    match domain.authentication {
        Authentication::Managed => "Managed",
        Authentication::Federated => "Federated",
    }
}

/// Answers `/domains`, also by name.
///
/// # Errors
/// Unknown paths and methods.
pub(crate) fn domains(call: &Call<'_>) -> Result<Answer, Failure> {
    if *call.method != Method::GET {
        return Err(Failure::method());
    }
    let world = call.app.world.read();
    let last = world.domains.len().saturating_sub(1);
    let mut domains = world.domains.iter().enumerate().map(|(at, domain)| {
        json!({
            "id": domain.name,
            "authenticationType": kind(domain),
            "isAdminManaged": true,
            "isDefault": at == 0,
            "isInitial": at == last,
            "isRoot": true,
            "isVerified": domain.verified,
            "supportedServices": ["Email", "OfficeCommunicationsOnline"],
        })
    });
    match call.parts.get(1).map(Part::text) {
        None => Ok(Answer::json(200, &json!({ "@odata.context": call.context("domains"), "value": domains.collect::<Json>() }))),
        Some(name) => {
            let found = domains.find(|domain| domain["id"].as_str().is_some_and(|id| id.eq_ignore_ascii_case(name)));
            found.map(|domain| Answer::json(200, &domain)).ok_or_else(|| Failure::not_found(name))
        }
    }
}
