//! A whole object that comes another way than by SCIM, through the same door.

use entrain_model::{Kind, ObjectRef};
use entrain_scim::{Profile, ScimError};
use entrain_store::{SourceWriter, StoreError};
use serde_json::Value as Json;

use super::answer::Failure;
use super::kept::Kept;
use super::{Scim, writes};

/// What became of an object that was handed over.
#[derive(Debug)]
pub(crate) enum HandOver {
    /// The source has it now.
    Taken,
    /// It is not as it must be: a status of HTTP, and why.
    Refused(u16, String),
    /// The database failed.
    Failed(StoreError),
}

impl Scim {
    /// Makes an object so within a transaction, new or not, as a PUT would. Members of a group stay as they are unless they are named.
    pub(crate) async fn hand_over(&self, writer: &mut SourceWriter, object: &ObjectRef, document: Json) -> HandOver {
        let (name, kept) = match object.kind {
            Kind::User => ("User", Kept::User),
            Kind::Group => ("Group", Kept::Group),
        };
        let catalog = &self.inner.catalog;
        let Some(of) = catalog.named(name) else { return HandOver::Refused(501, format!("there is no resource type {name}")) };
        match writes::make_so(catalog, writer, &catalog.shape(of), kept, &object.id, (document, Profile::Okta)).await {
            Ok(()) => HandOver::Taken,
            Err(Failure::Refused(ScimError { status, detail, .. })) => HandOver::Refused(status, detail),
            Err(Failure::Store(error)) => HandOver::Failed(error),
        }
    }
}
