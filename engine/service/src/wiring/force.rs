//! Which scripts are in force: those of the published version. The files of the configuration become one when they are changed, or
//! when somebody publishes them.

use std::sync::Arc;

use entrain_entra::Observer;
use entrain_mapping::Script;
use entrain_model::Clock;
use entrain_store::{Store, StoredScript, VersionRow};
use sha2::{Digest as _, Sha256};

use super::connect::{ConnectError, Connected, compile, connect_with};
use crate::config::{Publish, TargetConfig};

/// Who is named as the author of what was changed on disk.
const FILES: &str = "files";

/// A target with the mapping that is in force.
pub async fn connect_in_force(
    store: &Store,
    config: &TargetConfig,
    clock: Arc<dyn Clock>,
    observer: Option<Arc<dyn Observer>>,
) -> Result<Connected, ConnectError> {
    let published = in_force(store, config).await?;
    connect_with(config, &restored(&published), clock, observer)
}

/// The same without taking in files that were changed: for those who only look.
pub async fn connect_as_published(
    store: &Store,
    config: &TargetConfig,
    clock: Arc<dyn Clock>,
) -> Result<Connected, ConnectError> {
    let scripts = match store.published_version(&config.name).await? {
        Some(published) => restored(&published),
        None => config.scripts()?,
    };
    connect_with(config, &scripts, clock, None)
}

/// The version in force. Files that were changed become it, or the first ones do, if they compile.
///
/// # Errors
/// Files that are to be in force do not compile or cannot be read.
pub async fn in_force(store: &Store, config: &TargetConfig) -> Result<VersionRow, ConnectError> {
    let name = &config.name;
    let published = store.published_version(name).await?;
    if let (Some(row), Publish::Explicit) = (&published, config.mapping.publish) {
        note_changed_files(row, config);
        return Ok(row.clone());
    }
    let files = config.scripts()?;
    let digest = fingerprint(&files);
    if let Some(row) = published
        && store.files_digest(name).await?.as_ref() == Some(&digest)
    {
        return Ok(row);
    }
    compile(config, &files)?;
    if let Some(version) = store.publish_files(name, &digest, &stored(&files), FILES).await? {
        tracing::info!(target = %name, version, %digest, "the scripts on disk are in force");
    }
    let missing = || entrain_store::StoreError::Missing { what: format!("published mapping of target `{name}`") };
    Ok(store.published_version(name).await?.ok_or_else(missing)?)
}

fn note_changed_files(row: &VersionRow, config: &TargetConfig) {
    match config.scripts() {
        Ok(files) if fingerprint(&files) == row.digest => {}
        Ok(_) => tracing::info!(
            target = %config.name, published = row.version,
            "the scripts on disk differ from the published version: `entrain mapping diff` shows how, `entrain mapping publish` puts them in force"
        ),
        Err(error) => tracing::warn!(target = %config.name, published = row.version, "{error}; the published version goes on"),
    }
}

/// A short hash of scripts, whatever the names of their files.
pub fn fingerprint(scripts: &[Script]) -> String {
    let mut hash = Sha256::new();
    for script in scripts {
        for part in [script.kind.as_str(), script.text.as_str()] {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
    }
    hash.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

/// Scripts as they are stored.
pub fn stored(scripts: &[Script]) -> Vec<StoredScript> {
    let one = |script: &Script| StoredScript { name: script.name.clone(), kind: script.kind, text: script.text.clone() };
    scripts.iter().map(one).collect()
}

/// The scripts of a stored version.
pub fn restored(version: &VersionRow) -> Vec<Script> {
    let one = |script: &StoredScript| Script { name: script.name.clone(), kind: script.kind, text: script.text.clone() };
    version.scripts.iter().map(one).collect()
}
