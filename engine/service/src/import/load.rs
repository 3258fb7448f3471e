//! Import of a file: check, then write all of it in one transaction.

use entrain_store::{Applied, SourceChange, Store};

use super::check::{CHUNK, Checked, Depth, check};
use super::row::{BadRow, Numbered, Row};
use super::{ImportError, ImportFile};

/// What becomes of a file that has bad rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BadRows {
    /// Nothing of it is imported.
    #[default]
    Refuse,
    /// The others are imported.
    Skip,
}

/// What an import did.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Imported {
    /// Users of the file.
    pub users: u64,
    /// Groups of the file.
    pub groups: u64,
    /// Memberships of the file.
    pub memberships: u64,
    /// Rows that are new in the source.
    pub inserted: u64,
    /// Rows that differ now.
    pub updated: u64,
    /// Rows that were so already.
    pub unchanged: u64,
    /// Entries that are neither users, groups nor memberships.
    pub passed_over: u64,
    /// Rows that were left out.
    pub bad: Vec<BadRow>,
}

/// Imports a file. Importing it again changes nothing.
///
/// # Errors
/// The file cannot be read; rows are bad and `bad_rows` is `Refuse`: then nothing was written; the database failed.
pub async fn import(store: &Store, file: &ImportFile, bad_rows: BadRows) -> Result<Imported, ImportError> {
    let depth = match bad_rows {
        BadRows::Refuse => Depth::Once,
        BadRows::Skip => Depth::UntilStable,
    };
    let checked = check(file, store, depth).await?;
    let bad = checked.bad_rows();
    if bad_rows == BadRows::Refuse && !bad.is_empty() {
        return Err(ImportError::Bad { file: file.name(), rows: bad });
    }
    let imported = write(store, file, &checked).await?;
    Ok(Imported { bad, passed_over: checked.passed_over, ..imported })
}

async fn write(store: &Store, file: &ImportFile, checked: &Checked) -> Result<Imported, ImportError> {
    let mut imported = Imported::default();
    let mut writer = store.source_writer().await?;
    let mut chunk: Vec<SourceChange> = Vec::with_capacity(CHUNK);
    for item in file.rows()? {
        let Numbered { line, row } = item.map_err(|cause| file.read_error(cause))?;
        if checked.is_bad(line) {
            continue;
        }
        // The check found this row good: one that is bad now was written since.
        let row = row.map_err(|_| ImportError::Moved { file: file.name(), line })?;
        imported.count(&row);
        chunk.extend(row.into_change());
        if chunk.len() >= CHUNK {
            imported.add(writer.apply(&chunk).await?);
            chunk.clear();
        }
    }
    imported.add(writer.apply(&chunk).await?);
    writer.commit().await?;
    Ok(imported)
}

impl Imported {
    fn count(&mut self, row: &Row) {
        match row {
            Row::User(_) => self.users += 1,
            Row::Group(_) => self.groups += 1,
            Row::Membership(_) => self.memberships += 1,
            Row::Other => {}
        }
    }

    fn add(&mut self, applied: Applied) {
        self.inserted += applied.inserted;
        self.updated += applied.updated;
        self.unchanged += applied.unchanged;
    }
}
