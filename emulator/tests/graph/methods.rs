//! Temporary access passes, and what an application cannot do about passwords.

use crate::client::{Tenant, id};
use serde_json::{Value, json};

#[tokio::test]
async fn a_pass_is_told_once() {
    let mut tenant = Tenant::start().await;
    let ann = tenant.new_user("ann").await;
    let path = format!("/users/{ann}/authentication/temporaryAccessPassMethods");
    assert_eq!(tenant.get(&path).await.ok(200)["value"], json!([]));
    let made = tenant.post(&path, json!({ "lifetimeInMinutes": 120, "isUsableOnce": true })).await.ok(201);
    let text = made["temporaryAccessPass"].as_str().unwrap();
    assert_eq!((text.len(), &made["isUsable"], &made["methodUsabilityReason"]), (8, &json!(true), &json!("EnabledByPolicy")));
    assert_eq!((&made["lifetimeInMinutes"], &made["isUsableOnce"]), (&json!(120), &json!(true)));
    let listed = tenant.get(&path).await.ok(200);
    assert_eq!((&listed["value"][0]["id"], &listed["value"][0]["temporaryAccessPass"]), (&made["id"], &Value::Null));
    // A user has one: another takes its place.
    let second = tenant.post("/users/ann@contoso.example/authentication/temporaryAccessPassMethods", json!({})).await.ok(201);
    assert_ne!((&second["id"], second["temporaryAccessPass"].as_str()), (&made["id"], Some(text)));
    assert_eq!(tenant.get(&path).await.ok(200)["value"].as_array().unwrap().len(), 1);
    let one = format!("{path}/{}", id(&second));
    assert_eq!(tenant.get(&one).await.ok(200)["lifetimeInMinutes"], 60);
    let methods = tenant.get(&format!("/users/{ann}/authentication/methods")).await.ok(200);
    assert_eq!(methods["value"][1]["@odata.type"], "#microsoft.graph.temporaryAccessPassAuthenticationMethod");
    tenant.advance(3600);
    tenant.sign_in().await;
    assert_eq!(tenant.get(&one).await.ok(200)["methodUsabilityReason"], "Expired");
    tenant.delete(&one).await.ok(204);
    tenant.delete(&one).await.refused(404, "resourceNotFound", "");
}

#[tokio::test]
async fn what_makes_no_pass() {
    let mut tenant = Tenant::start().await;
    let ann = tenant.new_user("ann").await;
    let path = format!("/users/{ann}/authentication/temporaryAccessPassMethods");
    for minutes in [json!(10), json!(481), json!("60"), json!(1.5)] {
        let text = "Invalid LifetimeInMinutes specified. The valid range between 60 and 480.";
        tenant.post(&path, json!({ "lifetimeInMinutes": minutes })).await.refused(400, "badRequest", text);
    }
    tenant.post(&path, json!({ "startDateTime": "soon" })).await.refused(400, "badRequest", "StartDateTime");
    let later = tenant.post(&path, json!({ "startDateTime": "2100-01-01T00:00:00Z" })).await.ok(201);
    assert_eq!((&later["isUsable"], &later["methodUsabilityReason"]), (&json!(false), &json!("NotYetValid")));
    let nobody = "/users/nobody@contoso.example/authentication/temporaryAccessPassMethods";
    tenant.post(nobody, json!({})).await.refused(404, "Request_ResourceNotFound", "nobody");
    let guest =
        json!({ "users": [{ "userPrincipalName": "g_x#EXT#@contoso.example", "displayName": "G", "userType": "Guest" }] });
    let guest = tenant.control("POST", "seed", guest)["users"][0].as_str().unwrap().to_owned();
    let refused = tenant.post(&format!("/users/{guest}/authentication/temporaryAccessPassMethods"), json!({})).await;
    refused.refused(400, "badRequest", "external guest user");
    tenant.control("PATCH", "switches", json!({ "temporaryAccessPass": false }));
    tenant.post(&path, json!({})).await.refused(400, "badRequest", "not enabled");
    assert_eq!(tenant.get(&path).await.ok(200)["value"][0]["methodUsabilityReason"], "DisabledByPolicy");
    tenant.control("POST", "credentials", json!({ "roles": ["User.ReadWrite.All", "UserAuthenticationMethod.Read.All"] }));
    tenant.sign_in().await;
    tenant.get(&path).await.ok(200);
    tenant.post(&path, json!({})).await.refused(403, "Authorization_RequestDenied", "");
}

#[tokio::test]
async fn an_application_does_not_reset_passwords_there() {
    let tenant = Tenant::start().await;
    let ann = tenant.new_user("ann").await;
    let path = format!("/users/{ann}/authentication/methods/28c10230-6103-485e-b985-444c60001490/resetPassword");
    tenant.post(&path, json!({ "newPassword": "Correct-Horse-2" })).await.refused(
        403,
        "accessDenied",
        "Request Authorization failed",
    );
    let listed = tenant.get(&format!("/users/{ann}/authentication/passwordMethods")).await.ok(200);
    assert_eq!(listed["value"][0]["password"], Value::Null);
}
