//! Tokens by `azure_identity`. Its credential objects remember their token and offer no way to drop it, so a refused token
//! costs a new object.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use azure_core::cloud::{CloudConfiguration, CustomConfiguration};
use azure_core::credentials::{Secret, TokenCredential};
use azure_core::http::{ClientOptions, RetryOptions, Transport};
use azure_identity::{
    ClientAssertionCredential, ClientAssertionCredentialOptions, ClientSecretCredential, ClientSecretCredentialOptions,
    ManagedIdentityCredential, ManagedIdentityCredentialOptions, UserAssignedId, WorkloadIdentityCredential,
    WorkloadIdentityCredentialOptions,
};
use entrain_model::{DirectoryError, Fault, RefusedCredential};
use secrecy::ExposeSecret as _;
use serde_json::Value as Json;

use super::assertion::Signer;
use super::exchange::Exchange;
use super::rotation::Rotation;
use super::{Token, TokenSource, refusal, rotation};
use crate::{ClientCertificate, CredentialConfig, EntraConfig};

/// One call may take this long: the sign-in of machine identities repeats itself, for minutes in bad cases.
const PATIENCE: Duration = Duration::from_secs(60);

/// Tokens of one application in one tenant.
pub(crate) struct AzureTokens {
    config: EntraConfig,
    client: reqwest::Client,
    /// Of certificates, newest first.
    signers: Vec<Signer>,
    rotation: Rotation,
    scope: String,
    /// One at a time signs in: what it learns the others need not try.
    turn: tokio::sync::Mutex<()>,
    /// One for each signer, or the only one.
    current: Mutex<(u64, Vec<Arc<dyn TokenCredential>>)>,
}

impl AzureTokens {
    /// Reads the credential; makes no call.
    pub(crate) fn new(config: &EntraConfig, client: reqwest::Client) -> Result<Self, DirectoryError> {
        let (signers, rotation) = match &config.credential {
            CredentialConfig::Certificate { client_id, certificates } => signers(config, client_id, certificates)?,
            CredentialConfig::Secret { .. }
            | CredentialConfig::ManagedIdentity { .. }
            | CredentialConfig::WorkloadIdentity { .. } => (Vec::new(), Rotation::one(config.clock.clone())),
        };
        let current = Mutex::new((0, credentials(config, &client, &signers, None)?));
        let scope = format!("{}/.default", config.cloud.graph());
        Ok(Self { config: config.clone(), client, signers, rotation, scope, turn: tokio::sync::Mutex::default(), current })
    }

    /// The first that is not refused gives the token.
    async fn sign_in(&self) -> Result<Token, DirectoryError> {
        let _turn = self.turn.lock().await;
        let (generation, credentials) = self.current.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let mut refused = None;
        for place in self.rotation.order() {
            match credentials[place].get_token(&[self.scope.as_str()], None).await {
                Ok(token) => {
                    self.rotation.taken(place);
                    return Ok(Token { secret: token.token.secret().to_owned().into(), generation });
                }
                Err(error) => {
                    let error = refusal::explain(&self.config, &error);
                    if error.fault != Fault::Unauthorized {
                        return Err(error);
                    }
                    self.rotation.refused(place, &error);
                    refused.get_or_insert(error);
                }
            }
        }
        self.rotation.nobody();
        Err(refused.unwrap_or_else(|| unusable("there is none")))
    }
}

/// The certificates that can sign, newest first. One that cannot is passed over as long as another one can.
fn signers(
    config: &EntraConfig,
    client_id: &str,
    certificates: &[ClientCertificate],
) -> Result<(Vec<Signer>, Rotation), DirectoryError> {
    let now = config.clock.now();
    let (readable, mut unusable_ones) = rotation::read(certificates, now);
    let (mut signers, mut usable) = (Vec::new(), Vec::new());
    for one in readable {
        match Signer::new(config, client_id, one.pem.expose_secret()) {
            Ok(signer) => {
                signers.push(signer);
                usable.push(one);
            }
            Err(why) => unusable_ones.push(RefusedCredential { credential: one.credential, why, since: now }),
        }
    }
    for one in &unusable_ones {
        tracing::error!("certificate {} cannot sign in: {}", one.credential.name, one.why);
    }
    match unusable_ones.first() {
        Some(first) if signers.is_empty() => Err(unusable(format!("{}: {}", first.credential.name, first.why))),
        _ => Ok((signers, Rotation::new(usable, unusable_ones, config.clock.clone()))),
    }
}

#[async_trait]
impl TokenSource for AzureTokens {
    async fn token(&self) -> Result<Token, DirectoryError> {
        tokio::time::timeout(PATIENCE, self.sign_in()).await.unwrap_or_else(|_| {
            Err(DirectoryError::new(
                Fault::Unreachable,
                format!("no token from {} within {} seconds", self.config.cloud.authority(), PATIENCE.as_secs()),
            ))
        })
    }

