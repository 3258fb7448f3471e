//! Sessions of people. Only digests of their secrets are known here.

use entrain_model::Millis;
use sqlx::AnyConnection;
use sqlx::any::AnyRow;

use super::Person;
use crate::audit::Entry;
use crate::sql::{Columns as _, Sql, limit};
use crate::{Result, Store, StoreError};

/// What has ended is shown for so long.
const SHOWN: Millis = 30 * 24 * 3_600_000;

/// A sign-in that was begun before this long cannot come to its end any more, so that it need not be remembered either.
const SPENT: Millis = 24 * 3_600_000;

/// What every read begins with.
const SELECT: &str = "select s.*, p.name as name from sessions s join people p on p.issuer = s.issuer and p.subject = s.subject";

/// A session to be kept.
#[derive(Clone, Debug)]
pub struct NewSession {
    /// Its public part.
    pub id: String,
    /// The digest of its secret.
    pub digest: String,
    /// Whose it is.
    pub person: Person,
    /// The word of the role.
    pub role: String,
    /// A digest of the rules by which that role was given.
    pub rules: String,
    /// When it ends, however much it is used.
    pub expires_at: Millis,
    /// A digest of the sign-in that it comes from, which is taken once.
    pub state: String,
}

/// A session as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PersonSession {
    /// Its public part.
    pub id: String,
    /// The digest of its secret.
    pub digest: String,
    /// The provider of whose it is.
    pub issuer: String,
    /// What that calls them.
    pub subject: String,
    /// Their name, under which their acts stand in the audit.
    pub name: String,
    /// The word of the role.
    pub role: String,
    /// A digest of the rules by which that role was given.
    pub rules: String,
    /// When it began.
    pub created_at: Millis,
    /// When it ends, however much it is used.
    pub expires_at: Millis,
    /// When it was used last, to within a minute.
    pub used_at: Millis,
    /// When it ended before its time.
    pub ended_at: Option<Millis>,
    /// Who or what ended it.
    pub ended_by: Option<String>,
}

impl PersonSession {
    /// Whether it opens anything at that time, if it ends unused after `idle`.
    pub fn is_live(&self, now: Millis, idle: Millis) -> bool {
        self.ended_at.is_none() && now < self.expires_at && now - self.used_at < idle
    }
}

impl Store {
    /// Keeps a new session; the name of whose it is. A session that the same browser had before, named by `instead_of`, ends.
    ///
    /// # Errors
    /// The sign-in was taken before.
    pub async fn begin_session(&self, new: &NewSession, instead_of: Option<&str>) -> Result<String> {
        let now = self.now();
        let mut tx = self.begin_access().await?;
        Sql::new("delete from spent_sign_ins where at < $1").arg(now - SPENT).run(&mut tx).await?;
        Sql::new("delete from sessions where expires_at < $1").arg(now - SHOWN).run(&mut tx).await?;
        let spent = Sql::new("insert into spent_sign_ins (state, at) values ")
            .rows([[(&new.state).into(), now.into()]])
            .text(" on conflict (state) do nothing");
        if spent.run(&mut tx).await? == 0 {
            return Err(StoreError::Conflict("this sign-in has come to its end before: begin another one".to_owned()));
        }
        if let Some(before) = instead_of {
            Sql::new("update sessions set ended_at = $1, ended_by = $2 where id = $3 and ended_at is null")
                .arg(now)
                .arg("another sign-in")
                .arg(before)
                .run(&mut tx)
                .await?;
        }
        let name = self.name_of(&mut tx, &new.person).await?;
        insert(&mut tx, new, now).await?;
        let entry = Entry::act("signed_in").by(&name).after("session", new.id.as_str()).after("role", new.role.as_str());
        let entry = entry.after("issuer", new.person.issuer.as_str()).after("subject", new.person.subject.as_str());
        self.record(&mut tx, entry.after("expires_at", new.expires_at)).await?;
        tx.commit().await?;
        Ok(name)
    }

