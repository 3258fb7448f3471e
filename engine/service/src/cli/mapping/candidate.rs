//! The mapping in force, and the one that is to be looked at beside it.

use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;
use entrain_mapping::{Mapping, Script};
use entrain_model::Kind;
use entrain_store::{NewVersion, Origin, VersionRow, VersionState};
use entrain_sync::{Target, WhatIf};

use super::args::PlaceArgs;
use crate::cli::Output;
use crate::cli::progress::Bar;
use crate::cli::session::{Session, Usage};
use crate::config::TargetConfig;
use crate::wiring::{ConnectError, compile, connect_with, fingerprint, restored, stored};

/// What is in force: the published version, or the files as long as there is none.
pub(super) struct Current {
    pub(super) version: Option<VersionRow>,
    pub(super) scripts: Vec<Script>,
    pub(super) target: Arc<Target>,
}

impl Current {
    pub(super) async fn of(session: &Session, config: &TargetConfig) -> anyhow::Result<Self> {
        let version = session.store.published_version(&config.name).await?;
        let scripts = match &version {
            Some(version) => restored(version),
            None => config.scripts().map_err(ConnectError::from)?,
        };
        let target = connect_with(config, &scripts, Arc::clone(&session.clock), None)?.target;
        Ok(Self { version, scripts, target })
    }

    pub(super) fn digest(&self) -> String {
        fingerprint(&self.scripts)
    }

    /// In words.
    pub(super) fn named(&self) -> String {
        self.version.as_ref().map_or_else(|| "the scripts on disk".to_owned(), |row| format!("version {}", row.version))
    }

    /// What another mapping would change.
    pub(super) async fn beside(&self, session: &Session, mapping: Arc<Mapping>, output: &Output) -> anyhow::Result<WhatIf> {
        let bar = Bar::new(output.form());
        Ok(session.engine().what_if(&self.target, mapping, &bar).await?)
    }
}

/// What was named, by the name of a file or the number of a version.
pub(super) enum Candidate {
    /// A version that is kept already.
    Kept(VersionRow),
    /// Scripts that are not kept yet, and where they come from.
    Loose(Vec<Script>, String),
}

impl Candidate {
    pub(super) fn scripts(&self) -> Vec<Script> {
        match self {
            Candidate::Kept(row) => restored(row),
            Candidate::Loose(scripts, _) => scripts.clone(),
        }
    }

    pub(super) fn named(&self) -> String {
        match self {
            Candidate::Kept(row) => format!("version {} ({})", row.version, row.state.as_str()),
            Candidate::Loose(_, from) => from.clone(),
        }
    }

    pub(super) fn digest(&self) -> String {
        fingerprint(&self.scripts())
    }

    pub(super) fn compiled(&self, config: &TargetConfig) -> Result<Arc<Mapping>, ConnectError> {
        Ok(compile(config, &self.scripts())?)
    }

    /// The scripts on disk.
    pub(super) fn files(config: &TargetConfig) -> Result<Self, ConnectError> {
        Ok(Candidate::Loose(config.scripts()?, "the scripts on disk".to_owned()))
    }

    /// A version by its number.
    pub(super) async fn kept(session: &Session, config: &TargetConfig, version: i64) -> anyhow::Result<Self> {
        let row = session.store.version(&config.name, version).await?;
        let missing = || Usage(format!("target {} has no version {version}; `entrain mapping versions` lists them", config.name));
        Ok(Candidate::Kept(row.ok_or_else(missing)?))
    }

    /// The newest draft, or the scripts on disk if they are others than those in force.
    pub(super) async fn newest(session: &Session, config: &TargetConfig, current: &Current) -> anyhow::Result<Option<Self>> {
        let published = current.version.as_ref().map_or(0, |row| row.version);
        let open = |row: &VersionRow| (row.state, row.origin) == (VersionState::Draft, Origin::Draft) && row.version > published;
        let draft = session.store.versions(&config.name).await?.into_iter().find(open);
        let files = Self::files(config)?;
        let changed = current.version.is_none() || files.digest() != current.digest();
        match draft {
            Some(draft) if changed && current.version.is_some() && draft.digest != files.digest() => Err(Usage(format!(
                "version {} is a draft, and the scripts on disk are others too: name the version, or draft the scripts that you mean",
                draft.version
            ))
            .into()),
            Some(draft) => Ok(Some(Candidate::Kept(draft))),
            None => Ok(changed.then_some(files)),
        }
    }
}

/// The scripts in force with a file in its place among them.
pub(super) fn placed(current: &[Script], file: &Path, place: &PlaceArgs) -> anyhow::Result<Vec<Script>> {
    let text = std::fs::read_to_string(file).with_context(|| format!("{} cannot be read", file.display()))?;
    let may = |script: &&Script| place.kind.is_none_or(|kind| script.kind == kind);
    let named = |script: &&Script| Path::new(&script.name).file_name() == file.file_name();
    let same = current.iter().find(|script| may(script) && named(script));
    let kind = place.kind.or(same.map(|script| script.kind)).unwrap_or(Kind::User);
    let script = Script { name: file.display().to_string(), kind, text };
    let mut scripts = current.to_vec();
    let last = || current.iter().rposition(|script| script.kind == kind);
    let position = current.iter().position(|script| script.kind == kind && named(&script)).or_else(last);
    match position {
        Some(position) if !place.add => scripts[position] = script,
        Some(_) | None => scripts.push(script),
    }
    Ok(scripts)
}

/// Keeps the scripts on disk as seen, so that they do not take the place of what is published next until they are changed again.
pub(super) async fn note_files(session: &Session, config: &TargetConfig, by: &str) -> anyhow::Result<()> {
    let Ok(files) = config.scripts() else { return Ok(()) };
    let digest = fingerprint(&files);
    if session.store.files_digest(&config.name).await?.as_ref() != Some(&digest) {
        let scripts = stored(&files);
        let new = NewVersion { digest: &digest, scripts: &scripts, origin: Origin::Files, author: by };
        session.store.draft_version(&config.name, new).await?;
    }
    Ok(())
}
