//! Who may enter: the real server with a real database on either side, credentials from the command line, requests over the wire.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::disallowed_methods)]

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use entrain::cli::Exit;
use entrain::config::Config;
use entrain::wiring::{Service, SystemClock};
use entrain_store::{AuditScope, AuditValue, Store};
use entrain_tests::command::{self, Unheard};
use entrain_tests::database::{Database, Dialect};
use reqwest::{Client, Response, StatusCode};
use serde_json::Value as Json;

/// A service without targets.
struct Stage {
    database: Database,
    store: Store,
    service: Service,
    client: Client,
    scheme: &'static str,
}

impl Stage {
    async fn new(dialect: Dialect) -> Self {
        Self::with(dialect, "", |_| Client::builder()).await
    }

    async fn with(dialect: Dialect, tls: &str, client: impl Fn(&Database) -> reqwest::ClientBuilder) -> Self {
        let database = Database::new(dialect).unwrap();
        let client = client(&database).timeout(Duration::from_secs(30)).build().unwrap();
        let text = format!("[store]\nurl = \"{}\"\n[http]\nlisten = \"127.0.0.1:0\"\n{tls}\n", database.url());
        let file = database.folder().join("entrain.toml");
        std::fs::write(&file, text).unwrap();
        let clock = Arc::new(SystemClock);
        let store = Store::open(database.url(), clock.clone()).await.unwrap();
        let config = Config::load(&file).unwrap();
        let service = Service::start(&config, None, store.clone(), clock, Arc::new(Unheard), None).await.unwrap();
        let scheme = if tls.is_empty() { "http" } else { "https" };
        Self { database, store, service, client, scheme }
    }

    fn address(&self) -> SocketAddr {
        self.service.http().unwrap()
    }

    async fn ask(&self, path: &str, credential: Option<&str>) -> Response {
        let mut request = self.client.get(format!("{}://localhost:{}{path}", self.scheme, self.address().port()));
        if let Some(credential) = credential {
            request = request.bearer_auth(credential);
        }
        request.send().await.unwrap()
    }

    async fn status(&self, path: &str, credential: &str) -> u16 {
        self.ask(path, Some(credential)).await.status().as_u16()
    }

    /// Runs a command; how it ended and what it said.
    async fn entrain(&self, words: &[&str]) -> (Exit, String) {
        command::entrain(self.database.folder(), &[words, &["--json"]].concat()).await.unwrap()
    }

