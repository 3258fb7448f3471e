//! Work on mapping scripts: drafting, comparing, publishing, taking back.

mod candidate;

use std::sync::Arc;

use entrain_mapping::Script;
use entrain_model::{Clock, TargetName};
use entrain_plan::Accepted;
use entrain_store::{NewVersion, Origin, Put, Store, StoreError, VersionRow, VersionState};
use entrain_sync::{Engine, Progress, SyncError, WhatIf};
use serde_json::Value as Json;

pub(crate) use candidate::{Candidate, Current, Placing, placed};

use crate::config::TargetConfig;
use crate::wiring::{ConnectError, connect_in_force, in_force, stored};
use candidate::note_files;

/// What the work is done with, and for which target.
pub(crate) struct Bench<'a> {
    pub(crate) engine: Engine,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) config: &'a TargetConfig,
}

/// Why it cannot be done.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ScriptsError {
    /// No such version is kept.
    #[error("target {target} has no version {version}; `entrain mapping versions` lists them")]
    Version {
        /// The target.
        target: TargetName,
        /// The number.
        version: i64,
    },
    /// It is not clear what is meant.
    #[error(
        "version {draft} is a draft, and the scripts on disk are others too: name the version, or draft the scripts that you mean"
    )]
    Either {
        /// The draft.
        draft: i64,
    },
    /// There is nothing to go back to.
    #[error("target {0}: no version was in force before; `entrain mapping versions` lists them")]
    NoneBefore(TargetName),
    /// What is to be taken back is not in force.
    #[error("target {target}: there is nothing to take back, {current} is in force")]
    InForce {
        /// The target.
        target: TargetName,
        /// What is in force, in words.
        current: String,
    },
    /// A script does not compile, or the target cannot be set up.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// The comparison did not come to its end.
    #[error(transparent)]
    Sync(#[from] SyncError),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A draft that is kept.
pub(crate) struct Drafted {
    pub(crate) version: i64,
    pub(crate) digest: String,
}

/// What came of publishing.
pub(crate) enum Published {
    /// It is in force already.
    Nothing { published: Option<i64>, current: String },
    /// Objects fail under it: what was in force stays.
    Fails { published: Option<i64>, current: String, named: String, found: Box<WhatIf> },
    /// It is in force.
    Done { version: i64, previous: Option<i64>, accepted: Option<Json>, found: Box<WhatIf> },
}

/// What came of taking back.
pub(crate) enum RolledBack {
    /// Objects fail under the earlier one: what was in force stays.
    Fails { current: String, named: String, found: Box<WhatIf> },
    /// The earlier one is in force.
    Done { from: i64, to: i64, found: Box<WhatIf> },
}

impl Bench<'_> {
    pub(crate) fn store(&self) -> &Store {
        self.engine.store()
    }

    /// Keeps a script, in its place among those in force, as a draft.
    pub(crate) async fn draft(&self, place: impl FnOnce(&[Script]) -> Vec<Script>, by: &str) -> Result<Drafted, ScriptsError> {
        if self.store().published_number(&self.config.name).await?.is_none() {
            // A draft is a change of something.
            in_force(self.store(), self.config).await?;
        }
        let current = Current::of(self).await?;
        let draft = Candidate::Loose(place(&current.scripts), "the draft".to_owned());
        draft.compiled(self.config)?;
        let (digest, scripts) = (draft.digest(), stored(&draft.scripts()));
        let new = NewVersion { digest: &digest, scripts: &scripts, origin: Origin::Draft, author: by };
        let version = self.store().draft_version(&self.config.name, new).await?;
        Ok(Drafted { version, digest })
    }

    /// Puts a version, or without one the newest draft or the scripts on disk, in force, with the difference that was seen.
    pub(crate) async fn publish(
        &self,
        version: Option<i64>,
        (by, tolerance): (&str, u32),
        progress: &dyn Progress,
    ) -> Result<Published, ScriptsError> {
        let (config, current) = (self.config, Current::of(self).await?);
        let candidate = match version {
            Some(version) => Some(Candidate::kept(self, version).await?),
            None => Candidate::newest(self, &current).await?,
        };
        let published = current.version.as_ref().map(|row| row.version);
        let new = candidate.filter(|candidate| published.is_none() || candidate.digest() != current.digest());
        let Some(candidate) = new else { return Ok(Published::Nothing { published, current: current.named() }) };
        let mapping = candidate.compiled(config)?;
        let fingerprint = mapping.version().to_owned();
        let found = Box::new(current.beside(self, mapping, progress).await?);
        if found.failed > 0 {
            return Ok(Published::Fails { published, current: current.named(), named: candidate.named(), found });
        }
        // What nothing is compared with has no difference that somebody could have accepted.
        let accepted = Accepted { mapping: fingerprint, attributes: found.groups.counts(), tolerance };
        let accepted = published.and_then(|_| serde_json::to_value(accepted).ok());
        let version = match &candidate {
            Candidate::Kept(row) => {
                note_files(self, by).await?;
                row.version
            }
            Candidate::Loose(scripts, _) => {
                let (digest, scripts) = (candidate.digest(), stored(scripts));
                let new = NewVersion { digest: &digest, scripts: &scripts, origin: Origin::Files, author: by };
                self.store().draft_version(&config.name, new).await?
            }
        };
        self.store().publish_version(&config.name, version, by, accepted.as_ref()).await?;
        self.register().await?;
        Ok(Published::Done { version, previous: published, accepted, found })
    }

    /// Takes the version in force back: an earlier one, or without a number the one before, is in force again.
    pub(crate) async fn roll_back(
        &self,
        version: Option<i64>,
        by: &str,
        progress: &dyn Progress,
    ) -> Result<RolledBack, ScriptsError> {
        let config = self.config;
        let to = match version {
            Some(version) => version,
            None => self.before().await?,
        };
        let candidate = Candidate::kept(self, to).await?;
        let current = Current::of(self).await?;
        if current.version.as_ref().is_none_or(|row| row.version == to) {
            return Err(ScriptsError::InForce { target: config.name.clone(), current: current.named() });
        }
        let found = Box::new(current.beside(self, candidate.compiled(config)?, progress).await?);
        if found.failed > 0 {
            return Ok(RolledBack::Fails { current: current.named(), named: candidate.named(), found });
        }
        note_files(self, by).await?;
        let from = self.store().roll_back_version(&config.name, to, by).await?;
        self.register().await?;
        Ok(RolledBack::Done { from, to, found })
    }

    /// Registers what is in force with the target, and lets one go on that was halted by what was in force before.
    async fn register(&self) -> Result<(), ScriptsError> {
        let target = connect_in_force(self.store(), self.config, Arc::clone(&self.clock), None).await?.target;
        let mapping = target.mapping.version();
        let put = self.store().put_target(&target.name, target.mode, &target.config_digest, mapping).await?;
        if put == Put::Changed {
            self.engine.release(&target).await?;
        }
        Ok(())
    }

    /// The version that was in force before the one that is.
    async fn before(&self) -> Result<i64, ScriptsError> {
        let versions = self.store().versions(&self.config.name).await?;
        let superseded = versions.iter().filter(|row| row.state == VersionState::Superseded);
        let last = superseded.max_by_key(|row: &&VersionRow| (row.published_at, row.version));
        Ok(last.ok_or_else(|| ScriptsError::NoneBefore(self.config.name.clone()))?.version)
    }
}
