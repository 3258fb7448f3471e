//! The whole service over HTTP: a database on either side, an emulated tenant, and commands.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use clap::Parser as _;
use entrain::cli::{Cli, Exit, Form, Output, run};
use entrain::config::Config;
use entrain::wiring::{Service, SystemClock, unseal};
use entrain_emulator::{Emulator, Options, Running};
use entrain_model::ObjectRef;
use entrain_store::Store;
use entrain_sync::{Direct, Report, SyncError};
use reqwest::Client;
use serde_json::Value as Json;

use crate::database::{Database, Dialect};
use crate::written::Written;

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
        Self::over(Database::new(dialect)?, script, more, files, &[]).await
    }

    /// The same over a database of the caller's, in which these secrets were sealed before.
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
        let emulator = Emulator::start(Options::default()).await?;
        let folder = database.folder();
        std::fs::write(folder.join("ca.pem"), &emulator.ca_pem)?;
        std::fs::write(folder.join("secret"), &emulator.client_secret)?;
        std::fs::write(folder.join("user.rhai"), script)?;
        std::fs::write(folder.join("master.key"), MASTER_KEY)?;
        private(&folder.join("master.key"))?;
        for (name, text) in files {
            let path = folder.join(name);
            std::fs::create_dir_all(path.parent().unwrap_or(folder))?;
            std::fs::write(path, text)?;
        }
        let file = folder.join("entrain.toml");
        std::fs::write(&file, configuration(&database, &emulator, more))?;
        for (name, text) in sealed {
            seal(&file, name, text).await?;
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
    pub async fn said(&self, form: Form, words: &[&str]) -> anyhow::Result<(Exit, String)> {
        said(&self.folder().join("entrain.toml"), form, words).await
    }

    /// Runs a command; what it said.
    ///
    /// # Errors
    /// It fails.
    pub async fn command(&self, words: &[&str]) -> anyhow::Result<Json> {
        let (exit, said) = self.said(Form::Json, words).await?;
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

/// The master key of the service: 32 bytes in base64.
pub const MASTER_KEY: &str = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";

async fn said(config: &Path, form: Form, words: &[&str]) -> anyhow::Result<(Exit, String)> {
    let start = ["entrain".to_owned(), "--config".to_owned(), config.display().to_string()];
    let json = (form == Form::Json).then(|| "--json".to_owned());
    let cli = Cli::try_parse_from(start.into_iter().chain(json).chain(words.iter().map(|word| (*word).to_owned())))?;
    let written = Written::default();
    Ok(match run(&cli, &mut Output::to(form, written.clone())).await {
        Ok(exit) => (exit, written.text()),
        Err(error) => (Exit::of_error(&error), format!("{}{error:#}", written.text())),
    })
}

async fn seal(config: &Path, name: &str, text: &str) -> anyhow::Result<()> {
    let plain = tempfile::NamedTempFile::new()?;
    std::fs::write(plain.path(), text)?;
    let file = plain.path().display().to_string();
    let (exit, said) = said(config, Form::Text, &["secret", "set", name, "--file", &file]).await?;
    if exit != Exit::Converged {
        bail!("{name} is not sealed: {said}");
    }
    Ok(())
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
strangers = 100000
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
