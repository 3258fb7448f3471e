//! The token endpoint and access tokens.

use crate::client::{Tenant, reply};
use base64::Engine;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use entrain_emulator::Options;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value, json};
use sha1::Sha1;
use sha2::{Digest, Sha256};

fn code(body: &Value) -> (&str, i64) {
    let description = body["error_description"].as_str().unwrap();
    let code = body["error_codes"][0].as_i64().unwrap();
    assert!(description.starts_with(&format!("AADSTS{code}: ")), "{description}");
    assert!(description.contains("\r\nTrace ID: ") && description.contains("\r\nTimestamp: "), "{description}");
    assert_eq!(body["error_uri"].as_str().unwrap(), format!("https://login.microsoftonline.com/error?code={code}"));
    (body["error"].as_str().unwrap(), code)
}

#[tokio::test]
async fn a_secret_gives_a_token_with_roles() {
    let tenant = Tenant::start().await;
    let body = tenant.ask_token(&[]).await.ok(200);
    assert_eq!((body["token_type"].as_str(), body["expires_in"].as_i64()), (Some("Bearer"), Some(3599)));
    let payload = body["access_token"].as_str().unwrap().split('.').nth(1).unwrap().to_owned();
    let claims: Value = serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap();
    assert_eq!(claims["aud"], "https://graph.microsoft.com");
    assert!(claims["roles"].as_array().unwrap().contains(&json!("User.ReadWrite.All")));
    let basic = tenant
        .http
        .post(format!("{}/contoso.onmicrosoft.com/oauth2/v2.0/token", tenant.running.authority_url))
        .basic_auth(&tenant.running.client_id, Some(&tenant.running.client_secret))
        .header("content-type", "application/x-www-form-urlencoded")
        .body("grant_type=client_credentials&scope=https%3A%2F%2Fgraph.microsoft.com%2F.default");
    reply(basic).await.ok(200);
}

#[tokio::test]
async fn every_refusal_has_its_code() {
    let tenant = Tenant::start().await;
    let cases = [
        ([("client_secret", "wrong")], 401, "invalid_client", 7_000_215),
        ([("client_id", "00000000-0000-0000-0000-000000000001")], 400, "unauthorized_client", 700_016),
        ([("client_secret", "")], 401, "invalid_client", 7_000_216),
        ([("scope", "https://graph.microsoft.com/User.Read")], 400, "invalid_scope", 70011),
        ([("scope", "openid")], 400, "invalid_scope", 70011),
    ];
    for (changes, status, error, number) in cases {
        let reply = tenant.ask_token(&changes).await;
        assert_eq!((reply.status, code(&reply.body)), (status, (error, number)), "{changes:?}");
    }
    for (segment, number) in [("11111111-1111-1111-1111-111111111111", 90002), ("nonsense", 900_023)] {
        let reply = tenant.ask_token_of(segment, &[]).await;
        assert_eq!((reply.status, code(&reply.body)), (400, ("invalid_request", number)));
    }
}

#[tokio::test]
async fn secrets_rotate_and_expire() {
    let tenant = Tenant::start().await;
    tenant.control("POST", "credentials", json!({ "removeSecrets": true, "addSecret": "second", "secretExpiresIn": 60 }));
    assert_eq!(code(&tenant.ask_token(&[]).await.body).1, 7_000_215);
    tenant.ask_token(&[("client_secret", "second")]).await.ok(200);
    tenant.control("POST", "clock/advance", json!({ "seconds": 61 }));
    assert_eq!(code(&tenant.ask_token(&[("client_secret", "second")]).await.body).1, 7_000_222);
}

struct Certificate {
    pem: String,
    key: EncodingKey,
    der: Vec<u8>,
}

fn certificate() -> Certificate {
    certificate_from(1975)
}

/// One that is valid from the first day of a year on.
fn certificate_from(year: i32) -> Certificate {
    let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_RSA_SHA256).unwrap();
    let mut params = rcgen::CertificateParams::new(vec!["app".to_owned()]).unwrap();
    params.not_before = rcgen::date_time_ymd(year, 1, 1);
    let certificate = params.self_signed(&key).unwrap();
    let signing = EncodingKey::from_rsa_pem(key.serialize_pem().as_bytes()).unwrap();
    Certificate { pem: certificate.pem(), key: signing, der: certificate.der().to_vec() }
}

fn assertion(tenant: &Tenant, header: &Header, key: &EncodingKey, over: &Value) -> String {
    let now = i64::try_from(std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs()).unwrap();
    let client = &tenant.running.client_id;
    let audience = format!("{}/{}/oauth2/v2.0/token", tenant.running.authority_url, tenant.running.tenant_id);
    let mut claims =
        json!({ "aud": audience, "iss": client, "sub": client, "jti": "1", "nbf": now, "iat": now, "exp": now + 600 });
    claims.as_object_mut().unwrap().extend(over.as_object().unwrap().clone());
    encode(header, &claims, key).unwrap()
}

async fn ask(tenant: &Tenant, assertion: &str) -> crate::client::Reply {
    let kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
    tenant.ask_token(&[("client_secret", ""), ("client_assertion_type", kind), ("client_assertion", assertion)]).await
}

