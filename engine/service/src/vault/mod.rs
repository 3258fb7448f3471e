//! Secrets at rest. A master key, which is not in the database, seals data keys; the newest data key seals the secrets.

mod master;
mod seal;

use std::path::{Path, PathBuf};

use aws_lc_rs::error::Unspecified;
use entrain_store::{DataKey, Sealed, SecretRow, Store, StoreError};
use secrecy::{ExposeSecret as _, SecretString};
use uuid::Uuid;

use crate::config::{Config, SourcedError};
use master::Absent;
use seal::{KEY_LEN, Key};

const PAGE: usize = 100;

/// Why a secret cannot be sealed or opened.
#[derive(Debug, thiserror::Error)]
pub(crate) enum VaultError {
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The key is not where the configuration says.
    #[error(transparent)]
    Sourced(#[from] SourcedError),
    /// PostgreSQL has no place beside it.
    #[error(
        "no master key is named: write [secrets] master_key = {{ file = \"PATH\" }} with 32 random bytes in base64 (`openssl rand -base64 32`), or hand over the systemd credential entrain-master-key"
    )]
    NoMaster,
    /// The key that sealed what is stored is gone.
    #[error(
        "the master key {0} is gone, and what is sealed cannot be opened without it: restore it from its backup, or remove every secret (`entrain secret remove`) and set it anew"
    )]
    Lost(PathBuf),
    /// A file cannot be read or written.
    #[error("the master key {0}: {1}")]
    File(PathBuf, std::io::Error),
    /// Others can read the key.
    #[error("the master key {0} can be read by others: `chmod 600` it, and change it if it may have been read")]
    Readable(PathBuf),
    /// It is no key.
    #[error("{0} holds no master key: it is 32 bytes in base64")]
    NoKey(String),
    /// It does not open.
    #[error("{0} cannot be opened: it was sealed with another master key, or changed by somebody")]
    Closed(String),
    /// The system failed.
    #[error("the system's cryptography failed")]
    Cryptography(#[from] Unspecified),
}

/// Opens what the configuration takes from the database. What cannot be opened stays closed, and whoever needs it says so.
pub async fn unseal(config: &mut Config, store: &Store) {
    if config.sealed().next().is_none() {
        return;
    }
    let vault = match Vault::open(config, store).await {
        Ok(vault) => vault,
        Err(error) => return tracing::error!("secrets of the configuration stay closed: {error}"),
    };
    for (name, opened) in config.sealed() {
        match vault.secret(name).await {
            Ok(secret) => *opened = secret,
            Err(error) => tracing::error!("a secret of the configuration stays closed: {error}"),
        }
    }
}

/// The opened keys.
pub(crate) struct Vault {
    store: Store,
    /// Oldest first.
    keys: Vec<(String, Key)>,
}

impl Vault {
    /// Reads the master key and opens the data keys; makes the first of both.
    pub(crate) async fn open(config: &Config, store: &Store) -> Result<Self, VaultError> {
        let mut wrapped = store.data_keys().await?;
        let absent = if wrapped.is_empty() { Absent::Make } else { Absent::Refuse };
        let master = master(config, absent)?;
        if wrapped.is_empty() {
            store.add_data_key(&draw(&master)?).await?;
            wrapped = store.data_keys().await?;
        }
        let keys = wrapped.iter().map(|key| Ok((key.id.clone(), unwrap(&master, key)?))).collect::<Result<_, VaultError>>()?;
        Ok(Self { store: store.clone(), keys })
    }

    /// Seals a secret under its name.
    pub(crate) async fn set(&self, name: &str, secret: &SecretString) -> Result<(), VaultError> {
        let (id, key) = self.keys.last().ok_or(VaultError::NoMaster)?;
        let sealed = key.seal(secret.expose_secret().as_bytes(), &place(name, id))?;
        Ok(self.store.set_secret(name, id, &sealed).await?)
    }

    /// Opens the secret of that name, if there is one.
    pub(crate) async fn secret(&self, name: &str) -> Result<Option<SecretString>, VaultError> {
        match self.store.secret(name).await? {
            Some(row) => self.read(&row).map(Some),
            None => Ok(None),
        }
    }

