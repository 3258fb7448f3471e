//! The adapter that the engine uses with a real tenant, over HTTPS to an emulated one.

use std::sync::Arc;

use entrain_emulator::Running;
use entrain_entra::{Cloud, CredentialConfig, Entra, EntraConfig};
use secrecy::SecretString;

use crate::rig::MovableClock;

/// With the credential that the tenant knows.
///
/// # Errors
/// It cannot be made.
pub fn entra(emulator: &Running) -> anyhow::Result<Arc<Entra>> {
    entra_with(emulator, &emulator.client_secret, Arc::default())
}

/// With this secret and this clock, and little patience.
///
/// # Errors
/// It cannot be made.
pub fn entra_with(emulator: &Running, secret: &str, clock: Arc<MovableClock>) -> anyhow::Result<Arc<Entra>> {
    let credential = CredentialConfig::Secret { client_id: emulator.client_id.clone(), secret: SecretString::from(secret) };
    let mut config = EntraConfig::new(emulator.tenant_id.clone(), credential, clock);
    config.cloud = Cloud::Custom { authority: emulator.authority_url.clone(), graph: emulator.base_url.clone() };
    config.ca_pem = Some(emulator.ca_pem.clone().into_bytes());
    config.attempts = 2;
    Ok(Arc::new(Entra::connect(config)?))
}
