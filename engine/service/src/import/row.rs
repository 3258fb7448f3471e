//! What a reader of any format yields.

use entrain_store::{GroupRow, Membership, SourceChange, UserRow};

/// One row of a file.
#[derive(Clone, Debug, PartialEq)]
pub enum Row {
    /// A user.
    User(UserRow),
    /// A group.
    Group(GroupRow),
    /// A membership.
    Membership(Membership),
    /// Something that a directory holds and an import passes over, such as an organisational unit.
    Other,
}

impl Row {
    /// The change that makes the source hold this row; none for what is passed over.
    pub fn into_change(self) -> Option<SourceChange> {
        match self {
            Row::User(user) => Some(SourceChange::PutUser(user)),
            Row::Group(group) => Some(SourceChange::PutGroup(group)),
            Row::Membership(membership) => Some(SourceChange::PutMembership(membership)),
            Row::Other => None,
        }
    }
}

/// A row, or why it cannot be taken, with the line (from 1) on which it begins. No two rows of a file have one line.
#[derive(Clone, Debug, PartialEq)]
pub struct Numbered {
    /// The line.
    pub line: u64,
    /// The row, or the reason in words.
    pub row: Result<Row, String>,
}

/// A row that cannot be taken.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct BadRow {
    /// The line, from 1.
    pub line: u64,
    /// Why.
    pub reason: String,
}

/// The rows of a file in its order. An error of the outer result ends the reading.
pub type Rows = Box<dyn Iterator<Item = std::io::Result<Numbered>>>;