    fn read(&self, row: &SecretRow) -> Result<SecretString, VaultError> {
        let closed = || VaultError::Closed(format!("secret `{}`", row.name));
        let (id, key) = self.keys.iter().find(|(id, _)| *id == row.key_id).ok_or_else(closed)?;
        let plain = key.open(&row.sealed, &place(&row.name, id)).map_err(|_| closed())?;
        let text = std::str::from_utf8(plain.expose_secret()).map_err(|_| closed())?;
        Ok(SecretString::from(text))
    }

    /// Puts every secret under a new data key and removes the old ones; how many secrets. One that was broken off is taken up
    /// again: it has left secrets under another key than the newest.
    pub(crate) async fn rotate(config: &Config, store: &Store) -> Result<u64, VaultError> {
        let mut vault = Self::open(config, store).await?;
        let newest = vault.newest()?;
        if store.secrets_of_other_keys(&newest, 1).await?.is_empty() {
            store.add_data_key(&draw(&master(config, Absent::Refuse)?)?).await?;
            vault = Self::open(config, store).await?;
        }
        let newest = vault.newest()?;
        let mut resealed = 0;
        loop {
            let page = store.secrets_of_other_keys(&newest, PAGE).await?;
            if page.is_empty() {
                break;
            }
            let page: Vec<(SecretRow, Sealed)> =
                page.into_iter().map(|row| vault.reseal(&row, &newest).map(|new| (row, new))).collect::<Result<_, _>>()?;
            resealed += store.reseal_secrets(&newest, &page).await?;
        }
        store.remove_old_keys(&newest).await?;
        Ok(resealed)
    }

    /// Puts the data keys under the master key in another file, which must be named in the configuration afterwards.
    pub(crate) async fn rewrap(config: &Config, store: &Store, to: &Path) -> Result<usize, VaultError> {
        let old = store.data_keys().await?;
        let (from, to) = (master(config, Absent::Refuse)?, master::from_private_file(to)?);
        let mut new = Vec::new();
        for key in &old {
            let plain = open(&from, key)?;
            let sealed = to.seal(plain.expose_secret(), &key_place(&key.id))?;
            new.push(DataKey { id: key.id.clone(), sealed });
        }
        store.rewrap_data_keys(&old, &new).await?;
        Ok(old.len())
    }

    fn newest(&self) -> Result<String, VaultError> {
        self.keys.last().map(|(id, _)| id.clone()).ok_or(VaultError::NoMaster)
    }

    fn reseal(&self, row: &SecretRow, newest: &str) -> Result<Sealed, VaultError> {
        let plain = self.read(row)?;
        let (_, key) = self.keys.last().ok_or(VaultError::NoMaster)?;
        Ok(key.seal(plain.expose_secret().as_bytes(), &place(&row.name, newest))?)
    }
}

fn master(config: &Config, absent: Absent) -> Result<Key, VaultError> {
    let database = config.store.url.read("the URL of the database")?;
    master::load(config.secrets.master_key.as_ref(), database.expose_secret(), absent)
}

fn draw(master: &Key) -> Result<DataKey, VaultError> {
    let mut bytes = [0; KEY_LEN];
    aws_lc_rs::rand::fill(&mut bytes)?;
    let id = Uuid::now_v7().to_string();
    Ok(DataKey { sealed: master.seal(&bytes, &key_place(&id))?, id })
}

fn open(master: &Key, key: &DataKey) -> Result<secrecy::SecretSlice<u8>, VaultError> {
    master.open(&key.sealed, &key_place(&key.id)).map_err(|_| VaultError::Closed(format!("data key {}", key.id)))
}

fn unwrap(master: &Key, key: &DataKey) -> Result<Key, VaultError> {
    let closed = || VaultError::Closed(format!("data key {}", key.id));
    Key::new(open(master, key)?.expose_secret()).ok_or_else(closed)
}

fn place(name: &str, key: &str) -> String {
    format!("secret {key} {name}")
}

fn key_place(id: &str) -> String {
    format!("data key {id}")
}
