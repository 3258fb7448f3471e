//! Other ways to a token: federated assertions, managed identities, challenges; and more than one tenant.

use crate::client::{Tenant, ids, reply, user};
use base64::Engine;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use entrain_emulator::Options;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value, json};

const KIND: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

fn now() -> u64 {
    std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs()
}

struct Provider {
    key: EncodingKey,
    keys: Value,
}

/// An identity provider: its signing key, and its key set.
fn provider() -> Provider {
    let pair = rcgen::KeyPair::generate_for(&rcgen::PKCS_RSA_SHA256).unwrap();
    let key = EncodingKey::from_rsa_pem(pair.serialize_pem().as_bytes()).unwrap();
    let mut jwk = jsonwebtoken::jwk::Jwk::from_encoding_key(&key, Algorithm::RS256).unwrap();
    jwk.common.key_id = Some("k1".to_owned());
    Provider { key, keys: json!({ "keys": [jwk] }) }
}

fn assertion(provider: &Provider, over: &Value) -> String {
    let mut claims =
        json!({ "iss": "https://idp.example", "sub": "job:1", "aud": "api://AzureADTokenExchange", "exp": now() + 600 });
    claims.as_object_mut().unwrap().extend(over.as_object().unwrap().clone());
    let mut header = Header::new(Algorithm::RS256);
    header.kid = Some("k1".to_owned());
    encode(&header, &claims, &provider.key).unwrap()
}

#[tokio::test]
async fn a_federated_assertion() {
    let tenant = Tenant::start().await;
    let (idp, other) = (provider(), provider());
    let credential = json!({ "name": "job", "issuer": "https://idp.example", "subject": "job:1", "keys": idp.keys });
    let ask = async |assertion: String| {
        let reply =
            tenant.ask_token(&[("client_secret", ""), ("client_assertion_type", KIND), ("client_assertion", &assertion)]).await;
        (reply.status, reply.body["error_codes"][0].as_i64())
    };
    assert_eq!(ask(assertion(&idp, &json!({}))).await, (401, Some(700_211)), "nothing is registered");
    tenant.control("POST", "credentials", json!({ "addFederated": credential }));
    assert_eq!(ask(assertion(&idp, &json!({}))).await, (200, None));
    for (over, code) in [
        (json!({ "iss": "https://elsewhere.example" }), 700_211),
        (json!({ "sub": "job:2" }), 700_213),
        (json!({ "aud": "https://graph.microsoft.com" }), 700_212),
        (json!({ "exp": now() - 600 }), 700_024),
        (json!({ "nbf": now() + 600 }), 700_024),
    ] {
        assert_eq!(ask(assertion(&idp, &over)).await, (401, Some(code)), "{over}");
    }
    assert_eq!(ask(assertion(&other, &json!({}))).await, (401, Some(700_027)), "another key");
    let twice = tenant.running.control("POST", "credentials", &json!({ "addFederated": credential }));
    assert!(twice.unwrap_err().contains("unique"));
    let mut two = credential.clone();
    two["name"] = json!("two");
    two["subject"] = json!("job:2");
    two["audiences"] = json!(["a", "b"]);
    assert!(tenant.running.control("POST", "credentials", &json!({ "addFederated": two })).unwrap_err().contains("one audience"));
}

