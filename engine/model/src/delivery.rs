//! First credentials on their way to whoever hands them on. They exist here and in the call that makes them, nowhere else.

use async_trait::async_trait;
use secrecy::SecretString;

use crate::{Millis, ObjectRef, TargetId};

/// What a new user signs in with the first time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Issued {
    /// A password, to be changed at once.
    Password,
    /// A pass that runs out.
    Pass {
        /// When.
        until: Millis,
    },
}

impl Issued {
    /// The word that is shown.
    pub fn as_str(self) -> &'static str {
        match self {
            Issued::Password => "password",
            Issued::Pass { .. } => "temporary_access_pass",
        }
    }
}

/// One first credential and whose it is.
#[derive(Debug)]
pub struct Handover {
    /// The source object.
    pub object: ObjectRef,
    /// Its record.
    pub record: TargetId,
    /// What the user signs in as.
    pub login: String,
    /// What sort of credential it is.
    pub issued: Issued,
    /// The credential itself. It does not print and is wiped.
    pub secret: SecretString,
}

/// Why a credential reached nobody.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Undelivered(pub String);

/// Takes first credentials to whoever hands them on.
#[async_trait]
pub trait Delivery: Send + Sync {
    /// Delivers one. When this comes back with success somebody has it; it is not kept here in either case.
    async fn deliver(&self, handover: &Handover) -> Result<(), Undelivered>;
}
