//! The keys of hooks, opened when they are first needed. A secret never changes under its name, so what was opened stays right.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use aws_lc_rs::error::Unspecified;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use entrain_store::{Hook, HookSide, Store};
use secrecy::SecretString;

use crate::alarms::{Secret, SecretError};
use crate::config::Config;
use crate::vault::{Vault, VaultError};

/// Bytes of a key.
const KEY: usize = 32;

/// Why a hook has no key.
#[derive(Debug, thiserror::Error)]
pub(crate) enum KeyError {
    /// It cannot be opened.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// It was removed.
    #[error("the secret `{0}` of a hook is gone: rotate the hook")]
    Gone(String),
    /// It is none.
    #[error(transparent)]
    Form(#[from] SecretError),
}

/// A new secret, `whsec_..`.
pub(crate) fn draw_secret() -> Result<SecretString, Unspecified> {
    let mut bytes = [0; KEY];
    aws_lc_rs::rand::fill(&mut bytes)?;
    Ok(SecretString::from(format!("whsec_{}", STANDARD.encode(bytes))))
}

/// Under which name the secret of a hook is sealed that is made now.
pub(crate) fn vault_name(side: HookSide, name: &str) -> String {
    format!("hook.{}.{name}.{}", side.as_str(), uuid::Uuid::now_v7())
}

/// Opened keys, by the names of their secrets.
pub(crate) struct Keyring {
    config: Config,
    store: Store,
    opened: Mutex<BTreeMap<String, Secret>>,
}

impl Keyring {
    pub(crate) fn new(config: Config, store: Store) -> Self {
        Self { config, store, opened: Mutex::default() }
    }

    /// The keys of a hook that are good now, the newest first.
    pub(crate) async fn keys(&self, hook: &Hook) -> Result<Vec<Secret>, KeyError> {
        let mut keys = Vec::new();
        for name in hook.secrets(self.store.now()) {
            let known = self.opened.lock().unwrap_or_else(PoisonError::into_inner).get(name).cloned();
            let key = match known {
                Some(key) => key,
                None => self.open(name).await?,
            };
            keys.push(key);
        }
        Ok(keys)
    }

    async fn open(&self, name: &str) -> Result<Secret, KeyError> {
        let vault = Vault::open(&self.config, &self.store).await?;
        let text = vault.secret(name).await?.ok_or_else(|| KeyError::Gone(name.to_owned()))?;
        let key = Secret::read(&text)?;
        self.opened.lock().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned(), key.clone());
        Ok(key)
    }
}
