//! A fresh database for a test, on either of the two.

use std::process::Command;

use anyhow::{Context as _, bail};
use tempfile::TempDir;

/// The variable that says where PostgreSQL is.
pub const POSTGRES: &str = "ENTRAIN_TEST_POSTGRES";
/// The variable that restricts tests to `sqlite`, on purpose.
pub const ONLY: &str = "ENTRAIN_TEST_STORE";

/// Which database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// A file in a folder that goes with the test.
    Sqlite,
    /// A database of its own on the server that `ENTRAIN_TEST_POSTGRES` names.
    Postgres,
}

impl Dialect {
    /// Both, unless `ENTRAIN_TEST_STORE=sqlite` says in so many words that only SQLite is wanted.
    pub fn all() -> Vec<Dialect> {
        match std::env::var(ONLY).as_deref() {
            Ok("sqlite") => vec![Dialect::Sqlite],
            _ => vec![Dialect::Sqlite, Dialect::Postgres],
        }
    }
}

/// A database that is dropped with this value.
#[derive(Debug)]
pub struct Database {
    url: String,
    folder: TempDir,
    created: Option<(String, String)>,
}

impl Database {
    /// Makes one.
    ///
    /// # Errors
    /// PostgreSQL is asked for and `ENTRAIN_TEST_POSTGRES` does not name a server that answers: a test is never skipped silently.
    pub fn new(dialect: Dialect) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        match dialect {
            Dialect::Sqlite => {
                let url = format!("sqlite://{}/entrain.sqlite3", folder.path().display());
                Ok(Self { url, folder, created: None })
            }
            Dialect::Postgres => {
                let server = std::env::var(POSTGRES).with_context(|| {
                    format!("{POSTGRES} names no PostgreSQL server; run tests/run, or set {ONLY}=sqlite to test SQLite alone")
                })?;
                let name = format!("entrain_test_{}", folder.path().file_name().and_then(|n| n.to_str()).unwrap_or("x"));
                let name: String = name.to_lowercase().chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
                psql(&server, &format!("create database {name}"))?;
                let (base, _) = server.rsplit_once('/').context("the URL names no database")?;
                Ok(Self { url: format!("{base}/{name}"), folder, created: Some((server, name)) })
            }
        }
    }

    /// Its URL.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// A folder that goes with it.
    pub fn folder(&self) -> &std::path::Path {
        self.folder.path()
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        if let Some((server, name)) = &self.created {
            drop(psql(server, &format!("drop database if exists {name} with (force)")));
        }
    }
}

fn psql(server: &str, statement: &str) -> anyhow::Result<()> {
    let output = Command::new("psql").args([server, "-q", "-v", "ON_ERROR_STOP=1", "-c", statement]).output()?;
    if !output.status.success() {
        bail!("psql: {}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(())
}
