//! `/domains`: managed and federated ones.

use super::answer::Answer;
use super::call::Call;
use super::fields::Holds;
use super::listing::{Index, Listing};
use super::table::Table;
use crate::directory::{Kind, Name, Row, derived};
use crate::failure::Failure;
use crate::odata::Part;
use crate::options::{Authentication, Domain};
use crate::world::World;
use axum::http::Method;
use serde_json::{Value as Json, json};

const DOMAIN: Table<'_> = Table {
    context: "domains",
    of: "domain",
    properties: &[
        "id",
        "authenticationType",
        "availabilityStatus",
        "isAdminManaged",
        "isDefault",
        "isInitial",
        "isRoot",
        "isVerified",
        "manufacturer",
        "model",
        "passwordNotificationWindowInDays",
        "passwordValidityPeriodInDays",
        "state",
        "supportedServices",
    ],
    filtered: &[],
    page: None,
};

/// Answers a request below `/domains`.
///
/// # Errors
/// Unknown paths, domains and methods.
pub(crate) fn route(call: &Call<'_>) -> Result<Answer, Failure> {
    let rest = call.parts.get(1..).unwrap_or(&[]);
    let words: Vec<String> = rest.iter().map(Part::word).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    if *call.method != Method::GET {
        return Err(Failure::method());
    }
    let world = call.app.world.read();
    match words.as_slice() {
        [] => DOMAIN.list(call, (0..world.domains.len()).map(|at| shown(&world, at))),
        [_] => DOMAIN.one(call, 200, &shown(&world, find(&world, &rest[0])?)),
        [_, "federationconfiguration"] => federation(call, &world.domains[find(&world, &rest[0])?]),
        [_, "domainnamereferences"] => references(call, &world, &world.domains[find(&world, &rest[0])?]),
        [_, segment, ..] => Err(Failure::segment(segment)),
    }
}

fn find(world: &World, key: &Part) -> Result<usize, Failure> {
    let found = world.domains.iter().position(|domain| domain.name.eq_ignore_ascii_case(key.text()));
    found.ok_or_else(|| Failure::not_found(key.text()))
}

/// How the authentication of a domain is called.
pub(super) fn authentication(domain: &Domain) -> &'static str {
    match domain.authentication {
        Authentication::Managed => "Managed",
        Authentication::Federated => "Federated",
    }
}

fn shown(world: &World, at: usize) -> Json {
    let domain = &world.domains[at];
    let is_root = !world.domains.iter().any(|other| domain.name.ends_with(&format!(".{}", other.name)));
    json!({
        "id": domain.name,
        "authenticationType": authentication(domain),
        "availabilityStatus": null,
        "isAdminManaged": true,
        "isDefault": at == 0,
        "isInitial": at + 1 == world.domains.len(),
        "isRoot": is_root,
        "isVerified": domain.verified,
        "manufacturer": null,
        "model": null,
        "passwordNotificationWindowInDays": null,
        "passwordValidityPeriodInDays": null,
        "state": null,
        "supportedServices": if domain.verified { json!(["Email", "OfficeCommunicationsOnline"]) } else { json!([]) },
    })
}

/// Who signs the users of a federated domain in; nobody else of a managed one.
fn federation(call: &Call<'_>, domain: &Domain) -> Result<Answer, Failure> {
    let at = |path: &str| format!("https://idp.{}/{path}", domain.name);
    let configuration = json!({
        "@odata.type": "#microsoft.graph.internalDomainFederation",
        "id": derived(&[b"federation", domain.name.as_bytes()]).to_string(),
        "displayName": domain.name,
        "issuerUri": at("issuer"),
        "metadataExchangeUri": null,
        "signingCertificate": null,
        "nextSigningCertificate": null,
        "passiveSignInUri": at("sign-in"),
        "activeSignInUri": null,
        "signOutUri": at("sign-out"),
        "preferredAuthenticationProtocol": "saml",
        "promptLoginBehavior": "nativeSupport",
        "federatedIdpMfaBehavior": "rejectMfaByFederatedIdp",
        "isSignedAuthenticationRequestRequired": false,
    });
    let value: Vec<Json> = (domain.authentication == Authentication::Federated).then_some(configuration).into_iter().collect();
    let context = call.context(&format!("domains('{}')/federationConfiguration", domain.name));
    Ok(Answer::json(200, &json!({ "@odata.context": context, "value": value })))
}

/// The users whose names are in the domain, and the groups whose addresses are.
fn references(call: &Call<'_>, world: &World, domain: &Domain) -> Result<Answer, Failure> {
    let tenant = &call.view(&world.tenant);
    let inside = |text: &str| text.rsplit_once('@').is_some_and(|(_, name)| name.eq_ignore_ascii_case(&domain.name));
    let is_referring = move |row: &Row| {
        let object = tenant.object(*row);
        object.is_live() && [Name::USER_PRINCIPAL_NAME, Name::MAIL].iter().any(|name| object.text(*name).is_some_and(inside))
    };
    let source = move |after: Option<Row>| -> Box<dyn Iterator<Item = Row>> {
        let users = tenant.rows(Kind::User, after).iter();
        let mut rows: Vec<Row> = users.chain(tenant.rows(Kind::Group, after)).copied().filter(is_referring).collect();
        rows.sort_unstable();
        Box::new(rows.into_iter())
    };
    Listing { tenant, holds: Holds::Any, context: "directoryObjects", source: &source, index: Index::Relationship }.answer(call)
}
