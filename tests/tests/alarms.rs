//! Alarms as an operator gets them: signed, at least once, and never in the way; and what the audit then says of it all.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::disallowed_methods)]

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use entrain::alarms::Secret;
use entrain::config::Config;
use entrain::wiring::{Service, SystemClock};
use entrain_emulator::{Emulator, Options, Running};
use entrain_model::{Clock, Millis, TargetName};
use entrain_store::{AuditScope, AuditValue, SourceChange, Store, UserRow};
use entrain_tests::command::Unheard;
use entrain_tests::patience::until;
use entrain_tests::receiver::Receiver;
use serde_json::{Value as Json, json};

/// The clock of the machine, moved.
#[derive(Debug, Default)]
struct Moved(AtomicI64);

#[async_trait::async_trait]
impl Clock for Moved {
    fn now(&self) -> Millis {
        SystemClock.now() + self.0.load(Ordering::SeqCst)
    }
    async fn sleep(&self, duration: Duration) {
        SystemClock.sleep(duration).await;
    }
}

const SCRIPT: &str = "#{ userPrincipalName: user.userName, displayName: or_clear(user.displayName), accountEnabled: user.active, \
                       mailNickname: local_part(user.userName), mobilePhone: \"+41 44 123 45 67\" }";
const KEY: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

fn configuration(folder: &Path, emulator: &Running, receiver: &Receiver) -> Config {
    std::fs::write(folder.join("ca.pem"), &emulator.ca_pem).unwrap();
    std::fs::write(folder.join("secret"), &emulator.client_secret).unwrap();
    std::fs::write(folder.join("whsec"), KEY).unwrap();
    std::fs::write(folder.join("user.rhai"), SCRIPT).unwrap();
    let text = format!(
        r#"[store]
url = "sqlite://{folder}/entrain.sqlite3"
[audit]
redact = ["mobilePhone"]
[alarms]
webhooks = [
  {{ name = "ops", url = "{}", secret = {{ file = "whsec" }} }},
  {{ name = "dead", url = "http://127.0.0.1:9/nobody", secret = {{ file = "whsec" }} }},
]
[metrics]
listen = "127.0.0.1:0"
[[target]]
name = "test"
tenant = "{}"
cloud = "custom"
mode = "full"
endpoints = {{ authority = "{}", graph = "{}", ca_file = "ca.pem" }}
credential = {{ client_id = "{}", secret = {{ file = "secret" }} }}
mapping = {{ users = ["user.rhai"] }}
"#,
        receiver.url,
        emulator.tenant_id,
        emulator.authority_url,
        emulator.base_url,
        emulator.client_id,
        folder = folder.display(),
    );
    std::fs::write(folder.join("entrain.toml"), text).unwrap();
    Config::load(&folder.join("entrain.toml")).unwrap()
}

async fn hire(store: &Store, n: usize) {
    let mut row = UserRow::new(format!("u{n}"), format!("user{n}@contoso.example"));
    row.display_name = Some(format!("User {n}"));
    let mut writer = store.source_writer().await.unwrap();
    writer.apply(&[SourceChange::PutUser(row)]).await.unwrap();
    writer.commit().await.unwrap();
}

fn users(emulator: &Running) -> u64 {
    emulator.control("GET", "state", &Json::Null).unwrap()["users"].as_u64().unwrap()
}

