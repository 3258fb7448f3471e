//! `/organization`.

use super::answer::Answer;
use super::call::Call;
use super::domains::authentication;
use super::table::Table;
use crate::clock::rfc3339;
use crate::failure::Failure;
use crate::odata::Part;
use crate::options::Domain;
use crate::world::World;
use axum::http::Method;
use serde_json::{Value as Json, json};

const ORGANIZATION: Table<'_> = Table {
    context: "organization",
    of: "organization",
    properties: &[
        "id",
        "deletedDateTime",
        "assignedPlans",
        "businessPhones",
        "city",
        "country",
        "countryLetterCode",
        "createdDateTime",
        "defaultUsageLocation",
        "displayName",
        "isMultipleDataLocationsForServicesEnabled",
        "marketingNotificationEmails",
        "onPremisesLastSyncDateTime",
        "onPremisesSyncEnabled",
        "partnerTenantType",
        "postalCode",
        "preferredLanguage",
        "privacyProfile",
        "provisionedPlans",
        "securityComplianceNotificationMails",
        "securityComplianceNotificationPhones",
        "state",
        "street",
        "technicalNotificationMails",
        "tenantType",
        "verifiedDomains",
    ],
    filtered: &[],
    page: None,
};

/// Answers `/organization`, also by id.
///
/// # Errors
/// Unknown paths and methods.
pub(crate) fn organization(call: &Call<'_>) -> Result<Answer, Failure> {
    if *call.method != Method::GET {
        return Err(Failure::method());
    }
    let tenant = body(call, &call.app.world.read());
    match call.parts.get(1..).unwrap_or(&[]) {
        [] => ORGANIZATION.list(call, [tenant]),
        [id] if id.text().eq_ignore_ascii_case(&call.app.tenant_id.to_string()) => ORGANIZATION.one(call, 200, &tenant),
        [id] => Err(Failure::not_found(id.text())),
        [_, segment, ..] => Err(Failure::segment(Part::text(segment))),
    }
}

fn body(call: &Call<'_>, world: &World) -> Json {
    let last = world.domains.len().saturating_sub(1);
    let verified = |(at, domain): (usize, &Domain)| {
        let (kind, capabilities) = (authentication(domain), "Email, OfficeCommunicationsOnline");
        json!({ "capabilities": capabilities, "isDefault": at == 0, "isInitial": at == last, "name": domain.name, "type": kind })
    };
    let domains: Vec<Json> = world.domains.iter().enumerate().filter(|(_, domain)| domain.verified).map(verified).collect();
    let synced = world.directory_sync.then(|| rfc3339(call.app.clock.now() - 20 * 60 * 1000));
    let known = json!({
        "id": call.app.tenant_id.to_string(),
        "displayName": call.app.tenant_name,
        "countryLetterCode": "GB",
        "createdDateTime": "2020-01-01T00:00:00Z",
        "tenantType": "AAD",
        "onPremisesSyncEnabled": world.directory_sync.then_some(true),
        "onPremisesLastSyncDateTime": synced,
        "technicalNotificationMails": [format!("admin@{}", world.domains[last].name)],
        "verifiedDomains": domains,
        "assignedPlans": [],
        "provisionedPlans": [],
        "businessPhones": [],
        "marketingNotificationEmails": [],
        "securityComplianceNotificationMails": [],
        "securityComplianceNotificationPhones": [],
    });
    let all = ORGANIZATION.properties.iter().map(|name| ((*name).to_owned(), known.get(name).cloned().unwrap_or_default()));
    Json::Object(all.collect())
}
