//! A fresh database for a test, on either of the two.

use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, bail};
use tempfile::TempDir;

/// The variable that says where PostgreSQL is.
pub const POSTGRES: &str = "ENTRAIN_TEST_POSTGRES";
/// The variable that restricts tests to `sqlite`, on purpose.
pub const ONLY: &str = "ENTRAIN_TEST_STORE";
/// The variable that says `no`, on purpose, where no small disk can be mounted to be filled.
pub const DISK: &str = "ENTRAIN_TEST_DISK";

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
    mounted: bool,
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
                Ok(Self { url, folder, created: None, mounted: false })
            }
            Dialect::Postgres => {
                let server = std::env::var(POSTGRES).with_context(|| {
                    format!("{POSTGRES} names no PostgreSQL server; run tests/run, or set {ONLY}=sqlite to test SQLite alone")
                })?;
                Self::on(&server)
            }
        }
    }

    /// Makes one on this PostgreSQL server.
    ///
    /// # Errors
    /// It does not answer, or lets nobody make databases.
    pub fn on(server: &str) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let name = format!("entrain_test_{}", folder.path().file_name().and_then(|n| n.to_str()).unwrap_or("x"));
        let name: String = name.to_lowercase().chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
        psql(server, &format!("create database {name}"))?;
        let (base, _) = server.rsplit_once('/').context("the URL names no database")?;
        Ok(Self { url: format!("{base}/{name}"), folder, created: Some((server.to_owned(), name)), mounted: false })
    }

    /// Makes a SQLite one on a disk of its own that is so small, in MiB.
    ///
    /// # Errors
    /// Nothing can be mounted here: that takes root, or `sudo` without a password.
    pub fn on_small_disk(mebibytes: u32) -> anyhow::Result<Self> {
        let mut database = Self::new(Dialect::Sqlite)?;
        let size = format!("size={mebibytes}m,mode=0777");
        as_root(&["mount", "-t", "tmpfs", "-o", &size, "tmpfs"], database.folder())
            .with_context(|| format!("no small disk can be mounted; run tests/run, or set {DISK}=no to go without"))?;
        database.mounted = true;
        Ok(database)
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
        if self.mounted {
            // Whoever has still a file open there keeps it until the end.
            drop(as_root(&["umount", "-l"], self.folder.path()));
        }
    }
}

fn as_root(words: &[&str], folder: &Path) -> anyhow::Result<()> {
    let words: Vec<_> = if is_root()? { words.to_vec() } else { [&["sudo", "-n"], words].concat() };
    let output = Command::new(words[0]).args(&words[1..]).arg(folder).output()?;
    if !output.status.success() {
        bail!("{}: {}", words.join(" "), String::from_utf8_lossy(&output.stderr));
    }
    Ok(())
}

/// Whether this process may do everything.
pub(crate) fn is_root() -> anyhow::Result<bool> {
    Ok(std::fs::metadata("/proc/self")?.uid() == 0)
}

/// Says something to a PostgreSQL database.
///
/// # Errors
/// It does not answer, or refuses.
pub fn psql(server: &str, statement: &str) -> anyhow::Result<()> {
    let output = Command::new("psql").args([server, "-q", "-v", "ON_ERROR_STOP=1", "-c", statement]).output()?;
    if !output.status.success() {
        bail!("psql: {}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(())
}
