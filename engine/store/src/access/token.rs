//! Credentials: API keys and the tokens of SCIM clients. Only digests of their secrets are known here.

use std::collections::BTreeSet;
use std::time::Duration;

use entrain_model::{Millis, TargetName};
use serde::{Deserialize, Serialize};
use sqlx::AnyConnection;
use sqlx::any::AnyRow;

use crate::audit::Entry;
use crate::lease::millis;
use crate::sql::{Columns as _, Sql, to_json};
use crate::transaction::Writing;
use crate::{Result, Store, StoreError};

/// How many tokens of one SCIM client may live at a time: the old one and the new one of a rotation.
const LIVE: usize = 2;

/// What a credential opens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AccessKind {
    /// The administrative interface.
    Key,
    /// The source, through SCIM.
    Scim,
}

impl AccessKind {
    /// The word that is stored and shown.
    pub fn as_str(self) -> &'static str {
        match self {
            AccessKind::Key => "key",
            AccessKind::Scim => "scim",
        }
    }
}

/// A credential to be kept.
#[derive(Clone, Debug)]
pub struct NewToken {
    /// Its public part.
    pub id: String,
    /// What it opens.
    pub kind: AccessKind,
    /// Whose it is.
    pub name: String,
    /// The word of the role.
    pub role: String,
    /// The targets that it may act on; `None` for all.
    pub targets: Option<BTreeSet<TargetName>>,
    /// How the client speaks.
    pub profile: Option<String>,
    /// The digest of its secret.
    pub digest: String,
    /// When it ends by itself.
    pub expires_at: Option<Millis>,
}

/// A credential as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessToken {
    /// Its public part.
    pub id: String,
    /// What it opens.
    pub kind: AccessKind,
    /// Whose it is.
    pub name: String,
    /// The word of the role.
    pub role: String,
    /// The targets that it may act on; `None` for all.
    pub targets: Option<BTreeSet<TargetName>>,
    /// How the client speaks.
    pub profile: Option<String>,
    /// The digest of its secret.
    pub digest: String,
    /// When it was made.
    pub created_at: Millis,
    /// By whom.
    pub created_by: String,
    /// When it ends by itself.
    pub expires_at: Option<Millis>,
    /// When it was taken back.
    pub revoked_at: Option<Millis>,
    /// When it was used last, to within a few minutes.
    pub used_at: Option<Millis>,
}

impl AccessToken {
    /// Whether it opens anything at that time.
    pub fn is_live(&self, now: Millis) -> bool {
        self.revoked_at.is_none() && self.expires_at.is_none_or(|end| now < end)
    }
}

impl Store {
    /// Keeps a new credential under a name that no other live one of its kind has.
    ///
    /// # Errors
    /// The name is taken.
    pub async fn add_token(&self, new: &NewToken) -> Result<()> {
        let mut transaction = self.begin_access().await?;
        if !live(&mut transaction, new.kind, &new.name, self.now()).await?.is_empty() {
            let (kind, name) = (new.kind.as_str(), &new.name);
            return Err(StoreError::Conflict(format!("there is a live {kind} `{name}` already: rotate it, or revoke it first")));
        }
        self.insert_token(&mut transaction, new, "access_added").await?;
        Ok(transaction.commit().await?)
    }

    /// Keeps a new credential beside the live one of that kind and name, with its role, targets and profile. The old one ends
    /// after `grace`. Returns the new one as it stands.
    ///
    /// # Errors
    /// There is no live one, or a rotation is under way already.
    pub async fn rotate_token(
        &self,
        (kind, name): (AccessKind, &str),
        (id, digest): (&str, &str),
        grace: Option<Duration>,
    ) -> Result<NewToken> {
        let mut transaction = self.begin_access().await?;
        let now = self.now();
        let mut old = live(&mut transaction, kind, name, now).await?;
        if old.len() >= LIVE {
            return Err(StoreError::Conflict(format!(
                "`{name}` has {LIVE} live {} credentials already: move it to the newer one and revoke {} first",
                kind.as_str(),
                old[0].id
            )));
        }
        let Some(old) = old.pop() else {
            return Err(StoreError::Missing { what: format!("live {} `{name}`", kind.as_str()) });
        };
        let new = NewToken {
            id: id.to_owned(),
            kind,
            name: name.to_owned(),
            role: old.role,
            targets: old.targets,
            profile: old.profile,
            digest: digest.to_owned(),
            // A credential that was given for a time is renewed for the same time.
            expires_at: old.expires_at.map(|end| now + (end - old.created_at)),
        };
        if let Some(grace) = grace {
            let end = now.saturating_add(millis(grace));
            Sql::new("update access_tokens set expires_at = $1 where id = $2 and (expires_at is null or expires_at > $1)")
                .arg(end)
                .arg(&old.id)
                .run(&mut transaction)
                .await?;
        }
        self.insert_token(&mut transaction, &new, "access_rotated").await?;
        transaction.commit().await?;
        Ok(new)
    }

