//! A certificate is changed while the service runs: no sync fails, and who passes one over is told.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::disallowed_methods)]

use std::time::Duration;

use entrain_emulator::{Emulator, Options, Running};
use entrain_store::{SourceChange, UserRow};
use entrain_tests::certificates::{Certificate, target};
use entrain_tests::database::{Database, Dialect};
use entrain_tests::patience::until;
use entrain_tests::receiver::Receiver;
use entrain_tests::serving::Serving;
use serde_json::{Value as Json, json};

const SCRIPT: &str = "#{ userPrincipalName: user.userName, displayName: user.userName, accountEnabled: user.active, \
                       mailNickname: local_part(user.userName) }";

fn users(tenant: &Running) -> u64 {
    tenant.control("GET", "state", &Json::Null).unwrap()["users"].as_u64().unwrap()
}

async fn hire(serving: &Serving, name: &str) {
    let mut writer = serving.store.source_writer().await.unwrap();
    let row = UserRow::new(name, format!("{name}@contoso.example"));
    writer.apply(&[SourceChange::PutUser(row)]).await.unwrap();
    writer.commit().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_certificate_is_changed_while_the_service_runs() {
    for dialect in Dialect::all() {
        let (old, sealed, newest) = (Certificate::of(2020), Certificate::of(2022), Certificate::of(2024));
        let options = Options { certificates: vec![old.certificate.clone()], ..Options::default() };
        let (tenant, receiver) = (Emulator::start(options).await.unwrap(), Receiver::start(0).await);
        let credential = "certificates = [{ file = \"app.pem\" }, { secret = \"next\" }]";
        let alarms =
            format!("[alarms]\nwebhooks = [{{ name = \"ops\", url = \"{}\", secret = {{ file = \"whsec\" }} }}]\n", receiver.url);
        let more = format!("{alarms}{}", target("second", &tenant, credential));
        let (old_pem, ca) = (old.pem(), tenant.ca_pem.clone());
        let files = [("second-ca.pem", ca.as_str()), ("app.pem", &old_pem), ("whsec", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")];
        let database = Database::new(dialect).unwrap();
        let serving = Serving::over(database, SCRIPT, &more, &files, &[("next", &sealed.pem())]).await.unwrap();
        hire(&serving, "u1").await;
        until("the registered certificate signs in", async || users(&tenant) == 1).await;
        until("the newer one is told to be refused", async || !receiver.of("credential_refused", "raised").is_empty()).await;
        let told = receiver.of("credential_refused", "raised").remove(0).json()["data"]["message"].as_str().unwrap().to_owned();
        assert!(told.contains("(the secret next)") && told.contains("AADSTS700027"), "{told}");

        // The file is changed in its place: the service takes it without a restart, and the sealed one is not the newest any more.
        tenant.control("POST", "credentials", &json!({ "addCertificate": newest.certificate })).unwrap();
        std::fs::write(serving.folder().join("app.pem"), newest.pem()).unwrap();
        tokio::time::sleep(Duration::from_secs(3)).await;
        tenant.control("POST", "credentials", &json!({ "removeCertificates": true, "expireTokens": true })).unwrap();
        tenant.control("POST", "credentials", &json!({ "addCertificate": newest.certificate })).unwrap();
        hire(&serving, "u2").await;
        until("the next one is there, with the newest certificate alone", async || users(&tenant) == 2).await;
        until("it is told that the newest one signs in", async || !receiver.of("credential_refused", "cleared").is_empty()).await;
        assert!(receiver.of("halt", "raised").is_empty(), "no sync failed");
        serving.service.stop().await;
    }
}
