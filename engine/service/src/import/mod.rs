//! Import: files fill the source.
//!
//! A reader turns a file into numbered rows; `check` finds every row that cannot be taken; `load` writes the rest in one
//! transaction. The file is read several times rather than held: only keys (ids, logins, names of entries) stay in memory.

mod check;
mod csv;
mod events;
mod fields;
mod jsonl;
mod ldif;
mod lines;
mod load;
mod open;
mod row;
pub(crate) mod scim;

pub use events::{Replay, apply_events};
pub use load::{BadRows, Imported, import};
pub use open::{Format, ImportFile};
pub use row::{BadRow, Numbered, Row, Rows};

/// A file that cannot be imported.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// It cannot be read.
    #[error("{file}: cannot be read: {cause}")]
    Read {
        /// The file.
        file: String,
        /// What the system said.
        cause: std::io::Error,
    },
    /// It is in no form that is understood.
    #[error("{file}: {reason}")]
    Form {
        /// The file.
        file: String,
        /// What is wrong and what to do.
        reason: String,
    },
    /// Rows of it cannot be taken; nothing was written.
    #[error("{}", bad_rows(.file, .rows))]
    Bad {
        /// The file.
        file: String,
        /// All of them, by line.
        rows: Vec<BadRow>,
    },
    /// A change event cannot be carried out.
    #[error("{file}:{line}: {reason} (changes applied before it: {changes_done})")]
    Event {
        /// The file.
        file: String,
        /// The line, from 1.
        line: u64,
        /// What is wrong.
        reason: String,
        /// Changes that were applied before it.
        changes_done: u64,
    },
    /// The file is not what it was when it was checked.
    #[error("{file}:{line}: the file changed while it was imported; nothing was written")]
    Moved {
        /// The file.
        file: String,
        /// The line, from 1.
        line: u64,
    },
    /// The database failed.
    #[error(transparent)]
    Store(#[from] entrain_store::StoreError),
}

fn bad_rows(file: &str, rows: &[BadRow]) -> String {
    let mut text: String = rows.iter().map(|row| format!("{file}:{}: {}\n", row.line, row.reason)).collect();
    let (count, them) = if rows.len() == 1 { ("1 row".to_owned(), "it") } else { (format!("{} rows", rows.len()), "them") };
    text.push_str(&format!("nothing was imported: {count} cannot be taken; mend {them}, or leave {them} out with --skip-bad"));
    text
}

#[cfg(test)]
mod tests;
