//! Tokens: a trait of our own, and behind it the credentials of `azure_identity`.

mod assertion;
mod azure;
pub(crate) mod certificate;
mod claims;
mod exchange;
mod refusal;
pub(crate) mod rotation;

use async_trait::async_trait;
use entrain_model::{DirectoryError, RefusedCredential};
use secrecy::SecretString;
use serde_json::Value as Json;

pub(crate) use azure::AzureTokens;
pub(crate) use claims::challenged;

/// A token, and which credential object gave it.
#[derive(Clone)]
pub(crate) struct Token {
    pub secret: SecretString,
    pub generation: u64,
}

/// Gives tokens for Graph.
#[async_trait]
pub(crate) trait TokenSource: Send + Sync {
    /// A token that is valid now, from memory where possible.
    async fn token(&self) -> Result<Token, DirectoryError>;
    /// This token was refused: the next one is to be a new one, asked for with the claims of the refusal.
    fn forget(&self, token: &Token, challenge: Option<&Json>);
    /// Credentials that do not sign in although they would come before the one that does; `None` while none does.
    fn passed_over(&self) -> Option<Vec<RefusedCredential>> {
        Some(Vec::new())
    }
}
