//! The sequence of changes that delta queries read.

use super::links::Relation;
use super::names::Name;
use super::object::Row;
use std::collections::BTreeSet;

/// What happened to an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum What {
    /// It came into being.
    Created,
    /// It went to the recycle bin.
    Recycled,
    /// It came back from the recycle bin.
    Restored,
    /// It is gone for good.
    Purged,
    /// A property changed.
    Property(Name),
    /// A reference to this object was added or removed.
    Link(Relation, Row),
}

/// One change; its place in the journal is its number.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry {
    /// The object that changed.
    pub(crate) row: Row,
    /// What changed.
    pub(crate) what: What,
}

/// Changes of one write that delta queries tell later than they happened.
#[derive(Clone, Copy, Debug)]
struct Late {
    from: u64,
    to: u64,
    arrives: i64,
}

/// What a round of delta queries tells: the changes of a stretch of the journal that have arrived when it begins, and the
/// earlier ones that have arrived since the round before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    /// The first change of the stretch.
    pub(crate) from: u64,
    /// Its end.
    pub(crate) to: u64,
    /// When the round before began, in unix milliseconds of the tenant.
    pub(crate) since: i64,
    /// When this one began.
    pub(crate) until: i64,
}

/// All changes since the tenant began, twelve bytes each, append only, and which of them are told late.
#[derive(Debug, Default)]
pub(crate) struct Journal {
    entries: Vec<Entry>,
    late: Vec<Late>,
    /// When the changes of the write that goes on are told, if later.
    arrives: Option<i64>,
    fresh: bool,
}

impl Journal {
    /// Begins a write whose changes are told at this moment; without one, at once.
    pub(crate) fn begin(&mut self, arrives: Option<i64>) {
        self.arrives = arrives;
        self.fresh = true;
    }

    /// Notes a change.
    pub(crate) fn note(&mut self, row: Row, what: What) {
        let at = self.end();
        self.entries.push(Entry { row, what });
        let Some(arrives) = self.arrives else { return };
        match self.late.last_mut().filter(|_| !self.fresh) {
            Some(last) => last.to = at + 1,
            None => self.late.push(Late { from: at, to: at + 1, arrives }),
        }
        self.fresh = false;
    }

    /// What a round tells, in the order of the journal.
    pub(crate) fn told(&self, span: Span) -> Vec<&Entry> {
        let before =
            self.late.iter().filter(|late| late.from < span.from && (span.since < late.arrives && late.arrives <= span.until));
        let mut told: Vec<&Entry> = before.flat_map(|late| self.between(late.from, late.to.min(span.from))).collect();
        let mut at = span.from;
        let pending = self.late.iter().filter(|late| late.to > span.from && late.from < span.to && late.arrives > span.until);
        for late in pending {
            told.extend(self.between(at, late.from.max(at)));
            at = late.to.max(at);
        }
        told.extend(self.between(at, span.to));
        told
    }

    /// The objects that came into being before the end of a round, but are not told yet when it begins.
    pub(crate) fn unborn(&self, span: Span) -> BTreeSet<Row> {
        let pending = self.late.iter().filter(|late| late.from < span.to && late.arrives > span.until);
        let entries = pending.flat_map(|late| self.between(late.from, late.to));
        entries.filter(|entry| entry.what == What::Created).map(|entry| entry.row).collect()
    }

    /// The number of the next change.
    pub(crate) fn end(&self) -> u64 {
        self.entries.len() as u64
    }

    fn between(&self, from: u64, to: u64) -> &[Entry] {
        let bound = |at: u64| usize::try_from(at).unwrap_or(usize::MAX).min(self.entries.len());
        self.entries.get(bound(from)..bound(to)).unwrap_or(&[])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_change_is_told_once_when_it_arrives() {
        let mut journal = Journal::default();
        for (row, arrives) in [(1, Some(30)), (2, Some(10)), (3, None), (4, Some(20))] {
            journal.begin(arrives);
            journal.note(Row(row), What::Created);
            journal.note(Row(row), What::Recycled);
        }
        let rows = |from: u64, since: i64, until: i64| -> Vec<u32> {
            let span = Span { from, to: 8, since, until };
            journal.told(span).iter().filter(|entry| entry.what == What::Created).map(|entry| entry.row.0).collect()
        };
        assert_eq!(rows(0, 0, 10), [2, 3]);
        assert_eq!(rows(8, 10, 20), [4], "what is late is told in a later round");
        assert_eq!(rows(8, 20, 30), [1]);
        assert!(rows(8, 30, 40).is_empty());
        assert_eq!(rows(0, 0, 40), [1, 2, 3, 4]);
        let unborn = |until| journal.unborn(Span { from: 8, to: 8, since: 0, until }).len();
        assert_eq!([unborn(9), unborn(10), unborn(20), unborn(30)], [3, 2, 1, 0]);
    }
}