#[tokio::test]
async fn managed_identities() {
    let mut tenant = Tenant::with(Options { imds_port: Some(0), ..Options::default() }).await;
    let base = tenant.running.imds_url.clone().unwrap();
    let http = tenant.http.clone();
    let imds = |query: &str| http.get(format!("{base}/metadata/identity/oauth2/token?api-version=2018-02-01{query}"));
    let graph = "&resource=https://graph.microsoft.com";
    let body = reply(imds(graph).header("Metadata", "true")).await.ok(200);
    for name in ["expires_in", "expires_on", "not_before"] {
        assert!(body[name].as_str().unwrap().parse::<u64>().is_ok(), "{name} is a number in a text: {body}");
    }
    tenant.token = body["access_token"].as_str().unwrap().to_owned();
    tenant.get("/users").await.ok(200);
    let refused = reply(imds(graph)).await;
    assert_eq!((refused.status, &refused.body["error"]), (400, &json!("invalid_request")), "without the header");
    assert_eq!(reply(imds(graph).header("Metadata", "True")).await.status, 400, "lower case only");
    let scoped = reply(imds("&resource=https://graph.microsoft.com/.default").header("Metadata", "true")).await;
    assert_eq!((scoped.status, &scoped.body["error"]), (400, &json!("invalid_resource")));
    // A second identity: now one must be named.
    let second = "00000000-0000-0000-0000-0000000000aa";
    tenant.control("POST", "credentials", json!({ "clientId": second, "onThisMachine": true, "roles": ["User.Read.All"] }));
    let unnamed = reply(imds(graph).header("Metadata", "true")).await;
    assert!(unnamed.body["error_description"].as_str().unwrap().contains("Multiple user assigned identities exist"));
    let named = reply(imds(&format!("{graph}&client_id={second}")).header("Metadata", "true")).await.ok(200);
    let claims = named["access_token"].as_str().unwrap().split('.').nth(1).unwrap().to_owned();
    let claims: Value = serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(claims).unwrap()).unwrap();
    assert_eq!((&claims["appid"], &claims["roles"]), (&json!(second), &json!(["User.Read.All"])));
    let unknown = reply(imds(&format!("{graph}&client_id=x")).header("Metadata", "true")).await;
    assert_eq!(unknown.status, 400);
    // By its service principal, and by what it is in Azure.
    let resource = "/subscriptions/s/resourceGroups/g/providers/Microsoft.ManagedIdentity/userAssignedIdentities/two";
    tenant.control("POST", "credentials", json!({ "clientId": second, "resourceId": resource }));
    let principal = tenant.get(&format!("/servicePrincipals(appId='{second}')")).await.ok(200)["id"].as_str().unwrap().to_owned();
    for (key, value, status) in [
        ("object_id", principal.as_str(), 200),
        ("object_id", second, 400),
        ("msi_res_id", resource, 200),
        ("msi_res_id", second, 400),
    ] {
        let found = reply(imds(&format!("{graph}&{key}={value}")).header("Metadata", "true")).await;
        assert_eq!(found.status, status, "{key}={value}: {}", found.body);
    }

    let service = |query: &str| http.get(format!("{base}/msi/token?api-version=2019-08-01&client_id={second}{query}"));
    let header = tenant.running.identity_header.clone();
    let body = reply(service(graph).header("X-IDENTITY-HEADER", &header)).await.ok(200);
    assert!(body["expires_on"].is_string() && body.get("expires_in").is_none(), "{body}");
    assert_eq!(reply(service(graph).header("X-IDENTITY-HEADER", "guess")).await.status, 401);
    for wrong in ["graph", "https://nope.example", "https://graph.microsoft.us"] {
        let vague = reply(service(&format!("&resource={wrong}")).header("X-IDENTITY-HEADER", &header)).await;
        assert_eq!(vague.status, 500, "{wrong}: vague, as the service is");
    }
}

#[tokio::test]
async fn a_challenge_is_answered_with_its_claims() {
    let mut tenant = Tenant::start().await;
    let plain = tenant.token.clone();
    let capable = r#"{"access_token":{"xms_cc":{"values":["cp1"]}}}"#;
    let token = async |tenant: &Tenant, claims: &str| {
        let body = tenant.ask_token(&[("claims", claims)]).await.ok(200);
        (body["access_token"].as_str().unwrap().to_owned(), body["expires_in"].as_i64().unwrap())
    };
    let (long, lifetime) = token(&tenant, capable).await;
    assert!(lifetime > 80_000, "a token that can be taken back lives for a day");
    tenant.token = long;
    tenant.get("/users").await.ok(200);
    tenant.control("POST", "challenge", json!({}));
    let challenged = tenant.get("/users").await;
    challenged.refused(401, "InvalidAuthenticationToken", "Continuous access evaluation");
    let header = challenged.header("www-authenticate").to_owned();
    let start = "Bearer authorization_uri=\"https://login.windows.net/common/oauth2/authorize\", error=\"insufficient_claims\", claims=\"";
    let encoded = header.strip_prefix(start).and_then(|rest| rest.strip_suffix('"')).unwrap_or_else(|| panic!("{header}"));
    let mut claims: Value = serde_json::from_slice(&BASE64_STANDARD.decode(encoded).unwrap()).unwrap();
    // Without the claims a new token is challenged again.
    tenant.token = token(&tenant, capable).await.0;
    assert_eq!(tenant.get("/users").await.status, 401);
    claims["access_token"]["xms_cc"] = json!({ "values": ["CP1"] });
    tenant.token = token(&tenant, &claims.to_string()).await.0;
    tenant.get("/users").await.ok(200);
    tenant.control("POST", "challenge", json!({}));
    assert_eq!(tenant.get("/users").await.status, 401, "the next challenge is another one");
    tenant.token = plain;
    tenant.get("/users").await.ok(200);
    assert_eq!(tenant.ask_token(&[("claims", "{")]).await.status, 400);
}