    fn forget(&self, token: &Token, challenge: Option<&Json>) {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        // Several calls may have been refused with one token; the first of them is enough.
        if current.0 == token.generation
            && let Ok(new) = credentials(&self.config, &self.client, &self.signers, challenge)
        {
            *current = (token.generation + 1, new);
        }
    }

    fn passed_over(&self) -> Option<Vec<RefusedCredential>> {
        self.rotation.passed_over()
    }
}

fn credentials(
    config: &EntraConfig,
    client: &reqwest::Client,
    signers: &[Signer],
    challenge: Option<&Json>,
) -> Result<Vec<Arc<dyn TokenCredential>>, DirectoryError> {
    if signers.is_empty() {
        return Ok(vec![credential(config, client, None, challenge)?]);
    }
    signers.iter().map(|signer| credential(config, client, Some(signer), challenge)).collect()
}

fn credential(
    config: &EntraConfig,
    client: &reqwest::Client,
    signer: Option<&Signer>,
    challenge: Option<&Json>,
) -> Result<Arc<dyn TokenCredential>, DirectoryError> {
    let client_options = options(config, Exchange { client: client.clone(), challenge: challenge.cloned() });
    let made: azure_core::Result<Arc<dyn TokenCredential>> = match (&config.credential, signer) {
        (CredentialConfig::Secret { client_id, secret }, _) => {
            let secret = Secret::new(secret.expose_secret().to_owned());
            let options = ClientSecretCredentialOptions { client_options };
            ClientSecretCredential::new(&config.tenant, client_id.clone(), secret, Some(options)).map(|made| made as _)
        }
        (CredentialConfig::Certificate { client_id, .. }, Some(signer)) => {
            let options = ClientAssertionCredentialOptions { client_options };
            ClientAssertionCredential::new(config.tenant.clone(), client_id.clone(), signer.clone(), Some(options))
                .map(|made| made as _)
        }
        (CredentialConfig::Certificate { .. }, None) => return Err(unusable("the certificate was not read")),
        (CredentialConfig::ManagedIdentity { client_id }, _) => {
            let user_assigned_id = client_id.clone().map(UserAssignedId::ClientId);
            let options = ManagedIdentityCredentialOptions { user_assigned_id, client_options };
            ManagedIdentityCredential::new(Some(options)).map(|made| made as _)
        }
        (CredentialConfig::WorkloadIdentity { client_id, token_file }, _) => {
            let options = WorkloadIdentityCredentialOptions {
                credential_options: ClientAssertionCredentialOptions { client_options },
                client_id: client_id.clone(),
                tenant_id: Some(config.tenant.clone()),
                token_file_path: token_file.clone(),
            };
            WorkloadIdentityCredential::new(Some(options)).map(|made| made as _)
        }
    };
    made.map_err(unusable)
}

fn options(config: &EntraConfig, exchange: Exchange) -> ClientOptions {
    let mut cloud = CustomConfiguration::default();
    cloud.authority_host = config.cloud.authority().to_owned();
    ClientOptions {
        cloud: Some(Arc::new(CloudConfiguration::Custom(cloud))),
        transport: Some(Transport::new(Arc::new(exchange))),
        // Its own retries hold a lock over all scopes; ours decide.
        retry: RetryOptions::none(),
        ..ClientOptions::default()
    }
}

fn unusable(error: impl std::fmt::Display) -> DirectoryError {
    DirectoryError::new(
        Fault::Unauthorized,
        format!("the credential cannot be used: {error}. Correct the target's credential in the configuration and resume"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::FakeClock;

    fn config(tenant: &str) -> EntraConfig {
        let credential = CredentialConfig::Secret { client_id: "app".into(), secret: "s3cret".into() };
        EntraConfig::new(tenant, credential, FakeClock::new())
    }

    fn client() -> reqwest::Client {
        crate::wire::client(&config("contoso.com")).unwrap()
    }

    #[test]
    fn one_refused_token_makes_one_new_credential() {
        let tokens = AzureTokens::new(&config("contoso.com"), client()).unwrap();
        let refused = Token { secret: "t".into(), generation: 0 };
        let credential = || tokens.current.lock().unwrap().1[0].clone();
        let first = credential();
        tokens.forget(&refused, None);
        let second = credential();
        tokens.forget(&refused, None);
        assert!(!Arc::ptr_eq(&first, &second) && Arc::ptr_eq(&second, &credential()));
    }

    #[test]
    fn a_tenant_that_is_none_is_said_before_any_call() {
        let error = AzureTokens::new(&config("not a tenant"), client()).err().unwrap();
        assert_eq!(error.fault, Fault::Unauthorized);
        assert!(error.message.contains("invalid tenant ID not a tenant"), "{error}");
    }

    #[test]
    fn a_secret_never_shows() {
        assert!(!format!("{:?}", config("contoso.com")).contains("s3cret"));
    }
}
