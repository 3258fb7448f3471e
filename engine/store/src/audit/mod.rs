//! The audit: what was changed in a target, and what operators decided, in one chain that shows whether it was touched.

mod chain;
mod entry;
mod field;
mod list;
mod recall;
mod retain;
mod verify;

use std::collections::BTreeSet;
use std::sync::Arc;

pub use chain::Head;
pub(crate) use chain::append;
pub(crate) use entry::Entry;
pub use field::AuditValue;
pub(crate) use field::Sealer;
pub use list::{AuditRow, AuditScope};
pub(crate) use recall::recall;
pub use retain::{Pruned, Redacted};
pub use verify::{Broken, Verified};

use entrain_model::{Attributes, TargetId};

use crate::Store;

/// The two sides of a change, field by field.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Audit {
    /// The record that is changed, where it is known before its answer.
    pub record: Option<TargetId>,
    /// What was known before; a field that is missing here was not known, `null` was no value.
    pub before: Attributes,
    /// What was sent; never a secret.
    pub after: Attributes,
    /// What else of the mirror belongs to `before`.
    pub recall: Recall,
}

/// What the store adds to the side before a change, from the mirror as it was.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Recall {
    /// Nothing: it is given.
    #[default]
    Nothing,
    /// The fields that the side after the change names.
    Named,
    /// All that is known of the record.
    Everything,
    /// The manager that is replaced.
    Manager,
    /// Which source object the other end of a reference is.
    OtherEnd,
}

/// The name of the field that says in which state a record is.
pub const CONDITION: &str = "(condition)";

/// Who writes the audit, and what of it is not kept.
#[derive(Clone, Debug)]
pub(crate) struct Author {
    pub(crate) name: Arc<str>,
    pub(crate) redact: Arc<BTreeSet<String>>,
}

impl Default for Author {
    fn default() -> Self {
        Self { name: Arc::from("entrain"), redact: Arc::default() }
    }
}

impl Store {
    /// The same database, for somebody: what is done with it stands in the audit under this name.
    #[must_use]
    pub fn acting_as(mut self, name: &str) -> Self {
        self.author_mut().name = Arc::from(name);
        self
    }

    /// The same database; the audit keeps no values of these attributes and of their parts.
    #[must_use]
    pub fn redacting(mut self, attributes: impl IntoIterator<Item = String>) -> Self {
        self.author_mut().redact = Arc::new(attributes.into_iter().collect());
        self
    }
}
