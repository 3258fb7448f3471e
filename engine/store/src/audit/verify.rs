//! Walking the chain: does every row fit the one before it?

use serde::Serialize;

use super::Head;
use super::list::{AuditScope, RawRow};
use crate::sql::{Columns as _, Sql, limit};
use crate::{Result, Store, StoreError};

/// Rows per page.
const PAGE: usize = 500;

/// A chain that fits from its first row to its end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Verified {
    /// How many rows were walked.
    pub rows: u64,
    /// The end.
    pub head: Head,
    /// Up to here rows were pruned; 0 if none was.
    pub pruned: i64,
}

/// A chain that does not fit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, thiserror::Error)]
#[error("row {seq}: {what}")]
pub struct Broken {
    /// The first row that does not fit, or that is missing.
    pub seq: i64,
    /// What is wrong with it.
    pub what: String,
}

/// Where the chain begins: after what was pruned.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Beginning(Head);

impl Store {
    /// Walks the whole chain. `known` is a head that was kept elsewhere: the chain must go through it.
    pub async fn verify_audit(&self, known: Option<&Head>) -> Result<std::result::Result<Verified, Broken>> {
        loop {
            let beginning = self.beginning().await?;
            let walked = self.walk(&beginning, known).await?;
            // Rows that were pruned during the walk were seen as missing: then it begins anew.
            if walked.is_ok() || self.beginning().await? == beginning {
                return Ok(walked);
            }
        }
    }

    async fn beginning(&self) -> Result<Beginning> {
        let sql = Sql::new("select pruned_seq, pruned_hash from audit_chain where one = 1");
        let row = sql.one(&mut *self.read().await?).await?;
        let row = row.ok_or_else(|| StoreError::Conflict("the audit has lost its end (table audit_chain)".into()))?;
        Ok(Beginning(Head { seq: row.int("pruned_seq")?, hash: row.str("pruned_hash")? }))
    }

    async fn walk(&self, beginning: &Beginning, known: Option<&Head>) -> Result<std::result::Result<Verified, Broken>> {
        let mut walk = Walk::new(beginning, known);
        loop {
            // The end is read before the page: what is appended in between makes the page longer, never shorter.
            let head = self.audit_head().await?;
            let sql = AuditScope::default().sql("select * from audit", walk.at.seq).bind(" order by seq limit ", limit(PAGE));
            let page = sql.all(&mut *self.read().await?).await?;
            for row in &page {
                let fits = match RawRow::read(row) {
                    Ok(row) => walk.step(&row),
                    Err(error) => Err(walk.unreadable(row, &error)),
                };
                if let Err(broken) = fits {
                    return Ok(Err(broken));
                }
            }
            if page.is_empty() {
                return Ok(walk.end(&head));
            }
        }
    }
}

struct Walk<'a> {
    beginning: &'a Head,
    known: Option<&'a Head>,
    at: Head,
    rows: u64,
    /// Whether the last pruning stands in the chain itself.
    signed_off: bool,
}

fn broken(seq: i64, what: impl Into<String>) -> Broken {
    Broken { seq, what: what.into() }
}

impl<'a> Walk<'a> {
    fn new(beginning: &'a Beginning, known: Option<&'a Head>) -> Self {
        let Beginning(head) = beginning;
        Self { beginning: head, known, at: head.clone(), rows: 0, signed_off: head.seq == 0 }
    }

    fn step(&mut self, row: &RawRow) -> std::result::Result<(), Broken> {
        let due = self.at.seq + 1;
        if row.seq != due {
            return Err(broken(due, format!("it is missing; the next row is {}", row.seq)));
        }
        if row.covered().hash(&self.at.hash).ok().as_ref() != Some(&row.hash) {
            return Err(broken(row.seq, "it was altered, put in or moved: it does not fit the row before it"));
        }
        if self.known.is_some_and(|known| known.seq == row.seq && known.hash != row.hash) {
            return Err(broken(row.seq, "it is not the row that the given head names: the chain was made anew"));
        }
        self.signed_off |= row.signs_off(self.beginning);
        self.at = Head { seq: row.seq, hash: row.hash.clone() };
        self.rows += 1;
        Ok(())
    }

    fn unreadable(&self, row: &sqlx::any::AnyRow, error: &StoreError) -> Broken {
        broken(row.int("seq").unwrap_or(self.at.seq + 1), format!("it was altered: {error}"))
    }

    fn end(self, head: &Head) -> std::result::Result<Verified, Broken> {
        let (missing, known) = (self.at.seq + 1, self.known);
        if head.seq > self.at.seq {
            return Err(broken(missing, format!("it is missing, and all up to {}: rows were removed at the end", head.seq)));
        }
        if let Some(known) = known.filter(|known| known.seq > self.at.seq) {
            return Err(broken(missing, format!("it is missing, and all up to {}, which the given head names", known.seq)));
        }
        if head.seq < self.at.seq {
            return Err(broken(head.seq + 1, "it stands behind the end of the chain: it was put in"));
        }
        if head.hash != self.at.hash {
            return Err(broken(self.at.seq, "it is not the row that the chain ends with"));
        }
        if known.is_some_and(|known| known.seq == self.beginning.seq && known.hash != self.beginning.hash) {
            return Err(broken(self.beginning.seq, "it was pruned, and it was not the row that the given head names"));
        }
        if !self.signed_off {
            let what = format!("rows up to {} are missing, and no pruning of them stands in the audit", self.beginning.seq);
            return Err(broken(self.beginning.seq, what));
        }
        Ok(Verified { rows: self.rows, head: self.at, pruned: self.beginning.seq })
    }
}
