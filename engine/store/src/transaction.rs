//! A writing transaction, whose end is a step of a mortal life like each of its statements.

use std::ops::{Deref, DerefMut};

use sqlx::{Any, AnyConnection, Transaction};

use crate::failpoint::statement;

/// A transaction. Dropped without [`Writing::commit`] it leaves nothing.
#[derive(Debug)]
pub(crate) struct Writing(Transaction<'static, Any>);

impl Writing {
    pub(crate) fn new(begun: Transaction<'static, Any>) -> Self {
        Self(begun)
    }

    /// Keeps what was written. Whoever dies may do so with all of it still to be kept, or with all of it kept and nobody told.
    pub(crate) async fn commit(self) -> Result<(), sqlx::Error> {
        statement().await;
        self.0.commit().await?;
        statement().await;
        Ok(())
    }
}

impl Deref for Writing {
    type Target = AnyConnection;

    fn deref(&self) -> &AnyConnection {
        &self.0
    }
}

impl DerefMut for Writing {
    fn deref_mut(&mut self) -> &mut AnyConnection {
        &mut self.0
    }
}
