//! What an operator has: a folder with a configuration and keys, an empty database, a tenant of their own.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use anyhow::ensure;
use entrain::cli::Exit;
use entrain::wiring::SystemClock;
use entrain_emulator::{Emulator, Options, Running};
use entrain_store::{SourceChange, Store, UserRow};
use serde_json::{Value as Json, json};
use tempfile::TempDir;

use crate::command;

/// All of it; SQLite.
pub struct Operator {
    folder: TempDir,
    /// The tenant.
    pub emulator: Running,
    /// The database.
    pub store: Store,
}

impl Operator {
    /// A target `test` in mode `full`; `more` stands in its block. `plan.pem` and `plan.pub.pem` are a pair of keys.
    ///
    /// # Errors
    /// Something cannot be made.
    pub async fn new(more: &str) -> anyhow::Result<Self> {
        let (folder, emulator) = (tempfile::tempdir()?, Emulator::start(Options::default()).await?);
        let path = |name: &str| folder.path().join(name);
        std::fs::write(path("ca.pem"), &emulator.ca_pem)?;
        std::fs::write(path("secret"), &emulator.client_secret)?;
        let url = format!("sqlite://{}", path("entrain.sqlite3").display());
        let store = Store::open(&url, Arc::new(SystemClock)).await?;
        let operator = Self { folder, emulator, store };
        operator.configure("full", more)?;
        for arguments in [
            &["genpkey", "-algorithm", "ed25519", "-out", "plan.pem"][..],
            &["pkey", "-in", "plan.pem", "-pubout", "-out", "plan.pub.pem"],
        ] {
            let done = Command::new("openssl").args(arguments).current_dir(operator.folder()).output()?;
            ensure!(done.status.success(), "openssl {arguments:?}: {done:?}");
        }
        Ok(operator)
    }

    /// Writes the configuration anew, with this mode.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn configure(&self, mode: &str, more: &str) -> anyhow::Result<()> {
        let Running { tenant_id, authority_url, base_url, client_id, .. } = &self.emulator;
        let text = format!(
            "[store]\nurl = \"sqlite://entrain.sqlite3\"\n[[target]]\nname = \"test\"\ntenant = \"{tenant_id}\"\ncloud = \"custom\"\n\
             mode = \"{mode}\"\n{more}\nendpoints = {{ authority = \"{authority_url}\", graph = \"{base_url}\", ca_file = \"ca.pem\" }}\n\
             credential = {{ client_id = \"{client_id}\", secret = {{ file = \"secret\" }} }}\n",
        );
        Ok(std::fs::write(self.path("entrain.toml"), text)?)
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// A file in it.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder().join(name)
    }

    /// Writes user `u{n}` to the source.
    ///
    /// # Errors
    /// The database fails.
    pub async fn hire(&self, n: usize, title: &str) -> anyhow::Result<()> {
        let mut row = UserRow::new(format!("u{n}"), format!("user{n}@contoso.example"));
        row.display_name = Some(format!("User {n}"));
        row.document = [("title".to_owned(), json!(title))].into();
        let mut writer = self.store.source_writer().await?;
        writer.apply(&[SourceChange::PutUser(row)]).await?;
        Ok(writer.commit().await?)
    }

    /// Runs a command; how it ended and what it said.
    ///
    /// # Errors
    /// The arguments are wrong.
    pub async fn entrain(&self, words: &[&str]) -> anyhow::Result<(Exit, String)> {
        command::entrain(self.folder(), words).await
    }

    /// The same for programs.
    ///
    /// # Errors
    /// The arguments are wrong.
    pub async fn answer(&self, words: &[&str]) -> anyhow::Result<(Exit, Json)> {
        command::answer(self.folder(), words).await
    }

    /// The id of the latest run.
    ///
    /// # Errors
    /// There is none.
    pub async fn latest(&self) -> anyhow::Result<String> {
        let runs = self.store.runs(None, 1).await?;
        runs.first().map(|run| run.id.to_string()).ok_or_else(|| anyhow::anyhow!("no run yet"))
    }
}