#[tokio::test]
async fn certificates_are_verified() {
    let (known, unknown) = (certificate(), certificate());
    let tenant = Tenant::with(Options { certificates: vec![known.pem.clone()], ..Options::default() }).await;
    let mut headers = vec![Header::new(Algorithm::PS256), Header::new(Algorithm::RS256), Header::new(Algorithm::RS256)];
    headers[0].x5t_s256 = Some(BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(&known.der)));
    headers[1].x5t = Some(BASE64_URL_SAFE_NO_PAD.encode(Sha1::digest(&known.der)));
    headers[2].x5t = Some(BASE64_STANDARD.encode(Sha1::digest(&known.der)));
    for header in &headers {
        ask(&tenant, &assertion(&tenant, header, &known.key, &json!({}))).await.ok(200);
        // The right name, another key.
        let forged = ask(&tenant, &assertion(&tenant, header, &unknown.key, &json!({}))).await;
        assert_eq!((forged.status, code(&forged.body)), (401, ("invalid_client", 700_027)));
    }
    let early = certificate_from(2090);
    tenant.control("POST", "credentials", json!({ "addCertificate": early.pem }));
    let mut header = Header::new(Algorithm::PS256);
    header.x5t_s256 = Some(BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(&early.der)));
    let reply = ask(&tenant, &assertion(&tenant, &header, &early.key, &json!({}))).await;
    assert!(
        reply.body["error_description"].as_str().unwrap().contains("[Reason - The key used is not valid yet.]"),
        "{}",
        reply.body
    );
    let mut stranger = Header::new(Algorithm::PS256);
    stranger.x5t_s256 = Some(BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(&unknown.der)));
    let reply = ask(&tenant, &assertion(&tenant, &stranger, &unknown.key, &json!({}))).await;
    assert_eq!(code(&reply.body).1, 700_027);
    assert!(reply.body["error_description"].as_str().unwrap().contains("[Reason - The key was not found.]"));
    for (over, number) in [
        (json!({ "exp": 1 }), 700_024),
        (json!({ "nbf": 4_000_000_000_u64 }), 700_024),
        (json!({ "aud": "https://elsewhere" }), 700_023),
        (json!({ "sub": "x" }), 700_023),
        (json!({ "iss": "x" }), 700_023),
        (json!({ "jti": "" }), 700_023),
    ] {
        let reply = ask(&tenant, &assertion(&tenant, &headers[0], &known.key, &over)).await;
        assert_eq!(code(&reply.body).1, number, "{over}");
    }
    let fraction = json!({ "exp": 4_000_000_000.5, "nbf": 1.5 });
    ask(&tenant, &assertion(&tenant, &headers[0], &known.key, &fraction)).await.ok(200);
    tenant.control("POST", "credentials", json!({ "addCertificate": unknown.pem }));
    ask(&tenant, &assertion(&tenant, &stranger, &unknown.key, &json!({}))).await.ok(200);
}

#[tokio::test]
async fn tokens_expire_and_are_checked() {
    let mut tenant = Tenant::start().await;
    tenant.get("/users").await.ok(200);
    tenant.control("POST", "clock/advance", json!({ "seconds": 3600 }));
    tenant.get("/users").await.refused(401, "InvalidAuthenticationToken", "Lifetime validation failed, the token is expired.");
    tenant.sign_in().await;
    tenant.get("/users").await.ok(200);
    tenant.control("POST", "credentials", json!({ "expireTokens": true }));
    tenant.get("/users").await.refused(401, "InvalidAuthenticationToken", "expired");
    tenant.token = "rubbish".to_owned();
    tenant.get("/users").await.refused(401, "InvalidAuthenticationToken", "CompactToken parsing failed");
    let empty = reply(tenant.http.get(format!("{}/users", tenant.running.graph_url))).await;
    empty.refused(401, "InvalidAuthenticationToken", "Access token is empty.");
    let other = tenant.ask_token(&[("scope", "https://vault.azure.net/.default")]).await.ok(200);
    tenant.token = other["access_token"].as_str().unwrap().to_owned();
    tenant.get("/users").await.refused(401, "InvalidAuthenticationToken", "Invalid audience");
}

#[tokio::test]
async fn a_token_without_roles_is_refused_by_graph() {
    let tenant = Tenant::with(Options { roles: Vec::new(), ..Options::default() }).await;
    let refused = tenant.get("/users").await;
    refused.refused(403, "Authorization_RequestDenied", "Insufficient privileges to complete the operation.");
}

#[tokio::test]
async fn discovery_documents() {
    let tenant = Tenant::start().await;
    let at = |segment: &str| format!("{}/{segment}/v2.0/.well-known/openid-configuration", tenant.running.authority_url);
    let found = reply(tenant.http.get(at("contoso.example"))).await.ok(200);
    assert!(found["token_endpoint"].as_str().unwrap().ends_with("/oauth2/v2.0/token"));
    let keys = reply(tenant.http.get(found["jwks_uri"].as_str().unwrap())).await.ok(200);
    let (n, e) = (keys["keys"][0]["n"].as_str().unwrap(), keys["keys"][0]["e"].as_str().unwrap());
    let key = jsonwebtoken::DecodingKey::from_rsa_components(n, e).unwrap();
    let mut validation = jsonwebtoken::Validation::new(Algorithm::RS256);
    validation.validate_aud = false;
    assert!(jsonwebtoken::decode::<Value>(&tenant.token, &key, &validation).is_ok());
    let missing = reply(tenant.http.get(at("11111111-1111-1111-1111-111111111111"))).await;
    assert_eq!((missing.status, missing.body["error"].as_str()), (400, Some("invalid_tenant")));
}