    /// The credential that a command shows, and its id.
    async fn credential(&self, words: &[&str]) -> (String, String) {
        let (exit, said) = self.entrain(words).await;
        assert_eq!(exit, Exit::Converged, "{said}");
        let said: Json = serde_json::from_str(&said).unwrap();
        (said["credential"].as_str().unwrap().to_owned(), said["id"].as_str().unwrap().to_owned())
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_opens_what_it_is_for_until_it_is_revoked() {
    for dialect in Dialect::all() {
        let stage = Stage::new(dialect).await;
        let (key, id) = stage.credential(&["access", "key", "add", "dash", "--role", "viewer"]).await;
        let answer = stage.ask("/api/v1/whoami", Some(&key)).await;
        assert_eq!(answer.status(), StatusCode::OK);
        let said: Json = answer.json().await.unwrap();
        assert_eq!(said, serde_json::json!({ "name": "dash", "role": "viewer", "targets": null, "kind": "key" }));
        assert_eq!(stage.status("/metrics", &key).await, 200);
        assert_eq!(stage.status("/scim/v2/Users", &key).await, 401, "a key is no token of a client");
        assert_eq!(stage.status("/api/v1/nothing", &key).await, 404);

        let last = if key.ends_with('0') { "1" } else { "0" };
        let forged = format!("{}{last}", &key[..key.len() - 1]);
        for wrong in [forged.as_str(), "entrain_x_y", "", &id] {
            assert_eq!(stage.status("/api/v1/whoami", wrong).await, 401, "{wrong}");
        }
        let nothing = stage.ask("/api/v1/nothing", None).await;
        assert_eq!(nothing.status(), 401, "strangers do not learn what there is");
        assert_eq!(nothing.headers()["content-type"], "application/problem+json");
        assert_eq!(nothing.json::<Json>().await.unwrap()["status"], 401);

        let (exit, said) = stage.entrain(&["access", "key", "add", "dash", "--role", "admin"]).await;
        assert_eq!(exit, Exit::Failure, "a name is given once: {said}");
        let (_, listed) = stage.entrain(&["access", "key", "list"]).await;
        assert!(listed.contains(&id) && !listed.contains(&key[key.len() - 20..]), "{listed}");
        assert!(stage.store.token(&id).await.unwrap().unwrap().used_at.is_some());

        let (exit, _) = stage.entrain(&["access", "key", "revoke", "dash"]).await;
        assert_eq!(exit, Exit::Converged);
        assert_eq!(stage.status("/api/v1/whoami", &key).await, 401);
        let (exit, said) = stage.entrain(&["access", "key", "revoke", "dash"]).await;
        assert_eq!(exit, Exit::Usage, "{said}");
        stage.service.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_changes_its_token_without_a_gap() {
    for dialect in Dialect::all() {
        let stage = Stage::new(dialect).await;
        let (old, old_id) = stage.credential(&["access", "scim", "add", "okta", "--profile", "okta"]).await;
        assert_eq!(stage.status("/scim/v2/Users", &old).await, 200, "it is let in");
        assert_eq!(stage.status("/api/v1/whoami", &old).await, 401, "a client's token is no key");
        let (new, _) = stage.credential(&["access", "scim", "rotate", "okta"]).await;
        for token in [&old, &new] {
            assert_eq!(stage.status("/scim/v2/Users", token).await, 200, "both live");
        }
        let (exit, said) = stage.entrain(&["access", "scim", "rotate", "okta"]).await;
        assert_eq!(exit, Exit::Failure, "never three");
        assert!(said.contains(&old_id), "it says which one to revoke: {said}");
        let (exit, _) = stage.entrain(&["access", "scim", "revoke", &old_id]).await;
        assert_eq!(exit, Exit::Converged);
        assert_eq!(stage.status("/scim/v2/Users", &old).await, 401);
        assert_eq!(stage.status("/scim/v2/Users", &new).await, 200);
        let (last, _) = stage.credential(&["access", "scim", "rotate", "okta", "--grace-hours", "0"]).await;
        assert_eq!(stage.status("/scim/v2/Users", &new).await, 401, "without grace the old one ends at once");
        assert_eq!(stage.status("/scim/v2/Users", &last).await, 200);
        stage.service.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_of_refusals_is_few_rows_of_the_audit_and_a_good_key_still_passes() {
    for dialect in Dialect::all() {
        let stage = Stage::new(dialect).await;
        let (key, id) = stage.credential(&["access", "key", "add", "old", "--role", "viewer"]).await;
        let (good, _) = stage.credential(&["access", "key", "add", "good", "--role", "viewer"]).await;
        stage.entrain(&["access", "key", "revoke", "old"]).await;
        assert_eq!(stage.status("/api/v1/whoami", &key).await, 401);
        let mut statuses = std::collections::BTreeMap::new();
        for _ in 0..60 {
            *statuses.entry(stage.status("/api/v1/whoami", "guess").await).or_insert(0) += 1;
        }
        assert!(statuses[&401] >= 19 && statuses[&429] >= 30, "{statuses:?}");
        assert_eq!(stage.status("/api/v1/whoami", &good).await, 200, "from the same address");
        let (store, database) = (stage.store.clone(), stage.database);
        stage.service.stop().await;

        let rows = store.audit(&AuditScope::default(), 0, 1000).await.unwrap();
        let refused: Vec<_> = rows.iter().filter(|row| row.action == "access_refused").collect();
        assert_eq!(refused.len(), 3, "one for each caller and status: {refused:?}");
        let number = |row: &entrain_store::AuditRow, name: &str| match &row.after[name] {
            AuditValue::Value(value) => value.as_i64().unwrap(),
            AuditValue::Redacted => panic!("{name} is not kept"),
        };
        assert!(refused.iter().any(|row| row.author == format!("key {id}") && number(row, "requests") == 1));
        let strangers = refused.iter().filter(|row| row.author == "network 127.0.0.1");
        assert_eq!(strangers.map(|row| number(row, "requests")).sum::<i64>(), 60);
        let text = format!("{rows:?}");
        assert!(!text.contains(&key[key.len() - 20..]), "no secret in the audit");
        drop(database);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_secret_of_a_credential_is_in_the_database() {
    let stage = Stage::new(Dialect::Sqlite).await;
    let (key, id) = stage.credential(&["access", "key", "add", "planted", "--role", "admin", "--expires-days", "3"]).await;
    let (token, _) = stage.credential(&["access", "scim", "add", "planted"]).await;
    assert_eq!(stage.status("/api/v1/whoami", &key).await, 200);
    let folder = stage.database.folder();
    let secrets = [&key[key.len() - 64..], &token[token.len() - 64..]];
    let mut seen_id = false;
    for entry in std::fs::read_dir(folder).unwrap() {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap();
        let has = |text: &str| bytes.windows(text.len()).any(|window| window == text.as_bytes());
        seen_id |= has(&id);
        assert!(secrets.iter().all(|secret| !has(secret)));
    }
    assert!(seen_id, "the files that were read are those of the database");
    stage.service.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_answer_is_framed_and_nothing_is_too_large() {
    for dialect in Dialect::all() {
        let stage = Stage::new(dialect).await;
        let live = stage.ask("/health/live", None).await;
        assert_eq!(live.status(), 200);
        for header in ["x-request-id", "x-content-type-options", "content-security-policy", "cache-control", "x-frame-options"] {
            assert!(live.headers().contains_key(header), "{header}");
        }
        let ready: Json = stage.ask("/health/ready", None).await.json().await.unwrap();
        let fine = serde_json::json!({
            "ready": true, "database": "ready", "stopping": false, "halted": [], "config_differs": [],
        });
        assert_eq!(ready, fine);
        let missing = stage.ask("/elsewhere", None).await;
        assert_eq!((missing.status().as_u16(), missing.headers().contains_key("x-request-id")), (404, true));
        let url = format!("http://{}/api/v1/whoami", stage.address());
        let large = stage.client.post(url).body(vec![b'x'; (4 << 20) + 1]).send().await;
        assert!(large.is_err() || large.unwrap().status() == 413);
        stage.service.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_changed_certificate_is_taken_into_use() {
    let write = |folder: &std::path::Path| {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        std::fs::write(folder.join("key.pem"), made.signing_key.serialize_pem()).unwrap();
        std::fs::write(folder.join("cert.pem"), made.cert.pem()).unwrap();
        made.cert.pem()
    };
    let trusting = |pem: &str| Client::builder().tls_certs_only([reqwest::Certificate::from_pem(pem.as_bytes()).unwrap()]);
    let tls = "tls = { certificate_file = \"cert.pem\", key_file = \"key.pem\" }";
    let stage = Stage::with(Dialect::Sqlite, tls, |database| trusting(&write(database.folder()))).await;
    assert_eq!(stage.ask("/health/live", None).await.status(), 200);
    let next = trusting(&write(stage.database.folder())).timeout(Duration::from_secs(5)).build().unwrap();
    let url = format!("https://localhost:{}/health/live", stage.address().port());
    for attempt in 0.. {
        if next.get(&url).send().await.is_ok() {
            break;
        }
        assert!(attempt < 120, "the new certificate is not shown");
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    stage.service.stop().await;
}
