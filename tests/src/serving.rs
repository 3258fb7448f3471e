//! The whole service over HTTP: a database on either side, an emulated tenant, and commands.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use entrain::cli::Exit;
use entrain::config::Config;
use entrain::wiring::{Service, SystemClock};
use entrain_emulator::{Emulator, Options, Running};
use entrain_store::Store;
use reqwest::Client;
use serde_json::Value as Json;

use crate::command::{self, Unheard};
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
        match command::answer(self.folder(), words).await? {
            (Exit::Converged, said) => Ok(said),
            (exit, said) => bail!("{words:?} ended with {exit:?}: {said}"),
        }
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
