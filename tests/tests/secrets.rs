//! Secrets at rest, on both databases: sealed in, opened for a target against a real tenant's sign-in, never seen in between.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::disallowed_methods)]

use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;

use entrain::cli::Exit;
use entrain::wiring::SystemClock;
use entrain_emulator::{Emulator, Options, Running};
use entrain_store::{AuditScope, Store};
use entrain_tests::command;
use entrain_tests::database::{Database, Dialect};

const ONE: &str = entrain_tests::serving::MASTER_KEY;
const OTHER: &str = "ZmVkY2JhOTg3NjU0MzIxMGZlZGNiYTk4NzY1NDMyMTA=";
const PLANTED: &str = "planted-Q7f3-planted";

struct Stage {
    database: Database,
    tenant: Running,
}

impl Stage {
    async fn new(dialect: Dialect) -> Self {
        let stage =
            Self { database: Database::new(dialect).unwrap(), tenant: Emulator::start(Options::default()).await.unwrap() };
        stage.write("ca.pem", &stage.tenant.ca_pem, 0o644);
        stage.write("user.rhai", "#{ userPrincipalName: user.userName }", 0o644);
        stage.write("one.key", ONE, 0o600);
        stage.write("other.key", OTHER, 0o600);
        stage.configure("master_key = { file = \"one.key\" }");
        stage
    }

    fn path(&self, name: &str) -> PathBuf {
        self.database.folder().join(name)
    }

    fn write(&self, name: &str, text: &str, mode: u32) {
        std::fs::write(self.path(name), text).unwrap();
        std::fs::set_permissions(self.path(name), std::fs::Permissions::from_mode(mode)).unwrap();
    }

    fn configure(&self, secrets: &str) {
        let text = format!(
            "[store]\nurl = \"{}\"\n[secrets]\n{secrets}\n[[target]]\nname = \"test\"\ntenant = \"{}\"\ncloud = \"custom\"\nmode = \"full\"\n\
             endpoints = {{ authority = \"{}\", graph = \"{}\", ca_file = \"ca.pem\" }}\n\
             credential = {{ client_id = \"{}\", secret = {{ secret = \"graph\" }} }}\nmapping = {{ users = [\"user.rhai\"] }}\n",
            self.database.url(),
            self.tenant.tenant_id,
            self.tenant.authority_url,
            self.tenant.base_url,
            self.tenant.client_id,
        );
        self.write("entrain.toml", &text, 0o644);
    }

    /// Runs a command; how it ended and what it said. A word that names a file of the stage is its path.
    async fn entrain(&self, words: &[&str]) -> (Exit, String) {
        command::entrain(self.database.folder(), words).await.unwrap()
    }

    /// Seals a secret.
    async fn set(&self, name: &str, secret: &str) {
        self.write("plain", &format!("{secret}\n"), 0o600);
        let (exit, said) = self.entrain(&["secret", "set", name, "--file", "plain"]).await;
        assert_eq!(exit, Exit::Converged, "{said}");
        assert!(!said.contains(secret), "{said}");
        std::fs::remove_file(self.path("plain")).unwrap();
    }

    /// Whether a full sync passes, and what it said.
    async fn syncs(&self) -> Result<(), String> {
        match self.entrain(&["sync"]).await {
            (Exit::Converged, _) => Ok(()),
            (_, said) => Err(said),
        }
    }

    /// The key that seals `graph`.
    async fn key(&self) -> String {
        let store = Store::open(self.database.url(), Arc::new(SystemClock)).await.unwrap();
        let row = store.secret("graph").await.unwrap().unwrap();
        store.close().await;
        row.key_id
    }

    /// Everything that the database has on its disk, or says of itself.
    fn bytes(&self) -> Vec<u8> {
        let mut all = Vec::new();
        if self.database.url().starts_with("postgres") {
            let dump =
                "select (select string_agg(s::text, '') from secrets s) || (select string_agg(k::text, '') from data_keys k)
                        || (select string_agg(a::text, '') from audit a)";
            all.extend(Command::new("psql").args([self.database.url(), "-Atc", dump]).output().unwrap().stdout);
        } else {
            for name in ["entrain.sqlite3", "entrain.sqlite3-wal"] {
                all.extend(std::fs::read(self.path(name)).unwrap_or_default());
            }
        }
        all
    }
}

