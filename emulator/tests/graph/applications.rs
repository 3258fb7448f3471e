//! Applications, their service principals, and when their credentials end.

use crate::client::{Tenant, id, ids};
use serde_json::{Value, json};

const DAY: i64 = 24 * 3600;

#[tokio::test]
async fn the_caller_is_there_with_its_credentials() {
    let tenant = Tenant::start().await;
    let client = &tenant.running.client_id;
    let by_app_id = tenant.get(&format!("/applications(appId='{client}')")).await.ok(200);
    assert_eq!((by_app_id["appId"].as_str(), &by_app_id["displayName"]), (Some(client.as_str()), &json!("Provisioning")));
    let secrets = by_app_id["passwordCredentials"].as_array().unwrap();
    assert_eq!((secrets.len(), &secrets[0]["secretText"], &secrets[0]["hint"]), (1, &Value::Null, &json!("sec")));
    let path = format!("/applications?$filter=appId eq '{client}'&$select=id,passwordCredentials,keyCredentials");
    let found = tenant.get(&path).await.ok(200);
    assert_eq!(ids(&found), [id(&by_app_id)]);
    assert_eq!(found["value"][0]["keyCredentials"], json!([]));
    assert_eq!(tenant.get(&format!("/applications/{}", id(&by_app_id))).await.ok(200)["appId"], by_app_id["appId"]);
    let principal = tenant.get(&format!("/servicePrincipals(appId='{client}')")).await.ok(200);
    assert_eq!((&principal["accountEnabled"], &principal["servicePrincipalType"]), (&json!(true), &json!("Application")));
    assert_ne!(id(&principal), id(&by_app_id));
    let typed = tenant.get(&format!("/directoryObjects/{}", id(&principal))).await.ok(200);
    assert_eq!(typed["@odata.type"], "#microsoft.graph.servicePrincipal");
    tenant.get("/applications(appId='11111111-2222-4333-8444-555555555555')").await.refused(404, "Request_ResourceNotFound", "");
    tenant.get("/applications/nothing").await.refused(400, "Request_BadRequest", "Invalid object identifier 'nothing'.");
}

#[tokio::test]
async fn the_ends_of_credentials_can_be_read() {
    let tenant = Tenant::start().await;
    tenant.control(
        "POST",
        "credentials",
        json!({ "addSecret": "another~secret", "secretName": "nightly", "secretExpiresIn": 30 * DAY }),
    );
    let path = format!("/applications(appId='{}')?$select=passwordCredentials", tenant.running.client_id);
    let secrets = tenant.get(&path).await.ok(200)["passwordCredentials"].clone();
    let nightly = secrets.as_array().unwrap().iter().find(|secret| secret["displayName"] == "nightly").unwrap().clone();
    assert_eq!(seconds(&nightly["endDateTime"]) - seconds(&nightly["startDateTime"]), 30 * DAY);
    // What was seeded is shown as it is, whatever it would be worth at a sign-in.
    let seeded =
        json!([{ "keyId": "k", "endDateTime": "2027-01-01T00:00:00Z", "type": "AsymmetricX509Cert", "usage": "Verify" }]);
    let client = &tenant.running.client_id;
    let change = json!({ "applications": [{ "appId": client, "keyCredentials": seeded }] });
    let changed = tenant.control("POST", "seed", change);
    let read = tenant.get(&format!("/applications(appId='{client}')")).await.ok(200);
    assert_eq!(
        (&read["keyCredentials"][0]["endDateTime"], changed["applications"][0].as_str()),
        (&json!("2027-01-01T00:00:00Z"), read["id"].as_str())
    );
}

fn seconds(text: &Value) -> i64 {
    let form = &time::format_description::well_known::Rfc3339;
    time::OffsetDateTime::parse(text.as_str().unwrap(), form).unwrap().unix_timestamp()
}

#[tokio::test]
async fn passwords_are_told_once_and_sign_in() {
    let mut tenant = Tenant::start().await;
    let client = tenant.running.client_id.clone();
    let application = format!("/applications(appId='{client}')");
    let wanted = json!({ "passwordCredential": { "displayName": "rolled", "endDateTime": "2100-01-01T00:00:00Z" } });
    let denied = tenant.post(&format!("{application}/addPassword"), wanted.clone()).await;
    denied.refused(403, "Authorization_RequestDenied", "");
    tenant.control("POST", "credentials", json!({ "roles": ["Application.ReadWrite.OwnedBy"] }));
    tenant.sign_in().await;
    let made = tenant.post(&format!("{application}/addPassword"), wanted).await.ok(200);
    let secret = made["secretText"].as_str().unwrap();
    assert_eq!(made["hint"].as_str(), secret.get(..3));
    tenant.ask_token(&[("client_secret", secret)]).await.ok(200);
    let listed = tenant.get(&application).await.ok(200);
    assert_eq!(listed["passwordCredentials"].as_array().unwrap().len(), 2);
    assert!(!listed.to_string().contains(secret), "it is not told again");
    let remove = json!({ "keyId": made["keyId"] });
    tenant.post(&format!("{application}/removePassword"), remove.clone()).await.ok(204);
    tenant.post(&format!("{application}/removePassword"), remove).await.refused(
        400,
        "Request_BadRequest",
        "No password credential",
    );
    assert_eq!(tenant.ask_token(&[("client_secret", secret)]).await.status, 401);
}

