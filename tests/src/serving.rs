//! The whole service over HTTP: a database on either side, an emulated tenant, and commands.

use std::collections::BTreeSet;
use std::io::Write;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, bail};
use clap::Parser as _;
use entrain::cli::{Cli, Exit, Form, Output, run};
use entrain::config::Config;
use entrain::wiring::{Service, SystemClock};
use entrain_emulator::{Emulator, Options, Running};
use entrain_model::ObjectRef;
use entrain_store::Store;
use entrain_sync::{Direct, Report, SyncError};
use reqwest::Client;
use serde_json::Value as Json;

use crate::database::{Database, Dialect};

/// A service that runs.
pub struct Serving {
    /// The tenant.
    pub emulator: Running,
    /// The database.
    pub store: Store,
    /// The service.
    pub service: Service,
    /// What asks it.
    pub client: Client,
    database: Database,
}

impl Serving {
    /// Starts one with a target `test`, whose users are mapped by this script. `more` stands at the beginning of the configuration,
    /// `files` beside it.
    ///
    /// # Errors
    /// Something does not start.
    pub async fn start(dialect: Dialect, script: &str, more: &str, files: &[(&str, &str)]) -> anyhow::Result<Self> {
        let database = Database::new(dialect)?;
        let emulator = Emulator::start(Options::default()).await?;
        let folder = database.folder();
        std::fs::write(folder.join("ca.pem"), &emulator.ca_pem)?;
        std::fs::write(folder.join("secret"), &emulator.client_secret)?;
        std::fs::write(folder.join("user.rhai"), script)?;
        std::fs::write(folder.join("master.key"), "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=")?;
        private(&folder.join("master.key"))?;
        for (name, text) in files {
            let path = folder.join(name);
            std::fs::create_dir_all(path.parent().unwrap_or(folder))?;
            std::fs::write(path, text)?;
        }
        let file = folder.join("entrain.toml");
        std::fs::write(&file, configuration(&database, &emulator, more))?;
        let config = Config::load(&file)?;
        let clock = Arc::new(SystemClock);
        let store = Store::open(database.url(), clock.clone()).await?;
        let service = Service::start(&config, Some(&file), store.clone(), clock, Arc::new(Unheard), None).await?;
        let client = Client::builder().timeout(Duration::from_secs(70)).build()?;
        Ok(Self { emulator, store, service, client, database })
    }

    /// The folder of its files.
    pub fn folder(&self) -> &std::path::Path {
        self.database.folder()
    }

    /// The URL of its database.
    pub fn database_url(&self) -> &str {
        self.database.url()
    }

    /// The address of a path.
    pub fn url(&self, path: &str) -> String {
        let port = self.service.http().map_or(0, |address| address.port());
        format!("http://localhost:{port}{path}")
    }

    /// Runs a command; what it said.
    ///
    /// # Errors
    /// It fails.
    pub async fn command(&self, words: &[&str]) -> anyhow::Result<Json> {
        let config = self.folder().join("entrain.toml").display().to_string();
        let start = ["entrain".to_owned(), "--config".to_owned(), config, "--json".to_owned()];
        let cli = Cli::try_parse_from(start.into_iter().chain(words.iter().map(|word| (*word).to_owned())))?;
        let written = Written::default();
        let exit = run(&cli, &mut Output::to(Form::Json, written.clone())).await?;
        let said = String::from_utf8(written.0.lock().unwrap_or_else(PoisonError::into_inner).clone())?;
        if exit != Exit::Converged {
            bail!("{words:?} ended with {exit:?}: {said}");
        }
        Ok(serde_json::from_str(&said)?)
    }

    /// The text that a command shows once under this name.
    ///
    /// # Errors
    /// It fails, or shows none.
    pub async fn shown(&self, words: &[&str], name: &str) -> anyhow::Result<String> {
        let said = self.command(words).await?;
        Ok(said[name].as_str().with_context(|| format!("{words:?} shows no {name}: {said}"))?.to_owned())
    }
}

fn private(path: &std::path::Path) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))
}

fn configuration(database: &Database, emulator: &Running, more: &str) -> String {
    let Running { tenant_id, authority_url, base_url, client_id, .. } = emulator;
    format!(
        r#"{more}
[store]
url = "{}"
[http]
listen = "127.0.0.1:0"
[secrets]
master_key = {{ file = "master.key" }}
[[target]]
name = "test"
tenant = "{tenant_id}"
cloud = "custom"
mode = "full"
endpoints = {{ authority = "{authority_url}", graph = "{base_url}", ca_file = "ca.pem" }}
credential = {{ client_id = "{client_id}", secret = {{ file = "secret" }} }}
mapping = {{ users = ["user.rhai"] }}
"#,
        database.url()
    )
}

struct Unheard;

impl Direct for Unheard {
    fn synced(&self, _: &BTreeSet<ObjectRef>, _: &Result<Report, SyncError>) {}
}

/// What a command wrote.
#[derive(Clone, Default)]
struct Written(Arc<Mutex<Vec<u8>>>);

impl Write for Written {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).write(bytes)
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
