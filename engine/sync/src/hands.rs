//! What a run may do to its target. A dry run is given a directory that cannot be written, not a flag.

use std::sync::Arc;

use async_trait::async_trait;
use entrain_model::{
    Credentials, Directory, DirectoryError, Pages, Query, Read, RefusedCredential, Schema, Tenant, WritableDirectory,
};

/// A directory without its writing half.
pub struct ReadOnly(Arc<dyn WritableDirectory>);

#[async_trait]
impl Directory for ReadOnly {
    async fn read(&self, query: &Query, into: &mut dyn Pages) -> Result<Read, DirectoryError> {
        self.0.read(query, into).await
    }
    fn schema(&self) -> &Schema {
        self.0.schema()
    }
    async fn tenant(&self) -> Result<Tenant, DirectoryError> {
        self.0.tenant().await
    }
    async fn credentials(&self) -> Result<Credentials, DirectoryError> {
        self.0.credentials().await
    }
    fn passed_over(&self) -> Option<Vec<RefusedCredential>> {
        self.0.passed_over()
    }
}

/// The target's directory as a run gets it.
#[derive(Clone)]
pub enum Hands {
    /// It can only look.
    Tied(Arc<ReadOnly>),
    /// It can write.
    Free(Arc<dyn WritableDirectory>),
}

impl Hands {
    /// Takes the writing half away.
    #[must_use]
    pub fn tied(&self) -> Self {
        match self {
            Hands::Tied(_) => self.clone(),
            Hands::Free(directory) => Hands::Tied(Arc::new(ReadOnly(Arc::clone(directory)))),
        }
    }

    /// The reading half.
    pub fn directory(&self) -> &dyn Directory {
        match self {
            Hands::Tied(directory) => directory.as_ref(),
            Hands::Free(directory) => directory.as_ref(),
        }
    }
}