#[tokio::test]
async fn a_certificate_is_shown_with_its_end() {
    let tenant = Tenant::start().await;
    let mut params = rcgen::CertificateParams::new(Vec::new()).unwrap();
    params.not_before = rcgen::date_time_ymd(2020, 1, 1);
    params.not_after = rcgen::date_time_ymd(2020, 1, 2);
    let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_RSA_SHA256).unwrap();
    let pem = params.self_signed(&key).unwrap().pem();
    tenant.control("POST", "credentials", json!({ "addCertificate": pem }));
    let path = format!("/applications(appId='{}')", tenant.running.client_id);
    let keys = tenant.get(&path).await.ok(200)["keyCredentials"].clone();
    assert_eq!(
        (&keys[0]["startDateTime"], &keys[0]["endDateTime"]),
        (&json!("2020-01-01T00:00:00Z"), &json!("2020-01-02T00:00:00Z"))
    );
    assert_eq!((&keys[0]["key"], keys[0]["customKeyIdentifier"].as_str().unwrap().len()), (&Value::Null, 40));
}

#[tokio::test]
async fn who_is_blocked_or_gone_does_not_sign_in() {
    let mut tenant = Tenant::start().await;
    let client = tenant.running.client_id.clone();
    tenant.control("POST", "credentials", json!({ "roles": ["Application.ReadWrite.All"] }));
    tenant.sign_in().await;
    let principal = format!("/servicePrincipals(appId='{client}')");
    tenant.patch(&principal, json!({ "accountEnabled": false })).await.ok(204);
    let refused = tenant.ask_token(&[]).await;
    assert!(refused.body["error_description"].as_str().unwrap().starts_with("AADSTS7000112"), "{}", refused.body);
    tenant.patch(&principal, json!({ "accountEnabled": true })).await.ok(204);
    tenant.ask_token(&[]).await.ok(200);
    let id = id(&tenant.get(&principal).await.ok(200));
    tenant.delete(&format!("/servicePrincipals/{id}")).await.ok(204);
    let refused = tenant.ask_token(&[]).await;
    assert!(refused.body["error_description"].as_str().unwrap().starts_with("AADSTS700016"), "{}", refused.body);
    assert_eq!(ids(&tenant.get("/directory/deletedItems/microsoft.graph.servicePrincipal").await.ok(200)), [id.as_str()]);
    tenant.post(&format!("/directory/deletedItems/{id}/restore"), Value::Null).await.ok(200);
    tenant.ask_token(&[]).await.ok(200);
}

#[tokio::test]
async fn a_new_application_and_its_principal() {
    let mut tenant = Tenant::start().await;
    tenant.control(
        "POST",
        "credentials",
        json!({ "roles": ["Application.ReadWrite.All", "RoleManagement.ReadWrite.Directory"] }),
    );
    tenant.sign_in().await;
    tenant.post("/applications", json!({})).await.refused(400, "Request_BadRequest", "displayName");
    let made = tenant.post("/applications", json!({ "displayName": "New" })).await.ok(201);
    assert_eq!(made["signInAudience"], "AzureADandPersonalMicrosoftAccount");
    let app_id = made["appId"].as_str().unwrap();
    let body = json!({ "appId": app_id });
    let principal = tenant.post("/servicePrincipals", body.clone()).await.ok(201);
    assert_eq!((&principal["displayName"], &principal["appDisplayName"]), (&json!("New"), &json!("New")));
    tenant.post("/servicePrincipals", body).await.refused(400, "Request_BadRequest", "appId");
    let unknown = json!({ "appId": "11111111-2222-4333-8444-555555555555" });
    tenant.post("/servicePrincipals", unknown).await.refused(
        400,
        "Request_BadRequest",
        "does not reference a valid application object",
    );
    let role = json!({ "principalId": principal["id"], "roleDefinitionId": "88d8e3e3-8f55-4a1e-953a-9b9898b8876b", "directoryScopeId": "/" });
    tenant.post("/roleManagement/directory/roleAssignments", role).await.ok(201);
    let path = "/roleManagement/directory/roleAssignments?$expand=principal";
    let held = tenant.get(path).await.ok(200);
    assert_eq!(held["value"][0]["principal"]["@odata.type"], "#microsoft.graph.servicePrincipal");
}

#[tokio::test]
async fn principals_are_members_and_owners() {
    let tenant = Tenant::start().await;
    let principal = id(&tenant.get(&format!("/servicePrincipals(appId='{}')", tenant.running.client_id)).await.ok(200));
    let application = id(&tenant.get(&format!("/applications(appId='{}')", tenant.running.client_id)).await.ok(200));
    let team = tenant.new_group("team").await;
    for list in ["members", "owners"] {
        tenant.post(&format!("/groups/{team}/{list}/$ref"), tenant.link(&principal)).await.ok(204);
        let refused = tenant.post(&format!("/groups/{team}/{list}/$ref"), tenant.link(&application)).await;
        refused.refused(400, "Request_BadRequest", "is invalid for the");
    }
    let members = tenant.get(&format!("/groups/{team}/members?$select=id")).await.ok(200);
    assert_eq!(members["value"][0]["@odata.type"], "#microsoft.graph.servicePrincipal");
    assert_eq!(tenant.get(&format!("/groups/{team}/members/microsoft.graph.user")).await.ok(200)["value"], json!([]));
    for list in ["memberOf", "ownedObjects", "transitiveMemberOf"] {
        assert_eq!(ids(&tenant.get(&format!("/servicePrincipals/{principal}/{list}?$select=id")).await.ok(200)), [team.as_str()]);
    }
}
