//! The chain: each row's hash covers the hash before it and all of the row, values by their digests.

use std::fmt;
use std::str::FromStr;

use entrain_model::Millis;
use serde::Serialize;
use sha2::{Digest as _, Sha256};
use sqlx::AnyConnection;

use super::Entry;
use super::field::{Sides, hex};
use crate::sql::{Arg, CHUNK, Columns as _, Sql, to_json};
use crate::{Result, Store, StoreError};

/// The end of the chain, or a place in it. AuditValue elsewhere, it proves later that nothing up to there was removed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Head {
    /// The number of its last row.
    pub seq: i64,
    /// The hash of that row.
    pub hash: String,
}

impl fmt::Display for Head {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.seq, self.hash)
    }
}

impl FromStr for Head {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        let wrong = || format!("`{text}` is no head of an audit: write NUMBER:HASH, as `entrain audit head` prints it");
        let (seq, hash) = text.trim().split_once(':').ok_or_else(wrong)?;
        let seq: i64 = seq.parse().map_err(|_| wrong())?;
        let hexadecimal = hash.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte));
        let fits = if seq == 0 { hash.is_empty() } else { seq > 0 && hash.len() == 64 && hexadecimal };
        if fits { Ok(Self { seq, hash: hash.to_owned() }) } else { Err(wrong()) }
    }
}

/// What the chain covers of a row. Its text is a JSON list, so that no two rows have the same.
#[derive(Debug)]
pub(super) struct Covered<'a> {
    pub(super) seq: i64,
    pub(super) at: Millis,
    pub(super) line: Option<i64>,
    /// Target, run, kind, id, record, action, outcome, author, mapping version, request id.
    pub(super) texts: [Option<&'a str>; 10],
    pub(super) sides: &'a Sides,
}

impl Covered<'_> {
    /// The hash of this row after the one with that hash.
    pub(super) fn hash(&self, previous: &str) -> Result<String> {
        let text = to_json(&(self.seq, self.at, self.line, self.texts, self.sides.digests()))?;
        Ok(hex(&Sha256::new().chain_update(previous).chain_update(text).finalize()))
    }
}

/// Adds entries at the end of the chain. What takes time comes before the lock; behind it stand only hashing and two writes.
pub(crate) async fn append(store: &Store, connection: &mut AnyConnection, entries: Vec<Entry>) -> Result<()> {
    if entries.is_empty() {
        return Ok(());
    }
    let author = store.author();
    let sealed: Vec<(Entry, Sides)> = entries
        .into_iter()
        .map(|mut entry| {
            let seal = |side| store.sealer().seal(side, &author.redact);
            let sides = Sides { before: seal(std::mem::take(&mut entry.before)), after: seal(std::mem::take(&mut entry.after)) };
            (entry, sides)
        })
        .collect();
    let mut head = lock(store, connection).await?;
    let now = store.now();
    let mut rows = Vec::with_capacity(sealed.len());
    for (entry, sides) in &sealed {
        head.seq += 1;
        let texts = [
            entry.target.as_ref().map(|target| target.as_str()),
            entry.run.as_ref().map(|run| run.as_str()),
            entry.object.as_ref().map(|object| object.kind.as_str()),
            entry.object.as_ref().map(|object| object.id.as_str()),
            entry.record.as_ref().map(|record| record.as_str()),
            Some(entry.action.as_str()),
            Some(entry.outcome.as_str()),
            Some(entry.author.as_deref().unwrap_or(&author.name)),
            entry.mapping_version.as_deref(),
            entry.request_id.as_deref(),
        ];
        let covered = Covered { seq: head.seq, at: now, line: entry.line, texts, sides };
        head.hash = covered.hash(&head.hash)?;
        let mut row: Vec<Arg> = vec![head.seq.into(), now.into(), entry.line.into()];
        row.extend(texts.map(Arg::from));
        row.extend([to_json(sides)?.into(), Arg::from(&head.hash)]);
        rows.push(row);
    }
    for chunk in rows.chunks(CHUNK) {
        Sql::new(
            "insert into audit (seq, at, line, target, run, kind, id, record, action, outcome, author, mapping_version, request_id,
               fields, hash) values ",
        )
        .rows(chunk.iter().cloned())
        .run(connection)
        .await?;
    }
    Sql::new("update audit_chain set seq = $1, hash = $2 where one = 1").arg(head.seq).arg(&head.hash).run(connection).await?;
    Ok(())
}

/// The end of the chain, which nobody else moves before this transaction ends.
pub(super) async fn lock(store: &Store, connection: &mut AnyConnection) -> Result<Head> {
    let text = format!("select seq, hash from audit_chain where one = 1{}", store.dialect().for_update());
    let row = Sql::new(&text).one(connection).await?;
    let row = row.ok_or_else(|| StoreError::Conflict("the audit has lost its end (table audit_chain)".into()))?;
    Ok(Head { seq: row.int("seq")?, hash: row.str("hash")? })
}

impl Store {
    /// The end of the chain.
    pub async fn audit_head(&self) -> Result<Head> {
        let row = Sql::new("select seq, hash from audit_chain where one = 1").one(&mut *self.read().await?).await?;
        let row = row.ok_or_else(|| StoreError::Conflict("the audit has lost its end (table audit_chain)".into()))?;
        Ok(Head { seq: row.int("seq")?, hash: row.str("hash")? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_read_back_as_it_was_printed() {
        let head = Head { seq: 12, hash: "ab".repeat(32) };
        assert_eq!(head.to_string().parse(), Ok(head));
        assert_eq!("0:".parse(), Ok(Head::default()));
        for wrong in ["", "12", "12:", "12:xy", "-1:", &format!("1:{}", "AB".repeat(32))] {
            assert!(wrong.parse::<Head>().is_err(), "{wrong}");
        }
    }
}
