//! Tokens: what a wrong credential says, and what happens when one expires.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use entrain_emulator::{Emulator, Options};
use entrain_entra::{ClientCertificate, CredentialConfig, Entra};
use entrain_model::{Clock, Directory as _, Disposition, Fault, Millis};
use serde_json::json;

use crate::stage::{Hasty, Stage, config};

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

/// A certificate from that year on, and the same with its private key.
fn certificate(year: i32) -> (String, ClientCertificate) {
    let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_RSA_SHA256).unwrap();
    let mut wanted = rcgen::CertificateParams::new(vec!["entrain.test".into()]).unwrap();
    (wanted.not_before, wanted.not_after) = (rcgen::date_time_ymd(year, 1, 1), rcgen::date_time_ymd(2100, 1, 1));
    let certificate = wanted.self_signed(&key).unwrap().pem();
    let pem = format!("{}{certificate}", key.serialize_pem());
    (certificate, ClientCertificate { place: format!("{year}.pem"), pem: Ok(pem.into()) })
}

/// Signs in with these certificates alone, of which the tenant knows that one.
async fn signed(certificates: &[&ClientCertificate], known: &str, clock: Arc<Moved>) -> Stage {
    let options = Options { certificates: vec![known.to_owned()], ..Options::default() };
    let certificates = certificates.iter().map(|one| (*one).clone()).collect();
    Stage::with(options, |config| {
        let CredentialConfig::Secret { client_id, .. } = config.credential.clone() else { panic!() };
        config.credential = CredentialConfig::Certificate { client_id, certificates };
        config.clock = clock;
    })
    .await
}

/// The machine's time, moved.
#[derive(Debug, Default)]
struct Moved(AtomicI64);

#[async_trait]
impl Clock for Moved {
    fn now(&self) -> Millis {
        Hasty.now() + self.0.load(Ordering::SeqCst)
    }
    async fn sleep(&self, duration: Duration) {
        Hasty.sleep(duration).await;
    }
}

#[tokio::test]
async fn a_certificate_signs_in() {
    let (certificate, with_key) = certificate(2020);
    let stage = signed(&[&with_key], &certificate, Arc::default()).await;
    assert_eq!(stage.entra.tenant().await.unwrap().id, stage.tenant.tenant_id);
}

#[tokio::test]
async fn a_certificate_is_changed_without_a_gap() {
    let ((old, old_key), (new, new_key)) = (certificate(2020), certificate(2024));
    let (clock, unreadable) = (Arc::<Moved>::default(), ClientCertificate { place: "gone.pem".into(), pem: Err("gone".into()) });
    let stage = signed(&[&old_key, &unreadable, &new_key], &old, clock.clone()).await;
    let over = || stage.entra.passed_over().unwrap();
    assert_eq!(stage.entra.passed_over(), None, "nobody signed in yet");
    stage.entra.tenant().await.unwrap();
    assert_eq!(stage.tenant.stats().token_requests, 2, "the newest, and then the one that is registered");
    let names: Vec<String> = over().into_iter().map(|refused| refused.credential.name).collect();
    assert!(names[0] == "gone.pem" && names[1].ends_with("(2024.pem)") && names.len() == 2, "{names:?}");
    assert!(over()[1].why.contains("AADSTS700027") && over()[1].why.contains("upload it"), "{:?}", over()[1]);

    // The newest is tried again after a while, though the token of the other one is still good.
    stage.entra.tenant().await.unwrap();
    assert_eq!(stage.tenant.stats().token_requests, 2, "not before");
    clock.0.store(11 * 60_000, Ordering::SeqCst);
    stage.tenant.control("POST", "clock/advance", &json!({"seconds": 11 * 60})).unwrap();
    stage.tenant.control("POST", "credentials", &json!({"addCertificate": new})).unwrap();
    stage.entra.tenant().await.unwrap();
    assert_eq!((stage.tenant.stats().token_requests, over().len()), (3, 1), "the newest signs in");

    stage.tenant.control("POST", "credentials", &json!({"removeCertificates": true, "expireTokens": true})).unwrap();
    stage.tenant.control("POST", "credentials", &json!({"addCertificate": old})).unwrap();
    stage.entra.tenant().await.unwrap();
    assert_eq!(over().len(), 2, "the newest was taken from the application, and the old one signs in again");

    stage.tenant.control("POST", "credentials", &json!({"removeCertificates": true, "expireTokens": true})).unwrap();
    let error = stage.entra.tenant().await.unwrap_err();
    assert!(error.fault == Fault::Unauthorized && error.message.contains("AADSTS700027"), "{error}");
    assert_eq!(stage.entra.passed_over(), None, "the halt tells of it");
}

#[tokio::test]
async fn one_unreadable_certificate_alone_is_said_before_any_call() {
    let tenant = Emulator::start(Options::default()).await.unwrap();
    let mut other = config(&tenant);
    let certificates = vec![ClientCertificate { place: "the file app.pem".into(), pem: Ok("nothing".into()) }];
    other.credential = CredentialConfig::Certificate { client_id: tenant.client_id.clone(), certificates };
    let error = Entra::connect(other).err().unwrap();
    assert!(error.message.contains("the file app.pem: the PEM text has no certificate"), "{error}");
    assert_eq!(tenant.stats().token_requests, 0);
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
