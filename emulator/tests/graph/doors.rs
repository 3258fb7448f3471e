//! Faults and losses where applications sign in, and service principals that may not sign in any more.

use crate::client::{Tenant, escaped, id, reply};
use entrain_emulator::{Options, Profile};
use serde_json::{Value, json};

const CAPABLE: &str = r#"{"access_token":{"xms_cc":{"values":["cp1"]}}}"#;

#[tokio::test]
async fn faults_reach_the_token_endpoint_its_documents_and_the_machine() {
    let tenant = Tenant::with(Options { imds_port: Some(0), ..Options::default() }).await;
    let rule =
        |path: &str, action: Value| tenant.control("PUT", "faults", json!([{ "path": path, "times": 1, "action": action }]));
    let answer = json!({ "type": "answer", "status": 503, "code": "busy", "headers": { "Retry-After": "3" } });
    rule("/oauth2/v2.0/token$", answer.clone());
    let refused = tenant.ask_token(&[]).await;
    assert_eq!((refused.status, &refused.body["error"], refused.header("retry-after")), (503, &json!("busy"), "3"));
    tenant.ask_token(&[]).await.ok(200);
    let document = format!("{}/{}/v2.0/.well-known/openid-configuration", tenant.running.authority_url, tenant.running.tenant_id);
    rule("openid-configuration", answer.clone());
    assert_eq!(reply(tenant.http.get(&document)).await.status, 503);
    reply(tenant.http.get(&document)).await.ok(200);
    let machine = format!(
        "{}/metadata/identity/oauth2/token?api-version=2018-02-01&resource=https://graph.microsoft.com",
        tenant.running.imds_url.as_deref().unwrap()
    );
    let ask = || tenant.http.get(&machine).header("Metadata", "true");
    rule("^/metadata/identity", answer);
    assert_eq!(reply(ask()).await.status, 503);
    rule("^/metadata/identity", json!({ "type": "drop" }));
    assert!(ask().send().await.is_err());
    reply(ask()).await.ok(200);
    rule("/oauth2/v2.0/token$", json!({ "type": "drop", "when": "after" }));
    let url = format!("{}/{}/oauth2/v2.0/token", tenant.running.authority_url, tenant.running.tenant_id);
    assert!(tenant.http.post(&url).body("x").send().await.is_err());
    // A rule without a path, and one for writes, are about Graph.
    tenant.control(
        "PUT",
        "faults",
        json!([{ "writes": true, "path": ".", "action": { "type": "drop" } }, { "action": { "type": "drop" } }]),
    );
    tenant.ask_token(&[]).await.ok(200);
    assert!(tenant.request("GET", "/users").send().await.is_err());
}

#[tokio::test]
async fn sign_ins_are_lost_by_chance() {
    let tenant = Tenant::start().await;
    tenant.conditions(json!({ "ambiguity": { "signIn": { "503": 0.3, "500": 0.2 } } }));
    let mut statuses = Vec::new();
    for _ in 0..40 {
        statuses.push(tenant.ask_token(&[]).await.status);
    }
    let count = |status: u16| statuses.iter().filter(|one| **one == status).count();
    assert!(count(200) > 8 && count(503) > 3 && count(500) > 1, "{statuses:?}");
    assert_eq!(tenant.running.stats().undone as usize, 40 - count(200));
    tenant.get("/users").await.ok(200);
    tenant.conditions(json!({ "ambiguity": { "signIn": { "503": 0, "500": 0, "reset": 1.0 } } }));
    let url = format!("{}/{}/oauth2/v2.0/token", tenant.running.authority_url, tenant.running.tenant_id);
    assert!(tenant.http.post(&url).body("x").send().await.is_err());
    let hostile = tenant.control("PUT", "profile", json!({ "name": Profile::Hostile }));
    assert!(hostile["ambiguity"]["signIn"]["503"].as_f64().unwrap() > 0.0);
}

#[tokio::test]
async fn a_service_principal_that_is_blocked_or_gone_challenges_its_tokens() {
    let mut tenant = Tenant::start().await;
    let second = "00000000-0000-0000-0000-00000000000b";
    tenant.control(
        "POST",
        "credentials",
        json!({ "clientId": second, "addSecret": "second", "roles": ["User.Read.All", "Application.ReadWrite.OwnedBy"] }),
    );
    let as_second = [("client_id", second), ("client_secret", "second")];
    let capable = tenant.ask_token(&[as_second[0], as_second[1], ("claims", CAPABLE)]).await.ok(200)["access_token"].clone();
    let plain = tenant.ask_token(&as_second).await.ok(200)["access_token"].clone();
    let principal = id(&tenant.get(&format!("/servicePrincipals(appId='{}')", escaped(second))).await.ok(200));
    tenant.control("POST", "credentials", json!({ "roles": ["Application.ReadWrite.OwnedBy"] }));
    let ours = tenant.ask_token(&[]).await.ok(200)["access_token"].as_str().unwrap().to_owned();
    let path = format!("/servicePrincipals/{principal}");
    for (block, undo) in [
        (("PATCH", json!({ "accountEnabled": false })), Some(json!({ "accountEnabled": true }))),
        (("DELETE", Value::Null), None),
    ] {
        tenant.token = capable.as_str().unwrap().to_owned();
        tenant.get("/users").await.ok(200);
        tenant.token.clone_from(&ours);
        tenant.send(block.0, &path, block.1, &[]).await.ok(204);
        tenant.token = capable.as_str().unwrap().to_owned();
        let refused = tenant.get("/users").await;
        refused.refused(401, "InvalidAuthenticationToken", "");
        assert!(refused.header("www-authenticate").contains("insufficient_claims"), "{}", refused.header("www-authenticate"));
        assert_ne!(tenant.ask_token(&as_second).await.status, 200, "and there is no new one");
        tenant.token = plain.as_str().unwrap().to_owned();
        tenant.get("/users").await.ok(200);
        if let Some(undo) = undo {
            tenant.token.clone_from(&ours);
            tenant.patch(&path, undo).await.ok(204);
        }
    }
}
