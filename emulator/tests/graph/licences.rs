//! Licences: products, seats, usage locations, states, and an update that fails over an address that it did not name.

use crate::client::{Tenant, id, user, with};
use serde_json::{Value, json};

const SKU: &str = "05e9a617-0261-4cee-bb44-138d3ef5d965";
const PLAN: &str = "57ff2da0-773e-42df-b2af-ffb7a2317929";

async fn tenant(seats: usize) -> Tenant {
    let tenant = Tenant::start().await;
    let plans = json!([{ "servicePlanId": PLAN, "servicePlanName": "TEAMS1" }]);
    let product = json!({ "skuId": SKU, "skuPartNumber": "SPE_E3", "enabled": seats, "servicePlans": plans });
    tenant.control("POST", "seed", json!({ "subscribedSkus": [product] }));
    tenant
}

async fn located(tenant: &Tenant, alias: &str) -> String {
    id(&tenant.post("/users", with(user(alias), json!({ "usageLocation": "GB" }))).await.ok(201))
}

fn add() -> Value {
    json!({ "addLicenses": [{ "skuId": SKU, "disabledPlans": [PLAN] }], "removeLicenses": [] })
}

#[tokio::test]
async fn a_licence_needs_a_location_and_a_seat() {
    let tenant = tenant(1).await;
    let (ann, bob) = (tenant.new_user("ann").await, located(&tenant, "bob").await);
    let assign = |user: &str| format!("/users/{user}/assignLicense");
    let text = "License assignment cannot be done for user with invalid usage location.";
    tenant.post(&assign(&ann), add()).await.refused(400, "Request_BadRequest", text);
    tenant.patch(&format!("/users/{ann}"), json!({ "usageLocation": "DE" })).await.ok(204);
    tenant.post(&assign(&ann), add()).await.ok(200);
    let select = "$select=assignedLicenses,licenseAssignmentStates";
    let read = tenant.get(&format!("/users/{ann}?{select}")).await.ok(200);
    assert_eq!(read["assignedLicenses"], json!([{ "disabledPlans": [PLAN], "skuId": SKU }]));
    let state = &read["licenseAssignmentStates"][0];
    assert_eq!((&state["state"], &state["error"], &state["assignedByGroup"]), (&json!("Active"), &json!("None"), &Value::Null));
    let full = format!("Subscription with SKU {SKU} does not have any available licenses.");
    tenant.post(&assign(&bob), add()).await.refused(400, "Request_BadRequest", &full);
    tenant.post(&assign(&ann), add()).await.ok(200);
    let product = tenant.get("/subscribedSkus").await.ok(200)["value"][0].clone();
    assert_eq!((&product["consumedUnits"], &product["prepaidUnits"]["enabled"]), (&json!(1), &json!(1)));
    let details = tenant.get(&format!("/users/{ann}/licenseDetails")).await.ok(200);
    assert_eq!(details["value"][0]["servicePlans"][0]["provisioningStatus"], "Disabled");
    let filter = format!("/users?$filter=assignedLicenses/any(l:l/skuId eq {SKU})&$select=id");
    assert_eq!(tenant.get(&filter).await.ok(200)["value"][0]["id"], json!(ann));
    // The seat of a deleted user is free.
    tenant.delete(&format!("/users/{ann}")).await.ok(204);
    tenant.post(&assign(&bob), add()).await.ok(200);
    tenant.post(&assign(&bob), json!({ "addLicenses": [], "removeLicenses": [SKU] })).await.ok(200);
    let gone = tenant.post(&assign(&bob), json!({ "addLicenses": [], "removeLicenses": [SKU] })).await;
    gone.refused(400, "Request_BadRequest", "User does not have a corresponding license.");
}

#[tokio::test]
async fn what_is_no_assignment() {
    let mut tenant = tenant(9).await;
    let ann = located(&tenant, "ann").await;
    let path = format!("/users/{ann}/assignLicense");
    tenant.post(&path, json!({ "addLicenses": [] })).await.refused(400, "Request_BadRequest", "removeLicenses");
    tenant.post(&path, json!({ "addLicenses": null, "removeLicenses": [] })).await.refused(
        400,
        "Request_BadRequest",
        "addLicenses",
    );
    let other = json!({ "addLicenses": [{ "skuId": PLAN }], "removeLicenses": [] });
    tenant.post(&path, other).await.refused(400, "Request_BadRequest", "does not correspond to a valid company License");
    let plan = json!({ "addLicenses": [{ "skuId": SKU, "disabledPlans": [SKU] }], "removeLicenses": [] });
    tenant.post(&path, plan).await.refused(400, "Request_BadRequest", "cannot be disabled");
    tenant.patch(&format!("/users/{ann}"), json!({ "assignedLicenses": [] })).await.refused(
        400,
        "Request_BadRequest",
        "read-only",
    );
    tenant.control("POST", "credentials", json!({ "roles": ["User.ReadUpdate.All", "User.Read.All"] }));
    tenant.sign_in().await;
    tenant.post(&path, add()).await.refused(403, "Authorization_RequestDenied", "");
    tenant.get("/subscribedSkus").await.refused(403, "Authorization_RequestDenied", "");
}

#[tokio::test]
async fn a_location_fails_over_an_address() {
    let tenant = tenant(9).await;
    let ann = located(&tenant, "ann").await;
    tenant.post(&format!("/users/{ann}/assignLicense"), add()).await.ok(200);
    let squatter = json!({ "displayName": "S", "mailEnabled": true, "securityEnabled": true,
                           "proxyAddresses": ["SMTP:ann@contoso.onmicrosoft.com"] });
    let squatter = tenant.control("POST", "seed", json!({ "groups": [squatter] }))["groups"][0].as_str().unwrap().to_owned();
    let refused = tenant.patch(&format!("/users/{ann}"), json!({ "usageLocation": "DE" })).await;
    refused.refused(400, "Request_BadRequest", "Another object with the same value for property proxyAddresses already exists.");
    assert_eq!(refused.body["error"]["details"][1]["code"], "ConflictingObjects");
    tenant.patch(&format!("/users/{ann}"), json!({ "jobTitle": "x" })).await.ok(204);
    tenant.delete(&format!("/groups/{squatter}")).await.ok(204);
    tenant.patch(&format!("/users/{ann}"), json!({ "usageLocation": "DE" })).await.ok(204);
    let read = tenant.get(&format!("/users/{ann}?$select=proxyAddresses")).await.ok(200);
    assert_eq!(read["proxyAddresses"], json!(["smtp:ann@contoso.onmicrosoft.com"]));
}