    /// The session of that id, whether it is live or not.
    pub async fn session(&self, id: &str) -> Result<Option<PersonSession>> {
        let sql = Sql::new(&format!("{SELECT} where s.id = $1")).arg(id);
        sql.one(&mut *self.read().await?).await?.as_ref().map(read).transpose()
    }

    /// Those that have not ended, after an id, a page of them.
    pub async fn sessions(&self, after: &str, rows: usize) -> Result<Vec<PersonSession>> {
        let sql =
            Sql::new(&format!("{SELECT} where s.id > $1 and s.ended_at is null and s.expires_at > $2 order by s.id limit $3"));
        let sql = sql.arg(after).arg(self.now()).arg(limit(rows));
        sql.all(&mut *self.read().await?).await?.iter().map(read).collect()
    }

    /// Notes that a session was used, unless that was noted after `since`.
    pub async fn note_session_use(&self, id: &str, since: Millis) -> Result<()> {
        let mut tx = self.begin_derived().await?;
        Sql::new("update sessions set used_at = $1 where id = $2 and used_at <= $3")
            .arg(self.now())
            .arg(id)
            .arg(since)
            .run(&mut tx)
            .await?;
        Ok(tx.commit().await?)
    }

    /// Ends a session because its person says so.
    pub async fn sign_out(&self, session: &PersonSession) -> Result<()> {
        let mut tx = self.begin().await?;
        let sql = Sql::new("update sessions set ended_at = $1, ended_by = $2 where id = $3 and ended_at is null");
        if sql.arg(self.now()).arg(&session.name).arg(&session.id).run(&mut tx).await? > 0 {
            let entry = Entry::act("signed_out").by(&session.name).before("session", session.id.as_str());
            self.record(&mut tx, entry).await?;
        }
        Ok(tx.commit().await?)
    }

    /// Ends the sessions whose id this is, or the name of whose person; how many those were.
    pub async fn revoke_sessions(&self, id_or_name: &str) -> Result<u64> {
        let mut tx = self.begin().await?;
        let sql = Sql::new(
            "update sessions set ended_at = $1, ended_by = $2 where ended_at is null and expires_at > $1 and (id = $3 or exists
               (select 1 from people p where p.issuer = sessions.issuer and p.subject = sessions.subject and p.name = $3))",
        );
        let rows = sql.arg(self.now()).arg(&*self.author().name).arg(id_or_name).run(&mut tx).await?;
        if rows > 0 {
            let entry = Entry::act("session_revoked").before("named", id_or_name).after("sessions", rows);
            self.record(&mut tx, entry).await?;
        }
        tx.commit().await?;
        Ok(rows)
    }
}

async fn insert(connection: &mut AnyConnection, new: &NewSession, now: Millis) -> Result<()> {
    Sql::new("insert into sessions (id, digest, issuer, subject, role, rules, created_at, expires_at, used_at) values ")
        .rows([[
            (&new.id).into(),
            (&new.digest).into(),
            (&new.person.issuer).into(),
            (&new.person.subject).into(),
            (&new.role).into(),
            (&new.rules).into(),
            now.into(),
            new.expires_at.into(),
            now.into(),
        ]])
        .run(connection)
        .await
        .map(drop)
}

fn read(row: &AnyRow) -> Result<PersonSession> {
    Ok(PersonSession {
        id: row.str("id")?,
        digest: row.str("digest")?,
        issuer: row.str("issuer")?,
        subject: row.str("subject")?,
        name: row.str("name")?,
        role: row.str("role")?,
        rules: row.str("rules")?,
        created_at: row.int("created_at")?,
        expires_at: row.int("expires_at")?,
        used_at: row.int("used_at")?,
        ended_at: row.opt_int("ended_at")?,
        ended_by: row.opt_str("ended_by")?,
    })
}