async fn figures(service: &Service) -> String {
    let url = format!("http://{}/metrics", service.figures().unwrap());
    let client = reqwest::Client::builder().timeout(Duration::from_secs(30)).build().unwrap();
    client.get(url).send().await.unwrap().text().await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_halt_is_told_once_signed_and_again_until_it_is_taken() {
    let folder = tempfile::tempdir().unwrap();
    let emulator = Emulator::start(Options::default()).await.unwrap();
    let receiver = Receiver::start(1).await;
    let config = configuration(folder.path(), &emulator, &receiver);
    let clock = Arc::new(SystemClock);
    let url = format!("sqlite://{}/entrain.sqlite3", folder.path().display());
    let store = Store::open(&url, clock.clone()).await.unwrap().redacting(config.audit.redact.iter().cloned());
    hire(&store, 0).await;
    let file = folder.path().join("entrain.toml");
    let service = Service::start(&config, Some(&file), store.clone(), clock, Arc::new(Unheard), None).await.unwrap();
    until("the first full sync creates the user", async || users(&emulator) == 1).await;

    std::fs::write(folder.path().join("user.rhai"), "#{ jobTitle: ").unwrap();
    until("the halt is told, refused, and told again", async || receiver.of("halt", "raised").len() >= 2).await;
    let told = receiver.of("halt", "raised");
    assert!(told.iter().all(|message| message.id == told[0].id), "the same message again");
    let secret = Secret::read(&KEY.into()).unwrap();
    for message in &told {
        assert_eq!(message.signature, secret.sign(&message.id, message.seconds, &message.body));
    }
    let body = told[0].json();
    assert_eq!((&body["data"]["target"], &body["data"]["body"]["halt"]), (&json!("test"), &json!("mapping")));
    assert!(body["timestamp"].as_str().unwrap().ends_with('Z'), "{body}");
    assert!(figures(&service).await.contains("entrain_halted{target=\"test\"} 1\n"));

    hire(&store, 1).await;
    std::fs::write(folder.path().join("user.rhai"), SCRIPT).unwrap();
    until("nobody who is dead keeps a sync waiting", async || users(&emulator) == 2).await;
    until("the end is told as well", async || !receiver.of("halt", "cleared").is_empty()).await;
    until("the direct sync is counted", async || figures(&service).await.contains("entrain_halted{target=\"test\"} 0\n")).await;
    let page = figures(&service).await;
    let figure = |name: &str| -> f64 {
        let line = page.lines().find(|line| line.starts_with(name)).unwrap_or_else(|| panic!("{name} in {page}"));
        line.rsplit_once(' ').unwrap().1.parse().unwrap()
    };
    assert!(figure("entrain_writes_total{target=\"test\"}") >= 2.0);
    assert!(figure("entrain_requests_total{target=\"test\"}") > figure("entrain_writes_total{target=\"test\"}"));
    assert!(figure("entrain_webhook_waiting{webhook=\"dead\"}") >= 2.0);
    assert!(figure("entrain_seconds_since_full_sync{target=\"test\"}") >= 0.0);
    tokio::time::timeout(Duration::from_secs(30), service.stop()).await.expect("the service ends");
    assert_eq!(store.alarms(Some(&TargetName::from("test"))).await.unwrap(), []);
    audited(&store, &emulator).await;
}

/// What the audit says of the two users, and what it must never say.
async fn audited(store: &Store, emulator: &Running) {
    let rows = store.audit(&AuditScope::default(), 0, 1000).await.unwrap();
    let created: Vec<_> = rows.iter().filter(|row| row.action == "create" && row.outcome == "done").collect();
    assert_eq!(created.len(), 2);
    for row in created {
        assert!(row.record.is_some() && row.request_id.is_some() && row.run.is_some(), "{row:?}");
        assert!(row.mapping_version.as_ref().is_some_and(|version| !version.is_empty()));
        assert!(matches!(&row.after["userPrincipalName"], AuditValue::Value(Json::String(_))));
        assert_eq!(row.after["mobilePhone"], AuditValue::Redacted);
    }
    let acts: BTreeSet<&str> = rows.iter().map(|row| row.action.as_str()).collect();
    assert!(["target_added", "halt", "resume"].iter().all(|act| acts.contains(act)), "{acts:?}");
    let text = format!("{rows:?}");
    for secret in [emulator.client_secret.as_str(), KEY, "+41 44", "assword", "Bearer", "eyJ"] {
        assert!(!text.contains(secret), "{secret}");
    }
    assert!(store.verify_audit(None).await.unwrap().is_ok());
}

/// The first user is there, the second is refused, and the service runs until the end of the test.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_other_alarm_is_told_by_webhook_when_it_begins_and_when_it_is_over() {
    let folder = tempfile::tempdir().unwrap();
    let emulator = Emulator::start(Options::default()).await.unwrap();
    let secret = json!({ "removeSecrets": true, "addSecret": emulator.client_secret, "secretExpiresIn": 5 * 86_400 });
    emulator.control("POST", "credentials", &secret).unwrap();
    let receiver = Receiver::start(0).await;
    configuration(folder.path(), &emulator, &receiver);
    let file = folder.path().join("entrain.toml");
    let text = std::fs::read_to_string(&file).unwrap().replace("[alarms]", "[alarms]\nholds_after_minutes = 0");
    std::fs::write(&file, format!("{text}[target.limits]\ndisable = {{ count = 0 }}\n")).unwrap();
    let config = Config::load(&file).unwrap();
    let clock = Arc::new(Moved::default());
    let url = format!("sqlite://{}/entrain.sqlite3", folder.path().display());
    let store = Store::open(&url, clock.clone()).await.unwrap();
    hire(&store, 0).await;
    let service = Service::start(&config, Some(&file), store.clone(), clock.clone(), Arc::new(Unheard), None).await.unwrap();
    until("the first full sync creates the user", async || users(&emulator) == 1).await;
    let told = async |kind: &str, turn: &str| {
        until(&format!("{kind} is {turn}"), async || !receiver.of(kind, turn).is_empty()).await;
        receiver.of(kind, turn).remove(0).json()["data"].clone()
    };
    let row = |n: usize, login: &str, active: bool| {
        let mut row = UserRow::new(format!("u{n}"), login);
        (row.display_name, row.active) = (Some(format!("User {n}")), active);
        SourceChange::PutUser(row)
    };
    let write = async |change: SourceChange| {
        let mut writer = store.source_writer().await.unwrap();
        writer.apply(&[change]).await.unwrap();
        writer.commit().await.unwrap();
    };

    let expiring = told("credential_expiring", "raised").await;
    assert!(expiring["message"].as_str().unwrap().contains("runs out in 4 days"), "{expiring}");
    write(row(1, "user1@elsewhere.example", true)).await;
    assert_eq!(told("holds", "raised").await["body"]["held"], json!({ "rejected": 1 }));
    write(row(1, "user1@contoso.example", true)).await;
    told("holds", "cleared").await;

    write(row(0, "user0@contoso.example", false)).await;
    let approval = told("approval", "raised").await;
    assert!(approval["message"].as_str().unwrap().contains("block the sign-in of 1 user"), "{approval}");
    // As long as everything waits for a person no full sync is successful.
    clock.0.store(13 * 3_600_000, Ordering::SeqCst);
    told("no_full_sync", "raised").await;
    write(row(0, "user0@contoso.example", true)).await;
    store.set_next_due(&"test".into(), Some(0)).await.unwrap();
    told("approval", "cleared").await;
    told("no_full_sync", "cleared").await;
    tokio::time::timeout(Duration::from_secs(30), service.stop()).await.expect("the service ends");
    for (kind, turn) in
        [("credential_expiring", "raised"), ("holds", "raised"), ("no_full_sync", "raised"), ("no_full_sync", "cleared")]
    {
        assert_eq!(receiver.of(kind, turn).len(), 1, "{kind} {turn}");
    }
}