#[tokio::test]
async fn tenants_share_nothing_but_the_machine() {
    let options = Options { more_tenants: vec!["fabrikam".to_owned()], ..Options::default() };
    let mut tenant = Tenant::with(options).await;
    tenant.new_user("ann").await;
    let all = tenant.control("GET", "tenants", Value::Null);
    let second = all["value"][1].clone();
    let text = |name: &str| second[name].as_str().unwrap();
    assert_ne!(second["tenantId"], tenant.running.tenant_id.as_str());
    assert_eq!(
        tenant.ask_token_of(text("tenantId"), &[]).await.body["error_codes"][0],
        700_016,
        "an application of another tenant"
    );
    let own = [("client_id", text("clientId")), ("client_secret", text("clientSecret"))];
    let token = tenant.ask_token_of("fabrikam.onmicrosoft.com", &own).await.ok(200);
    let first = std::mem::replace(&mut tenant.token, token["access_token"].as_str().unwrap().to_owned());
    assert_eq!(ids(&tenant.get("/users").await.ok(200)).len(), 0, "the token decides whose objects are shown");
    assert_eq!(tenant.get("/organization").await.ok(200)["value"][0]["id"], second["tenantId"]);
    tenant.post("/users", user("ann")).await.refused(400, "Request_BadRequest", "domain portion");
    let bob = json!({ "userPrincipalName": "bob@fabrikam.onmicrosoft.com" });
    let bob = tenant.control("POST", "seed?tenant=fabrikam", json!({ "users": [bob] }))["users"][0].clone();
    assert_eq!(ids(&tenant.get("/users").await.ok(200)), [bob.as_str().unwrap()]);
    assert_eq!(
        tenant.control("GET", &format!("state?tenant={}&kind=users", text("tenantId")), Value::Null)["value"][0]["id"],
        bob
    );
    tenant.token = first;
    assert_eq!(tenant.get(&format!("/users/{}", bob.as_str().unwrap())).await.status, 404);
    let third = tenant.control(
        "POST",
        "tenants",
        json!({ "name": "tailspin", "domains": [{ "name": "tailspin.example", "authentication": "Managed", "verified": true }] }),
    );
    assert_eq!(third["domains"][1]["name"], "tailspin.onmicrosoft.com");
    assert!(tenant.running.control("POST", "tenants", &json!({ "name": "contoso" })).is_err(), "a name is taken once");
    assert!(tenant.running.control("GET", "state?tenant=nobody", &Value::Null).unwrap_err().contains("nobody"));
}

#[tokio::test]
async fn the_token_of_one_cloud_is_none_in_another() {
    let mut tenant = Tenant::start().await;
    let scope = async |tenant: &Tenant, resource: &str| tenant.ask_token(&[("scope", &format!("{resource}/.default"))]).await;
    let unknown = scope(&tenant, "https://graph.microsoft.us").await;
    assert_eq!((unknown.status, &unknown.body["error_codes"][0]), (400, &json!(500_011)), "{}", unknown.body);
    assert_eq!(scope(&tenant, "https://nope.example").await.body["error"], "invalid_resource");
    // Another service gives a token, which Graph does not take.
    let other = scope(&tenant, "https://vault.azure.net").await.ok(200);
    let global = std::mem::replace(&mut tenant.token, other["access_token"].as_str().unwrap().to_owned());
    tenant.get("/users").await.refused(401, "InvalidAuthenticationToken", "Invalid audience");
    tenant.control("PATCH", "switches", json!({ "cloud": "usGovernment" }));
    let here = scope(&tenant, "https://graph.microsoft.us").await.ok(200);
    tenant.token = here["access_token"].as_str().unwrap().to_owned();
    tenant.get("/users").await.ok(200);
    tenant.token = global;
    tenant.get("/users").await.refused(401, "InvalidAuthenticationToken", "Invalid audience");
}
