//! Sealed secrets and the sealed keys that open them. Nothing here can open any.

use entrain_model::Millis;
use sqlx::AnyConnection;
use sqlx::any::AnyRow;

use crate::audit::Entry;
use crate::sql::{Columns as _, Sql, limit};
use crate::{Result, Store, StoreError, settings};

/// Something sealed: what it was sealed with, and the outcome, both as text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sealed {
    /// Different for everything that one key seals.
    pub nonce: String,
    /// The sealed bytes.
    pub sealed: String,
}

/// A data key as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DataKey {
    /// Its id, in order of age.
    pub id: String,
    /// The key, sealed by the master key.
    pub sealed: Sealed,
}

/// A secret as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecretRow {
    /// Its name.
    pub name: String,
    /// The data key that opens it.
    pub key_id: String,
    /// The secret, sealed.
    pub sealed: Sealed,
    /// When it was set last.
    pub changed_at: Millis,
    /// By whom.
    pub changed_by: String,
}

impl Store {
    /// All data keys, oldest first.
    pub async fn data_keys(&self) -> Result<Vec<DataKey>> {
        let rows = Sql::new("select * from data_keys order by id").all(&mut *self.read().await?).await?;
        rows.iter().map(|row| Ok(DataKey { id: row.str("id")?, sealed: sealed(row)? })).collect()
    }

    /// Keeps a data key.
    pub async fn add_data_key(&self, key: &DataKey) -> Result<()> {
        let mut transaction = self.begin().await?;
        let DataKey { id, sealed: Sealed { nonce, sealed } } = key;
        Sql::new("insert into data_keys (id, nonce, sealed, created_at) values ")
            .rows([[id.into(), nonce.into(), sealed.into(), self.now().into()]])
            .run(&mut transaction)
            .await?;
        self.record(&mut transaction, Entry::act("data_key_added").after("id", id.as_str())).await?;
        Ok(transaction.commit().await?)
    }

    /// Sets a secret, in place of one of that name.
    pub async fn set_secret(&self, name: &str, key_id: &str, secret: &Sealed) -> Result<()> {
        let mut transaction = self.begin().await?;
        Sql::new("insert into secrets (name, key_id, nonce, sealed, changed_at, changed_by) values ")
            .rows([[
                name.into(),
                key_id.into(),
                (&secret.nonce).into(),
                (&secret.sealed).into(),
                self.now().into(),
                (&*self.author().name).into(),
            ]])
            .text(
                " on conflict (name) do update set key_id = excluded.key_id, nonce = excluded.nonce, sealed = excluded.sealed,
                  changed_at = excluded.changed_at, changed_by = excluded.changed_by",
            )
            .run(&mut transaction)
            .await?;
        settings::touch(&mut transaction).await?;
        self.record(&mut transaction, Entry::act("secret_set").after("name", name).after("key", key_id)).await?;
        Ok(transaction.commit().await?)
    }

    /// The secret of that name.
    pub async fn secret(&self, name: &str) -> Result<Option<SecretRow>> {
        let sql = Sql::new("select * from secrets where name = $1").arg(name);
        sql.one(&mut *self.read().await?).await?.as_ref().map(read).transpose()
    }

    /// Secrets after a name, a page of them.
    pub async fn secrets(&self, after: &str, rows: usize) -> Result<Vec<SecretRow>> {
        let sql = Sql::new("select * from secrets where name > $1 order by name limit $2").arg(after).arg(limit(rows));
        sql.all(&mut *self.read().await?).await?.iter().map(read).collect()
    }

    /// Those that another key than this one opens, a page of them.
    pub async fn secrets_of_other_keys(&self, key_id: &str, rows: usize) -> Result<Vec<SecretRow>> {
        let sql = Sql::new("select * from secrets where key_id <> $1 order by name limit $2").arg(key_id).arg(limit(rows));
        sql.all(&mut *self.read().await?).await?.iter().map(read).collect()
    }

    /// Removes a secret; whether there was one.
    pub async fn remove_secret(&self, name: &str) -> Result<bool> {
        let mut transaction = self.begin().await?;
        let removed = Sql::new("delete from secrets where name = $1").arg(name).run(&mut transaction).await? > 0;
        if removed {
            settings::touch(&mut transaction).await?;
            self.record(&mut transaction, Entry::act("secret_removed").before("name", name)).await?;
        }
        transaction.commit().await?;
        Ok(removed)
    }

    /// Puts secrets under another key that were not set anew meanwhile: they are told by their nonces.
    pub async fn reseal_secrets(&self, key_id: &str, page: &[(SecretRow, Sealed)]) -> Result<u64> {
        let mut transaction = self.begin().await?;
        let mut resealed = 0;
        for (old, new) in page {
            let sql = Sql::new(
                "update secrets set key_id = $1, nonce = $2, sealed = $3 where name = $4 and key_id = $5 and nonce = $6",
            );
            let sql = sql.arg(key_id).arg(&new.nonce).arg(&new.sealed).arg(&old.name).arg(&old.key_id).arg(&old.sealed.nonce);
            resealed += sql.run(&mut transaction).await?;
        }
        self.record(&mut transaction, Entry::act("secrets_resealed").after("key", key_id).after("secrets", resealed)).await?;
        transaction.commit().await?;
        Ok(resealed)
    }

    /// Removes the data keys before this one that open nothing any more; how many.
    pub async fn remove_old_keys(&self, newest: &str) -> Result<u64> {
        let mut transaction = self.begin().await?;
        let unused = "from data_keys where id < $1 and not exists (select 1 from secrets where secrets.key_id = data_keys.id)";
        let removed = Sql::new("delete ").text(unused).arg(newest).run(&mut transaction).await?;
        if removed > 0 {
            self.record(&mut transaction, Entry::act("data_keys_removed").before("keys", removed)).await?;
        }
        transaction.commit().await?;
        Ok(removed)
    }

    /// Puts all data keys under another master key, in one transaction. The secrets stay as they are.
    ///
    /// # Errors
    /// There are other data keys by now.
    pub async fn rewrap_data_keys(&self, old: &[DataKey], new: &[DataKey]) -> Result<()> {
        let mut transaction = self.begin().await?;
        let known = Sql::new("select count(*) as n from data_keys").number(&mut transaction).await?;
        let mut rewrapped = 0;
        for (old, new) in old.iter().zip(new) {
            rewrapped += rewrap(&mut transaction, old, new).await?;
        }
        if i64::try_from(rewrapped) != Ok(known) {
            return Err(StoreError::Conflict("there are other data keys by now; nothing was changed: try again".to_owned()));
        }
        self.record(&mut transaction, Entry::act("master_key_changed").after("data_keys", known)).await?;
        Ok(transaction.commit().await?)
    }
}

async fn rewrap(connection: &mut AnyConnection, old: &DataKey, new: &DataKey) -> Result<u64> {
    let sql = Sql::new("update data_keys set nonce = $1, sealed = $2 where id = $3 and nonce = $4");
    sql.arg(&new.sealed.nonce).arg(&new.sealed.sealed).arg(&old.id).arg(&old.sealed.nonce).run(connection).await
}

fn sealed(row: &AnyRow) -> Result<Sealed> {
    Ok(Sealed { nonce: row.str("nonce")?, sealed: row.str("sealed")? })
}

fn read(row: &AnyRow) -> Result<SecretRow> {
    Ok(SecretRow {
        name: row.str("name")?,
        key_id: row.str("key_id")?,
        sealed: sealed(row)?,
        changed_at: row.int("changed_at")?,
        changed_by: row.str("changed_by")?,
    })
}
