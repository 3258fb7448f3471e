//! The sequence of changes that delta queries read.

use super::links::Relation;
use super::names::Name;
use super::object::Row;

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

/// All changes since the tenant began, twelve bytes each, append only.
#[derive(Debug, Default)]
pub(crate) struct Journal(Vec<Entry>);

impl Journal {
    /// Notes a change.
    pub(crate) fn note(&mut self, row: Row, what: What) {
        self.0.push(Entry { row, what });
    }

    /// The number of the next change.
    pub(crate) fn end(&self) -> u64 {
        self.0.len() as u64
    }

    /// The changes from one number up to another.
    pub(crate) fn between(&self, from: u64, to: u64) -> &[Entry] {
        let bound = |at: u64| usize::try_from(at).unwrap_or(usize::MAX).min(self.0.len());
        self.0.get(bound(from)..bound(to)).unwrap_or(&[])
    }
}
