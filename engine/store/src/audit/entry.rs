//! A row of the audit before it has its place in the chain.

use entrain_model::{Attributes, ObjectRef, RunId, TargetId, TargetName};
use serde_json::Value as Json;
use sqlx::AnyConnection;

use super::append;
use crate::{Result, Store};

/// Something that was done, or decided.
#[derive(Clone, Debug, Default)]
pub(crate) struct Entry {
    pub(crate) target: Option<TargetName>,
    pub(crate) run: Option<RunId>,
    pub(crate) line: Option<i64>,
    pub(crate) object: Option<ObjectRef>,
    pub(crate) record: Option<TargetId>,
    pub(crate) action: String,
    pub(crate) outcome: String,
    /// Who, where that is not the author of the store.
    pub(crate) author: Option<String>,
    pub(crate) mapping_version: Option<String>,
    pub(crate) request_id: Option<String>,
    pub(crate) before: Attributes,
    pub(crate) after: Attributes,
}

impl Entry {
    /// An act of an operator or of the service, which stands as soon as its transaction does.
    pub(crate) fn act(action: &str) -> Self {
        Self { action: action.to_owned(), outcome: "done".to_owned(), ..Self::default() }
    }

    pub(crate) fn target(self, target: &TargetName) -> Self {
        Self { target: Some(target.clone()), ..self }
    }

    pub(crate) fn run(self, run: &RunId) -> Self {
        Self { run: Some(run.clone()), ..self }
    }

    pub(crate) fn object(self, object: &ObjectRef) -> Self {
        Self { object: Some(object.clone()), ..self }
    }

    pub(crate) fn by(self, author: &str) -> Self {
        Self { author: Some(author.to_owned()), ..self }
    }

    pub(crate) fn before(mut self, name: &str, value: impl Into<Json>) -> Self {
        self.before.insert(name.to_owned(), value.into());
        self
    }

    pub(crate) fn after(mut self, name: &str, value: impl Into<Json>) -> Self {
        self.after.insert(name.to_owned(), value.into());
        self
    }
}

impl Store {
    /// Adds one entry, as the last thing that a transaction does: from here to its end no other transaction can add any.
    pub(crate) async fn record(&self, connection: &mut AnyConnection, entry: Entry) -> Result<()> {
        append(self, connection, vec![entry]).await
    }
}
