//! The schema and its versions.

use std::path::{Path, PathBuf};

use sqlx::{AnyConnection, AssertSqlSafe, Connection as _};

use crate::dialect::{Dialect, redacted};
use crate::sql::{Columns as _, Sql};
use crate::store::create_file;
use crate::{Result, StoreError};

/// One step from a version to the next.
pub(crate) struct Migration {
    /// The version that it leads to.
    pub(crate) version: i64,
    pub(crate) sqlite: &'static str,
    pub(crate) postgres: &'static str,
}

/// All of them, oldest first.
pub(crate) const MIGRATIONS: &[Migration] = &[
    Migration {
        version: 1,
        sqlite: include_str!("../../../migrations/sqlite/0001_core.sql"),
        postgres: include_str!("../../../migrations/postgres/0001_core.sql"),
    },
    Migration {
        version: 2,
        sqlite: include_str!("../../../migrations/sqlite/0002_drift.sql"),
        postgres: include_str!("../../../migrations/postgres/0002_drift.sql"),
    },
    Migration {
        version: 3,
        sqlite: include_str!("../../../migrations/sqlite/0003_lifecycle.sql"),
        postgres: include_str!("../../../migrations/postgres/0003_lifecycle.sql"),
    },
    Migration {
        version: 4,
        sqlite: include_str!("../../../migrations/sqlite/0004_loaded.sql"),
        postgres: include_str!("../../../migrations/postgres/0004_loaded.sql"),
    },
    Migration {
        version: 5,
        sqlite: include_str!("../../../migrations/sqlite/0005_access.sql"),
        postgres: include_str!("../../../migrations/postgres/0005_access.sql"),
    },
    Migration {
        version: 6,
        sqlite: include_str!("../../../migrations/sqlite/0006_scim.sql"),
        postgres: include_str!("../../../migrations/postgres/0006_scim.sql"),
    },
    Migration {
        version: 7,
        sqlite: include_str!("../../../migrations/sqlite/0007_api.sql"),
        postgres: include_str!("../../../migrations/postgres/0007_api.sql"),
    },
    Migration {
        version: 8,
        sqlite: include_str!("../../../migrations/sqlite/0008_resources.sql"),
        postgres: include_str!("../../../migrations/postgres/0008_resources.sql"),
    },
    Migration {
        version: 9,
        sqlite: include_str!("../../../migrations/sqlite/0009_hooks.sql"),
        postgres: include_str!("../../../migrations/postgres/0009_hooks.sql"),
    },
    Migration {
        version: 10,
        sqlite: include_str!("../../../migrations/sqlite/0010_doubts.sql"),
        postgres: include_str!("../../../migrations/postgres/0010_doubts.sql"),
    },
    Migration {
        version: 11,
        sqlite: include_str!("../../../migrations/sqlite/0011_people.sql"),
        postgres: include_str!("../../../migrations/postgres/0011_people.sql"),
    },
    Migration {
        version: 12,
        sqlite: include_str!("../../../migrations/sqlite/0012_settings.sql"),
        postgres: include_str!("../../../migrations/postgres/0012_settings.sql"),
    },
    Migration {
        version: 13,
        sqlite: include_str!("../../../migrations/sqlite/0013_first_members.sql"),
        postgres: include_str!("../../../migrations/postgres/0013_first_members.sql"),
    },
];

/// The key of the lock under which replicas migrate one after the other ("entrain" in bytes).
const POSTGRES_LOCK: i64 = 0x65_6e74_7261_696e;

/// Brings the database to the newest version. Begins with a look without a lock: most starts find nothing to do.
pub(crate) async fn migrate(
    connection: &mut AnyConnection,
    dialect: &Dialect,
    url: &str,
    migrations: &[Migration],
) -> Result<()> {
    let known = migrations.last().map_or(0, |last| last.version);
    let found = version(connection, dialect, url).await?;
    if found > known {
        return Err(StoreError::NewerSchema { found, known });
    }
    if found == known {
        return Ok(());
    }
    if let (Dialect::Sqlite(path), true) = (dialect, found > 0) {
        back_up(connection, path, found).await?;
    }
    let mut transaction = connection.begin_with(dialect.begin()).await?;
    if *dialect == Dialect::Postgres {
        Sql::new("select cast(pg_advisory_xact_lock($1) as text) as locked").arg(POSTGRES_LOCK).all(&mut transaction).await?;
    }
    let found = version(&mut transaction, dialect, url).await?;
    for migration in migrations.iter().filter(|migration| migration.version > found) {
        step(&mut transaction, dialect, migration).await?;
    }
    transaction.commit().await?;
    Ok(())
}

/// The version of the database, 0 if it is empty.
async fn version(connection: &mut AnyConnection, dialect: &Dialect, url: &str) -> Result<i64> {
    let tables = match dialect {
        Dialect::Sqlite(_) => {
            "select count(*) as n, coalesce(sum(name = 'schema_versions'), 0) as ours from sqlite_master where type = 'table'"
        }
        Dialect::Postgres => {
            "select cast(count(*) as bigint) as n, cast(count(*) as bigint) as ours from information_schema.tables
             where table_schema = current_schema() and table_name = 'schema_versions'"
        }
    };
    let Some(row) = Sql::new(tables).one(connection).await? else { return Ok(0) };
    match (row.int("n")?, row.int("ours")?) {
        (0, _) => Ok(0),
        (_, 0) => Err(StoreError::Foreign { url: redacted(url) }),
        _ => Sql::new("select coalesce(max(version), 0) as n from schema_versions").number(connection).await,
    }
}

async fn step(connection: &mut AnyConnection, dialect: &Dialect, migration: &Migration) -> Result<()> {
    let text = match dialect {
        Dialect::Sqlite(_) => migration.sqlite,
        Dialect::Postgres => migration.postgres,
    };
    sqlx::raw_sql("create table if not exists schema_versions (version bigint not null primary key)")
        .execute(&mut *connection)
        .await?;
    sqlx::raw_sql(AssertSqlSafe(text)).execute(&mut *connection).await?;
    Sql::new("insert into schema_versions (version) values ($1)").arg(migration.version).run(connection).await?;
    tracing::info!(version = migration.version, "the database has a new schema");
    Ok(())
}

/// Copies the database beside itself before its schema changes.
async fn back_up(connection: &mut AnyConnection, path: &Path, version: i64) -> Result<()> {
    let backup = backup_path(path, version);
    if backup.exists() {
        return Err(StoreError::Conflict(format!(
            "{} is there already, from an upgrade that did not end: move it away, then start again",
            backup.display()
        )));
    }
    // Made first, so that it is for its owner alone from the beginning.
    create_file(&backup).map_err(|error| StoreError::ReadOnly { detail: format!("{}: {error}", backup.display()) })?;
    Sql::new("vacuum into $1").arg(backup.to_string_lossy().into_owned()).run(connection).await?;
    tracing::info!(backup = %backup.display(), "the database was backed up before its upgrade");
    Ok(())
}

fn backup_path(path: &Path, version: i64) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".before-upgrade-from-{version}"));
    PathBuf::from(name)
}
