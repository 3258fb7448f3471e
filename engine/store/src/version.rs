//! The versions of each target's mapping: drafted, published, superseded, rolled back. One is published at a time.

use entrain_model::{Kind, Millis, TargetName};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use sqlx::AnyConnection;
use sqlx::any::AnyRow;

use crate::sql::{Columns as _, Sql, to_json, to_word};
use crate::transaction::Writing;
use crate::{Result, Store, StoreError};

/// How a version stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VersionState {
    /// It was never in force.
    Draft,
    /// It is in force.
    Published,
    /// It was in force until a later one took its place.
    Superseded,
    /// It was in force until it was taken back.
    RolledBack,
}

impl VersionState {
    /// The word that is stored and shown.
    pub fn as_str(self) -> &'static str {
        match self {
            VersionState::Draft => "draft",
            VersionState::Published => "published",
            VersionState::Superseded => "superseded",
            VersionState::RolledBack => "rolled_back",
        }
    }
}

/// Where a version came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// The files that the configuration names.
    Files,
    /// Somebody handed it in.
    Draft,
}

/// One script of a version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredScript {
    /// The file name that errors show.
    pub name: String,
    /// Whose records it maps.
    pub kind: Kind,
    /// Its text.
    pub text: String,
}

/// A version to be kept.
#[derive(Clone, Copy, Debug)]
pub struct NewVersion<'a> {
    /// The fingerprint of its scripts.
    pub digest: &'a str,
    /// The scripts, in the order in which they merge.
    pub scripts: &'a [StoredScript],
    /// Where they come from.
    pub origin: Origin,
    /// Who made it.
    pub author: &'a str,
}

/// A version as stored.
#[derive(Clone, Debug, PartialEq)]
pub struct VersionRow {
    /// Its number, from 1 for each target.
    pub version: i64,
    /// The fingerprint of its scripts.
    pub digest: String,
    /// The scripts, in the order in which they merge.
    pub scripts: Vec<StoredScript>,
    /// Where they come from.
    pub origin: Origin,
    /// How it stands.
    pub state: VersionState,
    /// Who made it.
    pub author: String,
    /// When.
    pub at: Millis,
    /// Who published it last.
    pub published_by: Option<String>,
    /// When.
    pub published_at: Option<Millis>,
    /// The difference that was accepted with it.
    pub accepted: Option<Json>,
    /// When a run over everything had carried it out.
    pub settled_at: Option<Millis>,
}

impl Store {
    /// Keeps a version as a draft; its number.
    pub async fn draft_version(&self, target: &TargetName, new: NewVersion<'_>) -> Result<i64> {
        let mut transaction = self.begin_version().await?;
        let version = insert(&mut transaction, target, new, self.now()).await?;
        transaction.commit().await?;
        Ok(version)
    }

    /// Puts a version in force, in place of the one that is. `accepted` is the difference that was seen and agreed to.
    ///
    /// # Errors
    /// There is no such version.
    pub async fn publish_version(&self, target: &TargetName, version: i64, by: &str, accepted: Option<&Json>) -> Result<()> {
        let mut transaction = self.begin_version().await?;
        retire(&mut transaction, target, version, VersionState::Superseded).await?;
        publish(&mut transaction, target, version, by, accepted, self.now()).await?;
        Ok(transaction.commit().await?)
    }

    /// Puts the files in force if they are others than when they were last looked at; the number of the new version.
    pub async fn publish_files(
        &self,
        target: &TargetName,
        digest: &str,
        scripts: &[StoredScript],
        by: &str,
    ) -> Result<Option<i64>> {
        let mut transaction = self.begin_version().await?;
        if files_digest(&mut transaction, target).await?.as_deref() == Some(digest) {
            return Ok(None);
        }
        let new = NewVersion { digest, scripts, origin: Origin::Files, author: by };
        let version = insert(&mut transaction, target, new, self.now()).await?;
        retire(&mut transaction, target, version, VersionState::Superseded).await?;
        publish(&mut transaction, target, version, by, None, self.now()).await?;
        transaction.commit().await?;
        Ok(Some(version))
    }

    /// Takes the published version back and puts another in force; the number of the one that was taken back.
    ///
    /// # Errors
    /// There is no published version, no version of that number, or it is published already.
    pub async fn roll_back_version(&self, target: &TargetName, to: i64, by: &str) -> Result<i64> {
        let mut transaction = self.begin_version().await?;
        let published = Sql::new("select version from mapping_versions where target = $1 and state = 'published'")
            .arg(target)
            .one(&mut transaction)
            .await?;
        let Some(from) = published.map(|row| row.int("version")).transpose()? else {
            return Err(StoreError::Missing { what: format!("published mapping of target `{target}`") });
        };
        if from == to {
            return Err(StoreError::Conflict(format!("version {to} is published already")));
        }
        retire(&mut transaction, target, to, VersionState::RolledBack).await?;
        publish(&mut transaction, target, to, by, None, self.now()).await?;
        transaction.commit().await?;
        Ok(from)
    }

