//! What went wrong in a script, where, and for which object.

use std::fmt;

use entrain_model::ObjectRef;

/// A script that does not compile, or that failed for one object. Always a mistake in the configuration: it halts the target.
///
/// The message names types, attributes and limits; it repeats a person's data only where a script itself puts it into `throw`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct MappingError {
    /// The file name of the script, or `scope predicate of users` (or `groups`).
    pub script: String,
    /// Line, counted from 1, where it is known.
    pub line: Option<usize>,
    /// Column in characters, counted from 1, where it is known.
    pub column: Option<usize>,
    /// The object that was being mapped; none when the script does not compile.
    pub object: Option<ObjectRef>,
    /// What happened and what to do.
    pub message: String,
}

impl fmt::Display for MappingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.script)?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        if let Some(column) = self.column {
            write!(f, ":{column}")?;
        }
        if let Some(object) = &self.object {
            write!(f, " ({object})")?;
        }
        write!(f, ": {}", self.message)
    }
}
