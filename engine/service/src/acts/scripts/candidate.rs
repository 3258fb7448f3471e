//! The mapping in force, and the one that is to be looked at beside it.

use std::path::Path;
use std::sync::Arc;

use entrain_mapping::{Mapping, Script};
use entrain_model::Kind;
use entrain_store::{NewVersion, Origin, VersionRow, VersionState};
use entrain_sync::{Progress, Target, WhatIf};

use super::{Bench, ScriptsError};
use crate::config::TargetConfig;
use crate::wiring::{ConnectError, compile, connect_with, fingerprint, restored, stored};

/// What is in force: the published version, or the files as long as there is none.
pub(crate) struct Current {
    pub(crate) version: Option<VersionRow>,
    pub(crate) scripts: Vec<Script>,
    pub(crate) target: Arc<Target>,
}

impl Current {
    pub(crate) async fn of(bench: &Bench<'_>) -> Result<Self, ScriptsError> {
        let config = bench.config;
        let version = bench.store().published_version(&config.name).await?;
        let scripts = match &version {
            Some(version) => restored(version),
            None => config.scripts().map_err(ConnectError::from)?,
        };
        let target = connect_with(config, &scripts, Arc::clone(&bench.clock), None)?.target;
        Ok(Self { version, scripts, target })
    }

    pub(crate) fn digest(&self) -> String {
        fingerprint(&self.scripts)
    }

    /// In words.
    pub(crate) fn named(&self) -> String {
        self.version.as_ref().map_or_else(|| "the scripts on disk".to_owned(), |row| format!("version {}", row.version))
    }

    /// What another mapping would change.
    pub(crate) async fn beside(
        &self,
        bench: &Bench<'_>,
        mapping: Arc<Mapping>,
        progress: &dyn Progress,
    ) -> Result<WhatIf, ScriptsError> {
        Ok(bench.engine.what_if(&self.target, mapping, progress).await?)
    }
}

/// What was named, by the name of a file or the number of a version.
pub(crate) enum Candidate {
    /// A version that is kept already.
    Kept(VersionRow),
    /// Scripts that are not kept yet, and where they come from.
    Loose(Vec<Script>, String),
}

impl Candidate {
    pub(crate) fn scripts(&self) -> Vec<Script> {
        match self {
            Candidate::Kept(row) => restored(row),
            Candidate::Loose(scripts, _) => scripts.clone(),
        }
    }

    pub(crate) fn named(&self) -> String {
        match self {
            Candidate::Kept(row) => format!("version {} ({})", row.version, row.state.as_str()),
            Candidate::Loose(_, from) => from.clone(),
        }
    }

    pub(crate) fn digest(&self) -> String {
        fingerprint(&self.scripts())
    }

    pub(crate) fn compiled(&self, config: &TargetConfig) -> Result<Arc<Mapping>, ConnectError> {
        Ok(compile(config, &self.scripts())?)
    }

    /// The scripts on disk.
    pub(crate) fn files(config: &TargetConfig) -> Result<Self, ConnectError> {
        Ok(Candidate::Loose(config.scripts()?, "the scripts on disk".to_owned()))
    }

    /// A version by its number.
    pub(crate) async fn kept(bench: &Bench<'_>, version: i64) -> Result<Self, ScriptsError> {
        let row = bench.store().version(&bench.config.name, version).await?;
        let missing = || ScriptsError::Version { target: bench.config.name.clone(), version };
        Ok(Candidate::Kept(row.ok_or_else(missing)?))
    }

    /// The newest draft, or the scripts on disk if they are others than those in force.
    pub(crate) async fn newest(bench: &Bench<'_>, current: &Current) -> Result<Option<Self>, ScriptsError> {
        let config = bench.config;
        let published = current.version.as_ref().map_or(0, |row| row.version);
        let open = |row: &VersionRow| (row.state, row.origin) == (VersionState::Draft, Origin::Draft) && row.version > published;
        let draft = bench.store().versions(&config.name).await?.into_iter().find(open);
        let files = Self::files(config)?;
        let changed = current.version.is_none() || files.digest() != current.digest();
        match draft {
            Some(draft) if changed && current.version.is_some() && draft.digest != files.digest() => {
                Err(ScriptsError::Either { draft: draft.version })
            }
            Some(draft) => Ok(Some(Candidate::Kept(draft))),
            None => Ok(changed.then_some(files)),
        }
    }
}

/// Where a script stands among those in force.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Placing {
    /// In place of that of the same file name, or of the last one.
    Instead,
    /// After them.
    After,
}

/// The scripts in force with one in its place among them. Without a kind it has that of the script of the same file name, else users.
pub(crate) fn placed(current: &[Script], name: &str, text: String, kind: Option<Kind>, placing: Placing) -> Vec<Script> {
    let may = |script: &&Script| kind.is_none_or(|kind| script.kind == kind);
    let named = |script: &&Script| Path::new(&script.name).file_name() == Path::new(name).file_name();
    let same = current.iter().find(|script| may(script) && named(script));
    let kind = kind.or(same.map(|script| script.kind)).unwrap_or(Kind::User);
    let script = Script { name: name.to_owned(), kind, text };
    let mut scripts = current.to_vec();
    let last = || current.iter().rposition(|script| script.kind == kind);
    let position = current.iter().position(|script| script.kind == kind && named(&script)).or_else(last);
    match position {
        Some(position) if placing == Placing::Instead => scripts[position] = script,
        Some(_) | None => scripts.push(script),
    }
    scripts
}

/// Keeps the scripts on disk as seen, so that they do not take the place of what is published next until they are changed again.
pub(super) async fn note_files(bench: &Bench<'_>, by: &str) -> Result<(), ScriptsError> {
    let config = bench.config;
    let Ok(files) = config.scripts() else { return Ok(()) };
    let digest = fingerprint(&files);
    if bench.store().files_digest(&config.name).await?.as_ref() != Some(&digest) {
        let scripts = stored(&files);
        let new = NewVersion { digest: &digest, scripts: &scripts, origin: Origin::Files, author: by };
        bench.store().draft_version(&config.name, new).await?;
    }
    Ok(())
}
