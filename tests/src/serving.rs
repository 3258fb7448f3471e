//! The whole service over HTTP: a database on either side, an emulated tenant, and commands.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use entrain::cli::Exit;
use entrain::config::Config;
use entrain::wiring::{Service, SystemClock, unseal};
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
        Self::with(Database::new(dialect)?, script, more, files, &[], "").await
    }

    /// The same over a database of the caller's, in which these secrets were sealed before, and open to many strangers.
    ///
    /// # Errors
    /// Something does not start.
    pub async fn over(
        database: Database,
        script: &str,
        more: &str,
        files: &[(&str, &str)],
        sealed: &[(&str, &str)],
    ) -> anyhow::Result<Self> {
        Self::with(database, script, more, files, sealed, "strangers = 100000").await
    }

    async fn with(
        database: Database,
        script: &str,
        more: &str,
        files: &[(&str, &str)],
        sealed: &[(&str, &str)],
        http: &str,
    ) -> anyhow::Result<Self> {
        let emulator = Emulator::start(Options::default()).await?;
        let folder = database.folder();
        std::fs::write(folder.join("ca.pem"), &emulator.ca_pem)?;
        std::fs::write(folder.join("client-secret"), &emulator.client_secret)?;
        std::fs::write(folder.join("user.rhai"), script)?;
        std::fs::write(folder.join("master.key"), MASTER_KEY)?;
        private(&folder.join("master.key"))?;
        for (name, text) in files {
            let path = folder.join(name);
            std::fs::create_dir_all(path.parent().unwrap_or(folder))?;
            std::fs::write(path, text)?;
        }
        let file = folder.join("entrain.toml");
        std::fs::write(&file, configuration(&database, &emulator, more, http))?;
        for (name, text) in sealed {
            seal(folder, name, text).await?;
        }
        let mut config = Config::load(&file)?;
        let clock = Arc::new(SystemClock);
        let store = Store::open(database.url(), clock.clone()).await?;
        unseal(&mut config, &store).await;
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

    /// Runs a command; how it ended and all that it said, its complaint as well.
    ///
    /// # Errors
    /// Its arguments are wrong.
    pub async fn said(&self, words: &[&str]) -> anyhow::Result<(Exit, String)> {
        command::entrain(self.folder(), words).await
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

/// The master key of the service: 32 bytes in base64.
pub const MASTER_KEY: &str = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";

async fn seal(folder: &Path, name: &str, text: &str) -> anyhow::Result<()> {
    let plain = tempfile::NamedTempFile::new()?;
    std::fs::write(plain.path(), text)?;
    let file = plain.path().display().to_string();
    let (exit, said) = command::entrain(folder, &["secret", "set", name, "--file", &file]).await?;
    if exit != Exit::Converged {
        bail!("{name} is not sealed: {said}");
    }
    Ok(())
}

fn private(path: &std::path::Path) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))
}

fn configuration(database: &Database, emulator: &Running, more: &str, http: &str) -> String {
    let Running { tenant_id, authority_url, base_url, client_id, .. } = emulator;
    format!(
        r#"{more}
[store]
url = "{}"
[http]
listen = "127.0.0.1:0"
{http}
[secrets]
master_key = {{ file = "master.key" }}
[[target]]
name = "test"
tenant = "{tenant_id}"
cloud = "custom"
mode = "full"
endpoints = {{ authority = "{authority_url}", graph = "{base_url}", ca_file = "ca.pem" }}
credential = {{ client_id = "{client_id}", secret = {{ file = "client-secret" }} }}
mapping = {{ users = ["user.rhai"] }}
"#,
        database.url()
    )
}
