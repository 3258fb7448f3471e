//! The two databases, and the few words in which they differ.

use std::path::PathBuf;
use std::str::FromStr as _;

use sqlx::sqlite::SqliteConnectOptions;

use crate::{Result, StoreError};

/// Which database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// A file.
    Sqlite(PathBuf),
    /// A server.
    Postgres,
}

impl Dialect {
    /// Tells the database by its URL.
    pub(crate) fn of(url: &str) -> Result<Self> {
        if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            return Ok(Dialect::Postgres);
        }
        let refused = |detail: String| StoreError::Unreachable { url: redacted(url), detail };
        if !url.starts_with("sqlite:") {
            return Err(refused("its URL begins neither with `sqlite://` nor with `postgres://`".into()));
        }
        if url.contains(":memory:") || url.contains("mode=memory") {
            return Err(refused("the database must be a file, so that it outlives the process".into()));
        }
        let options = SqliteConnectOptions::from_str(url).map_err(|error| refused(error.to_string()))?;
        Ok(Dialect::Sqlite(options.get_filename().to_path_buf()))
    }

    /// How a writing transaction begins. On SQLite it takes the write lock at once: one that reads first and then writes
    /// would fail when another writer came between.
    pub(crate) fn begin(&self) -> &'static str {
        match self {
            Dialect::Sqlite(_) => "begin immediate",
            Dialect::Postgres => "begin",
        }
    }

    /// Ends a select whose rows must not change before this transaction ends. SQLite has one writer, which is enough.
    pub(crate) fn for_share(&self, table: &str) -> String {
        match self {
            Dialect::Sqlite(_) => String::new(),
            Dialect::Postgres => format!(" for share of {table}"),
        }
    }

    /// Follows the name of a table of which this index is to be read: without statistics SQLite takes the primary key, however
    /// much of it there is.
    pub(crate) fn indexed_by(&self, index: &str) -> String {
        match self {
            Dialect::Sqlite(_) => format!(" indexed by {index}"),
            Dialect::Postgres => String::new(),
        }
    }

    /// Ends a select whose only row this transaction is going to change. SQLite has one writer, which is enough.
    pub(crate) fn for_update(&self) -> &'static str {
        match self {
            Dialect::Sqlite(_) => "",
            Dialect::Postgres => " for update",
        }
    }

    /// Names the tables that are more than `$1` times as large as when the server last looked into them. SQLite has no need of it.
    pub(crate) fn grown_tables(&self) -> Option<&'static str> {
        match self {
            Dialect::Sqlite(_) => None,
            Dialect::Postgres => Some(
                "select cast(c.relname as text) as name from pg_class c
                 where c.relnamespace = cast(cast(current_schema() as text) as regnamespace) and c.relkind = 'r'
                   and pg_has_role(c.relowner, 'usage')
                   and pg_relation_size(c.oid) > $1 * cast(c.relpages as bigint) * cast(current_setting('block_size') as bigint)",
            ),
        }
    }

    /// Waits for writers of the source to end, and keeps new ones out until this transaction ends. SQLite has one writer.
    pub(crate) fn lock_source(&self) -> Option<&'static str> {
        match self {
            Dialect::Sqlite(_) => None,
            Dialect::Postgres => Some("lock table users, groups, memberships in share mode"),
        }
    }

    /// Lets one transaction at a time claim the login `$1`, which no constraint keeps unique. SQLite has one writer.
    pub(crate) fn lock_login(&self) -> Option<&'static str> {
        match self {
            Dialect::Sqlite(_) => None,
            Dialect::Postgres => Some("select cast(pg_advisory_xact_lock(hashtextextended($1, 0)) as text) as locked"),
        }
    }

    /// Lets one process at a time write versions of mappings until its transaction ends. SQLite has one writer.
    pub(crate) fn lock_versions(&self) -> Option<&'static str> {
        match self {
            Dialect::Sqlite(_) => None,
            Dialect::Postgres => Some("lock table mapping_versions in exclusive mode"),
        }
    }

    /// Lets one process at a time hand out credentials until its transaction ends. SQLite has one writer.
    pub(crate) fn lock_access(&self) -> Option<&'static str> {
        match self {
            Dialect::Sqlite(_) => None,
            Dialect::Postgres => Some("lock table access_tokens in share row exclusive mode"),
        }
    }

    /// The type of a text column that is compared by bytes, as those of the schema.
    pub(crate) fn text(&self) -> &'static str {
        match self {
            Dialect::Sqlite(_) => "text",
            Dialect::Postgres => "text collate \"C\"",
        }
    }

    /// What every new connection is told.
    pub(crate) fn greeting(&self) -> &'static str {
        match self {
            Dialect::Sqlite(_) => {
                "pragma busy_timeout = 10000; pragma synchronous = full; pragma cache_size = -32768; pragma temp_store = memory"
            }
            // Tables are walked in the order in which a query joins them and by index, as SQLite does: a fresh table has no
            // statistics, and what the planner guesses then can be quadratic.
            Dialect::Postgres => {
                "set lock_timeout = '30s'; set join_collapse_limit = 1; set enable_seqscan = off; set enable_hashjoin = off;
                 set enable_mergejoin = off; set jit = off"
            }
        }
    }

    /// What a connection is told that reads, and writes to temporary tables of its own.
    pub(crate) fn scratch_greeting(&self) -> &'static str {
        match self {
            Dialect::Sqlite(_) => "pragma busy_timeout = 10000; pragma temp_store = file; pragma cache_size = -32768",
            Dialect::Postgres => self.greeting(),
        }
    }

    /// What a new connection that only reads is told.
    pub(crate) fn reader_greeting(&self) -> &'static str {
        match self {
            Dialect::Sqlite(_) => "pragma busy_timeout = 10000; pragma query_only = on; pragma cache_size = -16384",
            Dialect::Postgres => self.greeting(),
        }
    }
}

/// The URL without password and options, which may hold one.
pub(crate) fn redacted(url: &str) -> String {
    let url = url.split('?').next().unwrap_or_default();
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    match rest.rsplit_once('@') {
        Some((login, place)) => format!("{scheme}://{}@{place}", login.split(':').next().unwrap_or_default()),
        None => url.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_not_shown() {
        assert_eq!(redacted("postgres://me:se/cr@t@db:5432/x?password=y"), "postgres://me@db:5432/x");
        assert_eq!(redacted("postgres://me@db/x"), "postgres://me@db/x");
        assert_eq!(redacted("sqlite:///var/lib/x.sqlite3"), "sqlite:///var/lib/x.sqlite3");
    }

    #[test]
    fn only_files_and_servers_are_databases() {
        assert_eq!(Dialect::of("sqlite:///a/b.sqlite3").unwrap(), Dialect::Sqlite("/a/b.sqlite3".into()));
        assert_eq!(Dialect::of("sqlite://b.sqlite3").unwrap(), Dialect::Sqlite("b.sqlite3".into()));
        assert_eq!(Dialect::of("postgres://h/d").unwrap(), Dialect::Postgres);
        for url in ["sqlite::memory:", "mysql://h/d", "/a/b.sqlite3", "sqlite:///a?mode=memory"] {
            assert!(Dialect::of(url).is_err(), "{url}");
        }
    }
}
