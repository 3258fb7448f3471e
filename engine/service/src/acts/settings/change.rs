//! What changes the configuration of one target over the network. Secrets go in with it and are sealed; none comes back.

use std::collections::BTreeSet;

use entrain_model::TargetName;
use entrain_store::{Expected, SettingsChange, SettingsRow, Store, StoreError, UnderWay};
use secrecy::SecretString;
use serde_json::{Map, Value as Json, json};
use uuid::Uuid;

use super::places::{destination, places, plain_secrets, sealed};
use super::{block, under_way};
use crate::config::{Block, Config, Problem};
use crate::vault::{Vault, VaultError};

/// Why it cannot be changed so.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SettingsError {
    /// It says something wrong.
    #[error("{}", .0.iter().map(Problem::said).collect::<Vec<_>>().join("; "))]
    Wrong(Vec<Problem>),
    /// There is one of that name.
    #[error("there is a target `{0}` already: PUT its settings to change it")]
    Exists(TargetName),
    /// It names a file, a variable or a sealed secret that it did not name before.
    #[error(
        "`{0}` names a place of the machine, and this interface takes no other than those that are configured: `entrain config apply` does"
    )]
    Place(String),
    /// A credential would be sent somewhere else.
    #[error(
        "another cloud or other endpoints would get the credential: send its secret with the request, or use `entrain config apply`"
    )]
    Destination,
    /// A secret cannot be sealed.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// The database failed, or it was changed meanwhile.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What the work is done with.
pub(crate) struct Desk<'a> {
    pub(crate) store: Store,
    pub(crate) config: &'a Config,
}

impl Desk<'_> {
    /// The configuration of that target.
    pub(crate) async fn row(&self, name: &TargetName) -> Result<SettingsRow, StoreError> {
        let row = self.store.settings().await?.targets.into_iter().find(|row| row.name == *name);
        row.ok_or_else(|| StoreError::Missing { what: format!("target `{name}`") })
    }

    /// Adds a target.
    pub(crate) async fn add(&self, name: &TargetName, body: Map<String, Json>) -> Result<(), SettingsError> {
        if self.store.settings().await?.targets.iter().any(|row| row.name == *name) {
            return Err(SettingsError::Exists(name.clone()));
        }
        self.put(None, Block::new(name.clone(), body)).await
    }

    /// Makes a target so.
    pub(crate) async fn replace(&self, row: &SettingsRow, body: Map<String, Json>) -> Result<(), SettingsError> {
        self.put(Some(row), Block::new(row.name.clone(), body)).await
    }

    /// Removes a target, and what is sealed for it alone. Its tenant is not touched.
    pub(crate) async fn remove(&self, row: &SettingsRow) -> Result<(), SettingsError> {
        let (name, expected) = (row.name.clone(), Expected::Revision(row.revision));
        self.store.change_settings(&[SettingsChange { name, body: None, expected, under_way: UnderWay::Drops }]).await?;
        self.drop_secrets(sealed_for(&block(row)), &BTreeSet::new()).await;
        Ok(())
    }

    async fn put(&self, standing: Option<&SettingsRow>, mut wanted: Block) -> Result<(), SettingsError> {
        let before = standing.map(block);
        let secrets = take_secrets(&mut wanted);
        let new = secrets.iter().map(|(name, _)| name.as_str()).collect::<BTreeSet<_>>();
        permitted(before.as_ref(), &wanted, &new)?;
        wanted.check(&self.config.folder).map_err(SettingsError::Wrong)?;
        let differences = before.as_ref().map(|before| before.differences(&wanted));
        if differences.as_ref().is_some_and(Vec::is_empty) {
            return Ok(());
        }
        let change = SettingsChange {
            name: wanted.name.clone(),
            body: Some(wanted.body.clone()),
            expected: standing.map_or(Expected::Absent, |row| Expected::Revision(row.revision)),
            under_way: differences.as_deref().map_or(UnderWay::Drops, under_way),
        };
        if !secrets.is_empty() {
            let vault = Vault::open(self.config, &self.store).await?;
            for (name, secret) in &secrets {
                vault.set(name, secret).await?;
            }
        }
        let changed = self.store.change_settings(&[change]).await;
        // Names are never used twice: those of what is not in force now are free.
        let kept = if changed.is_ok() { Some(&wanted) } else { before.as_ref() };
        let all = before.iter().chain([&wanted]).flat_map(sealed_for).collect();
        self.drop_secrets(all, &kept.map(sealed_for).unwrap_or_default()).await;
        changed?;
        Ok(())
    }

    /// Removes sealed secrets that nothing names any more. One that stays does no harm, and `entrain secret list` has it.
    async fn drop_secrets(&self, names: BTreeSet<String>, kept: &BTreeSet<String>) {
        for name in names.difference(kept) {
            if let Err(error) = self.store.remove_secret(name).await {
                tracing::warn!(secret = name, "a secret that nothing names any more could not be removed: {error}");
            }
        }
    }
}

/// Puts the names of secrets in place of them.
fn take_secrets(wanted: &mut Block) -> Vec<(String, SecretString)> {
    let mut taken = Vec::new();
    for place in plain_secrets(&mut wanted.body) {
        let name = format!("{}{}", prefix(&wanted.name), Uuid::now_v7());
        if let Json::String(secret) = std::mem::replace(place, json!({ "secret": name })) {
            taken.push((name, SecretString::from(secret)));
        }
    }
    taken
}

fn prefix(name: &TargetName) -> String {
    format!("target.{name}.")
}

/// The names of what was sealed here for this target.
fn sealed_for(block: &Block) -> BTreeSet<String> {
    let own = prefix(&block.name);
    sealed(&block.body).into_iter().filter(|name| name.starts_with(&own)).collect()
}

/// Nothing that the machine keeps is named anew, and no credential goes where it did not go before.
fn permitted(before: Option<&Block>, wanted: &Block, new: &BTreeSet<&str>) -> Result<(), SettingsError> {
    let known = before.map(|before| places(&before.body)).unwrap_or_default();
    let other = places(&wanted.body).into_iter().find(|place| !known.contains(place) && !new.contains(place.1.as_str()));
    if let Some((path, _)) = other {
        return Err(SettingsError::Place(path));
    }
    let goes = before.map(|before| destination(&before.body)).unwrap_or_default();
    let credential = wanted.body.get("credential").and_then(Json::as_object).cloned().unwrap_or_default();
    let mut named = places(&Map::from_iter([("credential".to_owned(), Json::Object(credential))])).into_iter().peekable();
    let fresh = named.peek().is_some() && named.all(|(_, name)| new.contains(name.as_str()));
    let known_cloud = before.is_none() && wanted.body.get("endpoints").is_none() && !is_custom(wanted);
    if goes != destination(&wanted.body) && !known_cloud && !fresh {
        return Err(SettingsError::Destination);
    }
    Ok(())
}

fn is_custom(block: &Block) -> bool {
    block.body.get("cloud").and_then(Json::as_str) == Some("custom")
}
