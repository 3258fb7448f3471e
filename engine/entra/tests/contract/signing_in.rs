//! Tokens: what a wrong credential says, and what happens when one expires.

use entrain_emulator::{Emulator, Options};
use entrain_entra::{CredentialConfig, Entra};
use entrain_model::{Directory as _, Disposition, Fault};
use serde_json::json;

use crate::stage::{Stage, config};

#[tokio::test]
async fn the_tenant_is_read_over_https_with_a_secret() {
    let stage = Stage::new().await;
    let tenant = stage.entra.tenant().await.unwrap();
    assert_eq!(tenant.id, stage.tenant.tenant_id);
    assert!(tenant.domains.iter().any(|domain| domain.name == "contoso.example" && domain.verified && !domain.federated));
    assert_eq!(tenant.anchor_refused, None);
    assert_eq!(stage.tenant.stats().token_requests, 1);
}

#[tokio::test]
async fn a_wrong_secret_shows_its_code_and_what_to_do() {
    let stage = Stage::with(Options::default(), |config| {
        let CredentialConfig::Secret { secret, .. } = &mut config.credential else { panic!() };
        *secret = "wrong".into();
    })
    .await;
    let error = stage.entra.tenant().await.unwrap_err();
    assert_eq!(error.disposition(), Disposition::HaltTarget);
    for part in
        ["AADSTS7000215", "answered 401", "correlation id", "put the secret's value (not its id)", &stage.tenant.tenant_id]
    {
        assert!(error.message.contains(part), "{part} is not in: {error}");
    }
}

#[tokio::test]
async fn an_unknown_application_and_an_unknown_tenant_are_told_apart() {
    let tenant = Emulator::start(Options::default()).await.unwrap();
    let mut other = config(&tenant);
    other.credential = CredentialConfig::Secret { client_id: uuid(7), secret: "x".into() };
    let error = Entra::connect(other).unwrap().tenant().await.unwrap_err();
    assert!(error.message.contains("AADSTS700016") && error.message.contains("not known in this tenant"), "{error}");
    let mut elsewhere = config(&tenant);
    elsewhere.tenant = uuid(8);
    let error = Entra::connect(elsewhere).unwrap().tenant().await.unwrap_err();
    assert!(error.message.contains("AADSTS90002") && error.message.contains("no such tenant"), "{error}");
}

fn uuid(digit: u8) -> String {
    format!("00000000-0000-4000-8000-00000000000{digit}")
}

#[tokio::test]
async fn a_certificate_signs_in() {
    let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_RSA_SHA256).unwrap();
    let certificate = rcgen::CertificateParams::new(vec!["entrain.test".into()]).unwrap().self_signed(&key).unwrap();
    let pem = format!("{}{}", key.serialize_pem(), certificate.pem());
    let options = Options { certificates: vec![certificate.pem()], ..Options::default() };
    let signed = |config: &mut entrain_entra::EntraConfig| {
        let CredentialConfig::Secret { client_id, .. } = config.credential.clone() else { panic!() };
        config.credential = CredentialConfig::Certificate { client_id, pem: pem.into() };
    };
    let stage = Stage::with(options, signed).await;
    assert_eq!(stage.entra.tenant().await.unwrap().id, stage.tenant.tenant_id);
}

#[tokio::test]
async fn an_expired_token_is_replaced_without_a_word() {
    let stage = Stage::new().await;
    stage.entra.tenant().await.unwrap();
    stage.tenant.control("POST", "credentials", &json!({"expireTokens": true})).unwrap();
    stage.entra.tenant().await.unwrap();
    assert_eq!(stage.tenant.stats().token_requests, 2);
    assert_eq!(stage.tenant.stats().statuses.get(&401), Some(&1));
}

#[tokio::test]
async fn a_secret_that_was_removed_halts() {
    let stage = Stage::new().await;
    stage.entra.tenant().await.unwrap();
    stage.tenant.control("POST", "credentials", &json!({"expireTokens": true, "removeSecrets": true})).unwrap();
    assert_eq!(stage.entra.tenant().await.unwrap_err().fault, Fault::Unauthorized);
}

#[tokio::test]
async fn a_tenant_that_cannot_be_reached_is_no_wrong_credential() {
    let mut stage = Stage::new().await;
    stage.tenant.stop_listening().await;
    let error = stage.entra.tenant().await.unwrap_err();
    assert_eq!(error.fault, Fault::Unreachable, "{error}");
    stage.tenant.resume_listening().await.unwrap();
    stage.entra.tenant().await.unwrap();
}

#[tokio::test]
async fn another_authority_s_certificate_is_not_trusted() {
    let other = Emulator::start(Options::default()).await.unwrap();
    let stage = Stage::with(Options::default(), |config| config.ca_pem = Some(other.ca_pem.clone().into_bytes())).await;
    assert_eq!(stage.entra.tenant().await.unwrap_err().fault, Fault::Unreachable);
}

#[tokio::test]
async fn missing_permissions_are_forbidden_and_name_the_call() {
    let stage = Stage::with(Options { roles: Vec::new(), ..Options::default() }, |_| {}).await;
    let error = stage.entra.tenant().await.unwrap_err();
    assert_eq!(error.fault, Fault::Forbidden);
    assert!(error.message.contains("GET /organization") && error.request_id.is_some(), "{error}");
}
