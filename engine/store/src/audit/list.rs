//! Reading the audit.

use std::collections::BTreeMap;

use entrain_model::{Millis, ObjectRef, RunId, TargetId, TargetName};
use sqlx::any::AnyRow;

use super::chain::Covered;
use super::field::{Field, Fields, Sides};
use super::retain::{HASH, PRUNED, THROUGH};
use super::{AuditValue, Head};
use crate::sql::{Columns as _, Sql, limit};
use crate::{Result, Store};

/// A kept row.
#[derive(Clone, Debug, PartialEq)]
pub struct AuditRow {
    /// Its place in the chain.
    pub seq: i64,
    /// When it was recorded.
    pub at: Millis,
    /// The target.
    pub target: Option<TargetName>,
    /// The run.
    pub run: Option<RunId>,
    /// The line of its plan.
    pub line: Option<i64>,
    /// Whose record.
    pub object: Option<ObjectRef>,
    /// The record.
    pub record: Option<TargetId>,
    /// The word of the action, or of what was decided.
    pub action: String,
    /// The word of the outcome: `done`, `unknown`, `refused`, `retry` or, from recovery, `settled_done` and `settled_not_done`.
    pub outcome: String,
    /// Who.
    pub author: String,
    /// By which version of the mapping.
    pub mapping_version: Option<String>,
    /// The target's own id of the request.
    pub request_id: Option<String>,
    /// The side before.
    pub before: BTreeMap<String, AuditValue>,
    /// The side after.
    pub after: BTreeMap<String, AuditValue>,
    /// The hash up to here.
    pub hash: String,
}

/// Which rows.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AuditScope {
    /// Of this target.
    pub target: Option<TargetName>,
    /// Of this object.
    pub object: Option<ObjectRef>,
    /// Of this run.
    pub run: Option<RunId>,
    /// Not older than this.
    pub since: Option<Millis>,
    /// Older than this.
    pub until: Option<Millis>,
    /// Of this action, or decision.
    pub action: Option<String>,
    /// By this author.
    pub author: Option<String>,
}

impl Store {
    /// The next rows after a place.
    pub async fn audit(&self, scope: &AuditScope, after_seq: i64, rows: usize) -> Result<Vec<AuditRow>> {
        let mut sql = scope.sql("select * from audit", after_seq);
        sql = sql.bind(" order by seq limit ", limit(rows));
        sql.all(&mut *self.read().await?).await?.iter().map(|row| Ok(RawRow::read(row)?.shown())).collect()
    }

    /// The rows before a moment and, of that moment, before a place; newest first. With a target, those of no target as well.
    pub(crate) async fn audit_before(
        &self,
        scope: &AuditScope,
        target: Option<&TargetName>,
        (at, seq): (Millis, i64),
        rows: usize,
    ) -> Result<Vec<AuditRow>> {
        let mut sql = scope.sql("select * from audit", 0);
        sql = sql.bind(" and (at < ", at).bind(" or (at = ", at).bind(" and seq < ", seq).text("))");
        if let Some(target) = target {
            sql = sql.bind(" and (target is null or target = ", target).text(")");
        }
        sql = sql.bind(" order by at desc, seq desc limit ", limit(rows));
        sql.all(&mut *self.read().await?).await?.iter().map(|row| Ok(RawRow::read(row)?.shown())).collect()
    }
}

impl AuditScope {
    /// The text with the conditions of this scope.
    pub(super) fn sql(&self, text: &str, after_seq: i64) -> Sql {
        let mut sql = Sql::new(text).bind(" where seq > ", after_seq);
        if let Some(target) = &self.target {
            sql = sql.bind(" and target = ", target);
        }
        if let Some(object) = &self.object {
            sql = sql.bind(" and kind = ", object.kind).bind(" and id = ", &object.id);
        }
        if let Some(run) = &self.run {
            sql = sql.bind(" and run = ", run);
        }
        if let Some(since) = self.since {
            sql = sql.bind(" and at >= ", since);
        }
        if let Some(until) = self.until {
            sql = sql.bind(" and at < ", until);
        }
        if let Some(action) = &self.action {
            sql = sql.bind(" and action = ", action.as_str());
        }
        if let Some(author) = &self.author {
            sql = sql.bind(" and author = ", author.as_str());
        }
        sql
    }
}

/// A row as stored.
#[derive(Debug)]
pub(super) struct RawRow {
    pub(super) seq: i64,
    pub(super) at: Millis,
    line: Option<i64>,
    texts: [Option<String>; 10],
    object: Option<ObjectRef>,
    pub(super) sides: Sides,
    pub(super) hash: String,
}

/// The columns that are texts, in the order in which the chain covers them.
const TEXTS: [&str; 10] =
    ["target", "run", "kind", "id", "record", "action", "outcome", "author", "mapping_version", "request_id"];

impl RawRow {
    pub(super) fn read(row: &AnyRow) -> Result<Self> {
        let mut texts: [Option<String>; 10] = Default::default();
        for (text, column) in texts.iter_mut().zip(TEXTS) {
            *text = row.opt_str(column)?;
        }
        Ok(Self {
            seq: row.int("seq")?,
            at: row.int("at")?,
            line: row.opt_int("line")?,
            texts,
            object: row.opt_object("")?,
            sides: row.json("fields")?,
            hash: row.str("hash")?,
        })
    }

    pub(super) fn covered(&self) -> Covered<'_> {
        let texts = self.texts.each_ref().map(Option::as_deref);
        Covered { seq: self.seq, at: self.at, line: self.line, texts, sides: &self.sides }
    }

    /// What it was, in a word.
    pub(super) fn action(&self) -> &str {
        self.texts[5].as_deref().unwrap_or_default()
    }

    /// Whether it says that everything up to this place was pruned.
    pub(super) fn signs_off(&self, place: &Head) -> bool {
        let value = |name: &str| self.sides.after.get(name).cloned().map(Field::kept);
        self.action() == PRUNED
            && value(THROUGH) == Some(AuditValue::Value(place.seq.into()))
            && value(HASH) == Some(AuditValue::Value(place.hash.as_str().into()))
    }

    pub(super) fn shown(self) -> AuditRow {
        let kept = |side: Fields| side.into_iter().map(|(name, field)| (name, field.kept())).collect();
        let [target, run, _, _, record, action, outcome, author, mapping_version, request_id] = self.texts;
        AuditRow {
            seq: self.seq,
            at: self.at,
            target: target.map(TargetName::from),
            run: run.map(RunId::from),
            line: self.line,
            object: self.object,
            record: record.map(TargetId::from),
            action: action.unwrap_or_default(),
            outcome: outcome.unwrap_or_default(),
            author: author.unwrap_or_default(),
            mapping_version,
            request_id,
            before: kept(self.sides.before),
            after: kept(self.sides.after),
            hash: self.hash,
        }
    }
}