fn has(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sealed_secret_signs_in_and_is_seen_nowhere() {
    for dialect in Dialect::all() {
        let stage = Stage::new(dialect).await;
        let said = stage.syncs().await.unwrap_err();
        assert!(said.contains("entrain secret set graph"), "{said}");
        stage.set("graph", PLANTED).await;
        let said = stage.syncs().await.unwrap_err();
        assert!(!said.contains(PLANTED), "a wrong secret is refused and not repeated: {said}");
        stage.set("other", PLANTED).await;
        stage.set("graph", &stage.tenant.client_secret).await;
        let (exit, said) = stage.entrain(&["resume"]).await;
        assert_eq!(exit, Exit::Converged, "{said}");
        assert_eq!(stage.syncs().await, Ok(()));

        let (_, listed) = stage.entrain(&["secret", "list"]).await;
        assert!(listed.contains("graph: ") && listed.contains("other: "), "{listed}");
        let (_, audit) = stage.entrain(&["audit"]).await;
        let bytes = stage.bytes();
        assert!(has(&bytes, "graph"), "what was searched is the database");
        for secret in [PLANTED, &stage.tenant.client_secret, ONE] {
            assert!(!has(&bytes, secret) && !listed.contains(secret) && !audit.contains(secret));
        }

        let (exit, _) = stage.entrain(&["secret", "remove", "graph"]).await;
        assert_eq!(exit, Exit::Converged);
        assert!(stage.syncs().await.unwrap_err().contains("entrain secret set graph"));
        assert_eq!(stage.entrain(&["secret", "remove", "graph"]).await.0, Exit::Usage);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_change_and_secrets_stay() {
    for dialect in Dialect::all() {
        let stage = Stage::new(dialect).await;
        stage.set("graph", &stage.tenant.client_secret).await;
        stage.set("other", PLANTED).await;
        let first = stage.key().await;
        let (exit, said) = stage.entrain(&["keys", "rotate"]).await;
        assert_eq!((exit, said.starts_with("2 secrets")), (Exit::Converged, true), "{said}");
        let second = stage.key().await;
        assert_ne!(first, second);
        assert!(!has(&stage.bytes(), &format!("({first},")), "the old key is gone");
        assert_eq!(stage.syncs().await, Ok(()));

        let (exit, said) = stage.entrain(&["keys", "rotate", "--master", "other.key"]).await;
        assert_eq!(exit, Exit::Converged, "{said}");
        let said = stage.syncs().await.unwrap_err();
        assert!(said.contains("entrain secret set graph"), "the old master key opens nothing: {said}");
        stage.configure("master_key = { file = \"other.key\" }");
        assert_eq!(stage.syncs().await, Ok(()));
        assert_eq!(stage.key().await, second, "secrets stay under their data key");

        let store = Store::open(stage.database.url(), Arc::new(SystemClock)).await.unwrap();
        let rows = store.audit(&AuditScope::default(), 0, 1000).await.unwrap();
        for action in ["secret_set", "data_key_added", "secrets_resealed", "data_keys_removed", "master_key_changed"] {
            assert!(rows.iter().any(|row| row.action == action), "{action}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rotation_that_was_broken_off_goes_on() {
    for dialect in Dialect::all() {
        let stage = Stage::new(dialect).await;
        stage.set("graph", &stage.tenant.client_secret).await;
        let store = Store::open(stage.database.url(), Arc::new(SystemClock)).await.unwrap();
        let (row, key) = (store.secret("graph").await.unwrap().unwrap(), store.data_keys().await.unwrap().pop().unwrap());
        let (exit, _) = stage.entrain(&["keys", "rotate"]).await;
        assert_eq!(exit, Exit::Converged);
        let newest = stage.key().await;
        assert_ne!(newest, row.key_id);
        // As after a crash between the new key and the page that has this secret.
        store.add_data_key(&key).await.unwrap();
        store.set_secret("graph", &row.key_id, &row.sealed).await.unwrap();
        assert_eq!(stage.syncs().await, Ok(()), "meanwhile both keys open");
        let (_, said) = stage.entrain(&["keys", "rotate"]).await;
        assert!(said.starts_with("1 secrets"), "{said}");
        assert_eq!(stage.key().await, newest, "no third key is drawn for what was left over");
        let keys: Vec<_> = store.data_keys().await.unwrap().into_iter().map(|key| key.id).collect();
        assert_eq!(keys, [newest]);
        assert_eq!(stage.syncs().await, Ok(()));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_master_key_is_for_its_owner_alone_and_never_made_twice() {
    let stage = Stage::new(Dialect::Sqlite).await;
    stage.write("one.key", ONE, 0o640);
    stage.write("plain", PLANTED, 0o600);
    let (exit, said) = stage.entrain(&["secret", "set", "graph", "--file", "plain"]).await;
    assert!(exit != Exit::Converged && said.contains("can be read by others"), "{said}");

    stage.configure("");
    stage.set("graph", &stage.tenant.client_secret).await;
    let made = stage.path("entrain.sqlite3.key");
    assert_eq!(std::fs::metadata(&made).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(stage.syncs().await, Ok(()));
    std::fs::rename(&made, stage.path("away")).unwrap();
    stage.write("plain", PLANTED, 0o600);
    let (exit, said) = stage.entrain(&["secret", "set", "graph", "--file", "plain"]).await;
    assert!(exit != Exit::Converged && said.contains("restore it from its backup"), "{said}");
    assert!(!made.exists(), "no other key is made in its place");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_database_needs_a_master_key_that_is_named() {
    if !Dialect::all().contains(&Dialect::Postgres) {
        return;
    }
    let stage = Stage::new(Dialect::Postgres).await;
    stage.configure("");
    stage.write("plain", PLANTED, 0o600);
    let (exit, said) = stage.entrain(&["secret", "set", "graph", "--file", "plain"]).await;
    assert!(exit != Exit::Converged && said.contains("openssl rand -base64 32"), "{said}");
}