    /// Takes back the live credentials of that kind whose id or name this is; how many those were.
    pub async fn revoke_tokens(&self, kind: AccessKind, id_or_name: &str) -> Result<u64> {
        let mut transaction = self.begin_access().await?;
        let rows = Sql::new(
            "update access_tokens set revoked_at = $1
             where kind = $2 and (id = $3 or name = $3) and revoked_at is null and (expires_at is null or expires_at > $1)",
        );
        let rows = rows.arg(self.now()).arg(kind.as_str()).arg(id_or_name).run(&mut transaction).await?;
        if rows > 0 {
            let entry = Entry::act("access_revoked").before("kind", kind.as_str()).before("named", id_or_name);
            self.record(&mut transaction, entry.after("credentials", rows)).await?;
        }
        transaction.commit().await?;
        Ok(rows)
    }

    /// The credential of that id, live or not.
    pub async fn token(&self, id: &str) -> Result<Option<AccessToken>> {
        let sql = Sql::new("select * from access_tokens where id = $1").arg(id);
        sql.one(&mut *self.read().await?).await?.as_ref().map(read).transpose()
    }

    /// Those of one kind after an id, a page of them.
    pub async fn tokens(&self, kind: AccessKind, after: &str, rows: usize) -> Result<Vec<AccessToken>> {
        let sql = Sql::new("select * from access_tokens where kind = $1 and id > $2 order by id limit $3");
        let sql = sql.arg(kind.as_str()).arg(after).arg(crate::sql::limit(rows));
        sql.all(&mut *self.read().await?).await?.iter().map(read).collect()
    }

    /// Notes that a credential was used, unless that was noted after `since`.
    pub async fn note_use(&self, id: &str, since: Millis) -> Result<()> {
        let mut transaction = self.begin_derived().await?;
        Sql::new("update access_tokens set used_at = $1 where id = $2 and (used_at is null or used_at <= $3)")
            .arg(self.now())
            .arg(id)
            .arg(since)
            .run(&mut transaction)
            .await?;
        Ok(transaction.commit().await?)
    }

    /// Begins to change who may enter: one at a time, so that no name is given twice.
    pub(super) async fn begin_access(&self) -> Result<Writing> {
        let mut transaction = self.begin().await?;
        if let Some(lock) = self.dialect().lock_access() {
            Sql::new(lock).run(&mut transaction).await?;
        }
        Ok(transaction)
    }

    async fn insert_token(&self, connection: &mut AnyConnection, new: &NewToken, act: &str) -> Result<()> {
        let targets = new.targets.as_ref().map(to_json).transpose()?;
        Sql::new("insert into access_tokens (id, kind, name, role, targets, profile, digest, created_at, created_by, expires_at) values ")
            .rows([[
                (&new.id).into(),
                new.kind.as_str().into(),
                (&new.name).into(),
                (&new.role).into(),
                targets.clone().into(),
                new.profile.clone().into(),
                (&new.digest).into(),
                self.now().into(),
                (&*self.author().name).into(),
                new.expires_at.into(),
            ]])
            .run(connection)
            .await?;
        let entry =
            Entry::act(act).after("kind", new.kind.as_str()).after("id", new.id.as_str()).after("name", new.name.as_str());
        let entry = entry.after("role", new.role.as_str()).after("targets", targets).after("profile", new.profile.clone());
        self.record(connection, entry.after("expires_at", new.expires_at)).await
    }
}

/// The live ones of a name, oldest first.
async fn live(connection: &mut AnyConnection, kind: AccessKind, name: &str, now: Millis) -> Result<Vec<AccessToken>> {
    let sql = Sql::new(
        "select * from access_tokens where kind = $1 and name = $2 and revoked_at is null and (expires_at is null or expires_at > $3)
         order by created_at, id",
    );
    sql.arg(kind.as_str()).arg(name).arg(now).all(connection).await?.iter().map(read).collect()
}

fn read(row: &AnyRow) -> Result<AccessToken> {
    Ok(AccessToken {
        id: row.str("id")?,
        kind: row.word("kind")?,
        name: row.str("name")?,
        role: row.str("role")?,
        targets: row.opt_json("targets")?,
        profile: row.opt_str("profile")?,
        digest: row.str("digest")?,
        created_at: row.int("created_at")?,
        created_by: row.str("created_by")?,
        expires_at: row.opt_int("expires_at")?,
        revoked_at: row.opt_int("revoked_at")?,
        used_at: row.opt_int("used_at")?,
    })
}
