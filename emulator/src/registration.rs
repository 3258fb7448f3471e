//! What the directory shows of an application that can sign in: its registration, with the ends of its credentials, and its
//! service principal.

use crate::app::App;
use crate::auth::{Application, Certificate, Secret};
use crate::clock::rfc3339;
use crate::directory::{Kind, Name, Row, Tenant, Value, derived};
use crate::world::World;
use serde_json::{Value as Json, json};
use uuid::Uuid;

/// The end of what has none: old tools wrote this date.
const NEVER: &str = "2299-12-31T00:00:00Z";

/// Makes the registration of an application say what is known of its credentials, and gives the application a service
/// principal if it never had one.
pub(crate) fn show(app: &App, client_id: &str) {
    let Some(application) = app.credentials.find(client_id) else { return };
    let now = app.clock.now();
    let mut world = app.world.write();
    shown(&mut world, app.tenant_id, &application, now);
    let tenant = &mut world.tenant;
    let app_id = application.client_id.as_str();
    if registered(tenant, Kind::ServicePrincipal, app_id).is_some() {
        return;
    }
    let row = registered(tenant, Kind::Application, app_id);
    let name = row.and_then(|row| tenant.object(row).text(Name::DISPLAY_NAME)).unwrap_or_default().to_owned();
    let id = free_id(tenant, &[b"service principal", app.tenant_id.as_bytes(), app_id.as_bytes()]);
    tenant.create(id, Kind::ServicePrincipal, principal(app_id, &name, app.tenant_id, now));
}

/// Makes the registration, which comes into being if there is none, say what is known of the credentials.
pub(crate) fn shown(world: &mut World, tenant_id: Uuid, application: &Application, now: i64) {
    let (secrets, keys) = credentials(application);
    let row = registered(&world.tenant, Kind::Application, &application.client_id).unwrap_or_else(|| {
        let publisher = world.domains.last().map_or(String::new(), |domain| domain.name.clone());
        register(&mut world.tenant, tenant_id, application, &publisher, now)
    });
    let mut edits = vec![(Name::PASSWORD_CREDENTIALS, secrets), (Name::KEY_CREDENTIALS, keys)];
    edits.extend(application.name.as_deref().map(|name| (Name::DISPLAY_NAME, Value::text(name))));
    world.tenant.edit(row, edits);
}

/// The object of a kind with this application id, in the recycle bin too.
/// The registration or the service principal of an application.
pub(crate) fn registered(tenant: &Tenant, kind: Kind, app_id: &str) -> Option<Row> {
    tenant.holders_of_any(Name::APP_ID, app_id).find(|row| tenant.object(*row).kind == kind)
}

fn register(tenant: &mut Tenant, tenant_id: Uuid, application: &Application, publisher: &str, now: i64) -> Row {
    let name = application.name.clone().unwrap_or_else(|| format!("Application {}", application.client_id));
    let id = free_id(tenant, &[b"application", tenant_id.as_bytes(), application.client_id.as_bytes()]);
    let publisher = tenant.schema.exact(Kind::Application, "publisherDomain").map(|(name, _)| (name, Value::text(publisher)));
    let mut properties = vec![
        (Name::APP_ID, Value::text(application.client_id.as_str())),
        (Name::DISPLAY_NAME, Value::text(name)),
        (Name::SIGN_IN_AUDIENCE, Value::text("AzureADMyOrg")),
        (Name::CREATED, Value::text(rfc3339(now))),
    ];
    properties.extend(publisher);
    tenant.create(id, Kind::Application, properties)
}

/// The properties of the service principal of an application of this tenant.
pub(crate) fn principal(app_id: &str, name: &str, tenant_id: Uuid, now: i64) -> Vec<(Name, Value)> {
    vec![
        (Name::APP_ID, Value::text(app_id)),
        (Name::APP_DISPLAY_NAME, Value::text(name)),
        (Name::DISPLAY_NAME, Value::text(name)),
        (Name::ACCOUNT_ENABLED, Value::Flag(true)),
        (Name::SERVICE_PRINCIPAL_TYPE, Value::text("Application")),
        (Name::SERVICE_PRINCIPAL_NAMES, Value::texts([app_id])),
        (Name::OWNER_ORGANIZATION, Value::text(tenant_id.to_string())),
        (Name::SIGN_IN_AUDIENCE, Value::text("AzureADMyOrg")),
        (Name::CREATED, Value::text(rfc3339(now))),
    ]
}

fn free_id(tenant: &mut Tenant, parts: &[&[u8]]) -> Uuid {
    let id = derived(parts);
    if tenant.find(id).is_none() { id } else { tenant.next_id() }
}

fn credentials(application: &Application) -> (Value, Value) {
    let list = |items: Vec<Json>| Value::Json(Box::new(Json::Array(items)));
    (list(application.secrets.iter().map(secret).collect()), list(application.certificates.iter().map(certificate).collect()))
}

/// A secret as an application lists it: everything but its text.
pub(crate) fn secret(secret: &Secret) -> Json {
    json!({
        "customKeyIdentifier": null,
        "displayName": secret.name,
        "endDateTime": secret.expires.map_or_else(|| NEVER.to_owned(), rfc3339),
        "hint": secret.value.chars().take(3).collect::<String>(),
        "keyId": secret.key_id().to_string(),
        "secretText": null,
        "startDateTime": rfc3339(secret.starts),
    })
}

/// A certificate as an application lists it. What it consists of is not read back.
fn certificate(certificate: &Certificate) -> Json {
    json!({
        "customKeyIdentifier": certificate.thumbprint(),
        "displayName": null,
        "endDateTime": rfc3339(certificate.validity.1),
        "key": null,
        "keyId": certificate.key_id().to_string(),
        "startDateTime": rfc3339(certificate.validity.0),
        "type": "AsymmetricX509Cert",
        "usage": "Verify",
    })
}
