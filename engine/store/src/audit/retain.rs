//! How long what is kept: values are taken away, and old rows pruned, so that the rest of the chain still fits.

use std::collections::BTreeSet;
use std::time::Duration;

use entrain_model::ObjectRef;
use serde::Serialize;
use sqlx::AnyConnection;

use super::chain::lock;
use super::field::is_among;
use super::list::{AuditScope, RawRow};
use super::{Entry, Head};
use crate::lease::millis;
use crate::sql::{Arg, Columns as _, Sql, limit, to_json};
use crate::{Result, Store};

/// The act of pruning, which signs off what is gone, and its fields.
pub(super) const PRUNED: &str = "audit_pruned";
pub(super) const THROUGH: &str = "through";
pub(super) const HASH: &str = "hash";

/// Rows that one transaction changes.
const PAGE: usize = 500;
/// Rows that one transaction deletes.
const DELETED: i64 = 5_000;

/// What became of old rows.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Pruned {
    /// How many are gone.
    pub rows: u64,
    /// The chain begins after this place.
    pub through: Head,
}

/// What became of values.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Redacted {
    /// Rows that lost a value.
    pub rows: u64,
    /// Values that are gone.
    pub values: u64,
}

impl Store {
    /// Prunes the rows that are older. The chain goes on behind them, and says in itself who pruned and how far.
    pub async fn prune_audit(&self, older_than: Duration) -> Result<Pruned> {
        let through = self.sign_off(older_than).await?;
        // What the chain no longer needs goes in small steps: nobody waits for them, and the next pruning ends one that died.
        let mut rows = 0;
        loop {
            let mut tx = self.begin_derived().await?;
            let gone = Sql::new("delete from audit where seq <= $1 and seq < (select min(a.seq) + $2 from audit a)");
            let gone = gone.arg(through.seq).arg(DELETED).run(&mut tx).await?;
            tx.commit().await?;
            rows += gone;
            if gone == 0 {
                return Ok(Pruned { rows, through });
            }
        }
    }

    /// Moves the beginning of the chain behind the last old row.
    async fn sign_off(&self, older_than: Duration) -> Result<Head> {
        let mut tx = self.begin().await?;
        lock(self, &mut tx).await?;
        let row = Sql::new("select pruned_seq, pruned_hash from audit_chain where one = 1").one(&mut tx).await?;
        let mut begins = match &row {
            Some(row) => Head { seq: row.int("pruned_seq")?, hash: row.str("pruned_hash")? },
            None => Head::default(),
        };
        // The first row that stays; times may go back a little, so the last old row is not what counts.
        let stays = Sql::new("select coalesce(min(seq), 9223372036854775807) as n from audit where at >= $1 and seq > $2")
            .arg(self.now().saturating_sub(millis(older_than)))
            .arg(begins.seq)
            .number(&mut tx)
            .await?;
        let last = Sql::new("select seq, hash from audit where seq < $1 and seq > $2 order by seq desc limit 1")
            .arg(stays)
            .arg(begins.seq)
            .one(&mut tx)
            .await?;
        let Some(last) = last else { return Ok(begins) };
        begins = Head { seq: last.int("seq")?, hash: last.str("hash")? };
        Sql::new("update audit_chain set pruned_seq = $1, pruned_hash = $2 where one = 1")
            .arg(begins.seq)
            .arg(&begins.hash)
            .run(&mut tx)
            .await?;
        let act = Entry::act(PRUNED).after(THROUGH, begins.seq).after(HASH, begins.hash.as_str());
        self.record(&mut tx, act).await?;
        tx.commit().await?;
        Ok(begins)
    }

    /// Takes away all values of rows that are older. What was looked at once is not looked at again.
    pub async fn redact_audit_older(&self, older_than: Duration) -> Result<Redacted> {
        let before = self.now().saturating_sub(millis(older_than));
        let mut redacted = Redacted::default();
        loop {
            let mut tx = self.begin_derived().await?;
            let from = Sql::new("select redacted_seq as n from audit_chain where one = 1").number(&mut tx).await?;
            let page = page(&mut tx, &AuditScope::default(), from).await?;
            let old: Vec<RawRow> = page.into_iter().take_while(|row| row.at < before).collect();
            let Some(last) = old.last().map(|row| row.seq) else { return Ok(redacted) };
            close(&mut tx, old, |_| true, &mut redacted).await?;
            let sql = Sql::new("update audit_chain set redacted_seq = $1 where one = 1 and redacted_seq < $1");
            sql.arg(last).run(&mut tx).await?;
            tx.commit().await?;
        }
    }

    /// Takes away the values of one object, or only those of some attributes, and says so in the audit.
    pub async fn redact_audit_of(&self, object: &ObjectRef, attributes: Option<&BTreeSet<String>>) -> Result<Redacted> {
        let scope = AuditScope { object: Some(object.clone()), ..AuditScope::default() };
        let (mut redacted, mut after) = (Redacted::default(), 0);
        loop {
            let mut tx = self.begin().await?;
            let page = page(&mut tx, &scope, after).await?;
            let Some(last) = page.last().map(|row| row.seq) else { break };
            after = last;
            let meant = |name: &str| attributes.is_none_or(|attributes| is_among(name, attributes));
            close(&mut tx, page, meant, &mut redacted).await?;
            tx.commit().await?;
        }
        let mut tx = self.begin().await?;
        let names = attributes.map(|names| names.iter().cloned().collect::<Vec<_>>());
        let act = Entry::act("audit_redacted").object(object).after("attributes", names).after("values", redacted.values);
        self.record(&mut tx, act).await?;
        tx.commit().await?;
        Ok(redacted)
    }
}

async fn page(connection: &mut AnyConnection, scope: &AuditScope, after: i64) -> Result<Vec<RawRow>> {
    let sql = scope.sql("select * from audit", after).bind(" order by seq limit ", limit(PAGE));
    sql.all(connection).await?.iter().map(RawRow::read).collect()
}

/// Writes the rows without the values that are meant. What signs off a pruning stays readable.
async fn close(
    connection: &mut AnyConnection,
    rows: Vec<RawRow>,
    meant: impl Fn(&str) -> bool,
    redacted: &mut Redacted,
) -> Result<()> {
    let mut changed: Vec<[Arg; 2]> = Vec::new();
    for mut row in rows.into_iter().filter(|row| row.action() != PRUNED) {
        let values = row.sides.close(&meant);
        if values > 0 {
            redacted.rows += 1;
            redacted.values += values;
            changed.push([row.seq.into(), to_json(&row.sides)?.into()]);
        }
    }
    for chunk in changed.chunks(crate::sql::CHUNK) {
        Sql::new("with page (seq, fields) as (values ")
            .rows(chunk.iter().cloned())
            .text(") update audit set fields = page.fields from page where audit.seq = page.seq")
            .run(connection)
            .await?;
    }
    Ok(())
}
