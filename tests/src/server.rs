//! A PostgreSQL server of a test's own, which may be restarted: the one that the tests share must not be.

use std::net::TcpListener;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, bail};
use tempfile::TempDir;

use crate::database::is_root;

/// A server in a folder of its own; it ends with this value.
#[derive(Debug)]
pub struct Server {
    binaries: PathBuf,
    folder: TempDir,
    port: u16,
}

impl Server {
    /// Makes one and starts it.
    ///
    /// # Errors
    /// PostgreSQL is not installed, or does not start: a test is never skipped silently.
    pub fn start() -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        // A port that was free a moment ago.
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let server = Self { binaries: binaries()?, folder, port };
        if is_root()? {
            run(Command::new("chown").arg("postgres").arg(server.folder.path()))?;
        }
        let data = server.data();
        let made = ["-D", &data, "-U", "entrain", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8"];
        run(server.command("initdb")?.args(made))?;
        server.control("start", &[])?;
        Ok(server)
    }

    /// Where its first database is.
    pub fn url(&self) -> String {
        format!("postgres://entrain@127.0.0.1:{}/postgres", self.port)
    }

    /// The folder of all that it keeps, its log included.
    pub fn folder(&self) -> &std::path::Path {
        self.folder.path()
    }

    /// Restarts it as after a loss of power: every connection ends in the middle of what it does, and what was committed is
    /// recovered from the log. It answers again when this returns.
    ///
    /// # Errors
    /// It does not start again.
    pub fn crash(&self) -> anyhow::Result<()> {
        self.control("restart", &["-m", "immediate"])
    }

    fn data(&self) -> String {
        self.folder.path().join("data").display().to_string()
    }

    fn control(&self, what: &str, how: &[&str]) -> anyhow::Result<()> {
        let (folder, data) = (self.folder.path().display(), self.data());
        let options = format!(
            "-p {} -c listen_addresses=127.0.0.1 -c unix_socket_directories={folder} -c fsync=off -c max_connections=100",
            self.port
        );
        let log = format!("{folder}/server.log");
        let words = ["-D", &data, "-l", &log, "-w", "-t", "60", "-o", &options];
        run(self.command("pg_ctl")?.args(words).args(how).arg(what))
    }

    /// A program of PostgreSQL, which refuses to run as root: then it runs as user `postgres`.
    fn command(&self, program: &str) -> anyhow::Result<Command> {
        let program = self.binaries.join(program);
        let mut command = if is_root()? { Command::new("runuser") } else { Command::new(&program) };
        if is_root()? {
            command.args(["-u", "postgres", "--"]).arg(program);
        }
        command.current_dir(self.folder.path());
        Ok(command)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let data = self.data();
        if let Ok(mut command) = self.command("pg_ctl") {
            drop(run(command.args(["-D", &data, "-m", "immediate", "stop"])));
        }
    }
}

/// Where `initdb` is: on the path, or the newest of Debian's.
fn binaries() -> anyhow::Result<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    if let Ok(versions) = std::fs::read_dir("/usr/lib/postgresql") {
        let number = |path: &PathBuf| path.file_name().and_then(|name| name.to_str()?.parse::<u32>().ok());
        let mut versions: Vec<PathBuf> = versions.filter_map(|entry| Some(entry.ok()?.path())).collect();
        versions.sort_by_key(|path| std::cmp::Reverse(number(path)));
        folders.extend(versions.into_iter().map(|version| version.join("bin")));
    }
    folders.into_iter().find(|folder| folder.join("initdb").exists()).context(
        "PostgreSQL is not installed (initdb is not found); run tests/run, or set ENTRAIN_TEST_STORE=sqlite to test SQLite alone",
    )
}

/// Its output goes to files: a server that it leaves behind would keep a pipe open.
fn run(command: &mut Command) -> anyhow::Result<()> {
    let (output, errors) = (tempfile::tempfile()?, tempfile::NamedTempFile::new()?);
    let status = command.stdout(output).stderr(errors.reopen()?).status()?;
    if !status.success() {
        bail!("{command:?}: {status}: {}", std::fs::read_to_string(errors.path())?);
    }
    Ok(())
}