    /// Notes that a run over everything has carried out this version, if it is still in force.
    pub async fn settle_version(&self, target: &TargetName, version: i64) -> Result<()> {
        let mut transaction = self.begin_derived().await?;
        Sql::new(
            "update mapping_versions set settled_at = $3
             where target = $1 and version = $2 and state = 'published' and settled_at is null",
        )
        .arg(target)
        .arg(version)
        .arg(self.now())
        .run(&mut transaction)
        .await?;
        Ok(transaction.commit().await?)
    }

    /// The number of the version in force and the difference that was accepted with it, until a run has carried it out.
    pub async fn open_difference(&self, target: &TargetName) -> Result<Option<(i64, Json)>> {
        let sql = Sql::new(
            "select version, accepted from mapping_versions
             where target = $1 and state = 'published' and accepted is not null and settled_at is null",
        );
        let row = sql.arg(target).one(&mut *self.read().await?).await?;
        row.map(|row| Ok((row.int("version")?, row.json("accepted")?))).transpose()
    }

    /// The version in force.
    pub async fn published_version(&self, target: &TargetName) -> Result<Option<VersionRow>> {
        let sql = Sql::new("select * from mapping_versions where target = $1 and state = 'published'").arg(target);
        sql.one(&mut *self.read().await?).await?.as_ref().map(read).transpose()
    }

    /// The number of the version in force.
    pub async fn published_number(&self, target: &TargetName) -> Result<Option<i64>> {
        let sql = Sql::new("select version from mapping_versions where target = $1 and state = 'published'").arg(target);
        sql.one(&mut *self.read().await?).await?.map(|row| row.int("version")).transpose()
    }

    /// One version.
    pub async fn version(&self, target: &TargetName, version: i64) -> Result<Option<VersionRow>> {
        let sql = Sql::new("select * from mapping_versions where target = $1 and version = $2").arg(target).arg(version);
        sql.one(&mut *self.read().await?).await?.as_ref().map(read).transpose()
    }

    /// All versions, newest first.
    pub async fn versions(&self, target: &TargetName) -> Result<Vec<VersionRow>> {
        let sql = Sql::new("select * from mapping_versions where target = $1 order by version desc").arg(target);
        sql.all(&mut *self.read().await?).await?.iter().map(read).collect()
    }

    /// The fingerprint of the files as they were when they were last kept.
    pub async fn files_digest(&self, target: &TargetName) -> Result<Option<String>> {
        files_digest(&mut *self.read().await?, target).await
    }

    async fn begin_version(&self) -> Result<Writing> {
        let mut transaction = self.begin().await?;
        if let Some(lock) = self.dialect().lock_versions() {
            sqlx::raw_sql(lock).execute(&mut *transaction).await.map_err(StoreError::from)?;
        }
        Ok(transaction)
    }
}

async fn insert(connection: &mut AnyConnection, target: &TargetName, new: NewVersion<'_>, now: Millis) -> Result<i64> {
    let last = Sql::new("select coalesce(max(version), 0) as n from mapping_versions where target = $1").arg(target);
    let version = last.number(connection).await? + 1;
    Sql::new(
        "insert into mapping_versions (target, version, digest, scripts, origin, state, author, at)
         values ($1, $2, $3, $4, $5, 'draft', $6, $7)",
    )
    .arg(target)
    .arg(version)
    .arg(new.digest)
    .arg(to_json(&new.scripts)?)
    .arg(to_word(&new.origin)?)
    .arg(new.author)
    .arg(now)
    .run(connection)
    .await?;
    Ok(version)
}

/// Ends the reign of the published version, unless it is the one that is published next.
async fn retire(connection: &mut AnyConnection, target: &TargetName, next: i64, state: VersionState) -> Result<()> {
    Sql::new("update mapping_versions set state = $1 where target = $2 and state = 'published' and version <> $3")
        .arg(state.as_str())
        .arg(target)
        .arg(next)
        .run(connection)
        .await?;
    Ok(())
}

async fn publish(
    connection: &mut AnyConnection,
    target: &TargetName,
    version: i64,
    by: &str,
    accepted: Option<&Json>,
    now: Millis,
) -> Result<()> {
    let rows = Sql::new(
        "update mapping_versions set state = 'published', published_by = $1, published_at = $2, accepted = $3, settled_at = null
         where target = $4 and version = $5",
    )
    .arg(by)
    .arg(now)
    .arg(accepted.map(to_json).transpose()?)
    .arg(target)
    .arg(version)
    .run(connection)
    .await?;
    if rows == 0 {
        return Err(StoreError::Missing { what: format!("version {version} of the mapping of target `{target}`") });
    }
    Ok(())
}

async fn files_digest(connection: &mut AnyConnection, target: &TargetName) -> Result<Option<String>> {
    let sql =
        Sql::new("select digest from mapping_versions where target = $1 and origin = 'files' order by version desc limit 1");
    sql.arg(target).one(connection).await?.map(|row| row.str("digest")).transpose()
}

fn read(row: &AnyRow) -> Result<VersionRow> {
    Ok(VersionRow {
        version: row.int("version")?,
        digest: row.str("digest")?,
        scripts: row.json("scripts")?,
        origin: row.word("origin")?,
        state: row.word("state")?,
        author: row.str("author")?,
        at: row.int("at")?,
        published_by: row.opt_str("published_by")?,
        published_at: row.opt_int("published_at")?,
        accepted: row.opt_json("accepted")?,
        settled_at: row.opt_int("settled_at")?,
    })
}
