//! Where the pages of a read go: into the mirror.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use entrain_model::{Kind, Observed, Pages, Protection, SinkError, TargetId};
use entrain_store::{MirrorPage, Reading};
use tracing::Instrument as _;

use crate::engine::Run;
use crate::{Progress, Step, SyncError, trace};

/// Writes each page into the mirror as it comes, and keeps what the caller asks for of it.
pub(crate) struct MirrorSink<'a, K> {
    run: &'a Run<'a>,
    kind: Kind,
    generation: i64,
    reading: Reading,
    keys: Vec<String>,
    keep: K,
}

impl<'a, K: FnMut(&Observed) + Send> MirrorSink<'a, K> {
    pub(crate) fn new(run: &'a Run<'a>, kind: Kind, generation: i64, reading: Reading, keep: K) -> Self {
        Self { run, kind, generation, reading, keys: indexed(run, kind), keep }
    }
}

/// The attributes by which records are found again: matching keys, unique values, the anchor.
pub(crate) fn indexed(run: &Run<'_>, kind: Kind) -> Vec<String> {
    let schema = run.target.schema().of(kind);
    let mut names: Vec<String> = vec![schema.anchor.clone()];
    names.extend(run.target.match_keys(kind).iter().map(|key| key.attribute.clone()));
    names.extend(schema.attributes.iter().filter(|(_, a)| a.unique).map(|(name, _)| (*name).to_owned()));
    names.sort();
    names.dedup();
    names
}

impl<K> MirrorSink<'_, K> {
    /// Takes records into the mirror.
    pub(crate) async fn take(&mut self, records: &[Observed]) -> Result<(), SyncError> {
        let anchor = &self.run.target.schema().of(self.kind).anchor;
        let into =
            MirrorPage { kind: self.kind, generation: self.generation, anchor, keys: &self.keys, records, reading: self.reading };
        let put = self.run.store().put_mirror(&self.run.target.name, into).instrument(trace::read(self.kind, records.len()));
        put.await?;
        self.run.progress().advance(records.len() as u64);
        Ok(())
    }
}

#[async_trait]
impl<K: FnMut(&Observed) + Send> Pages for MirrorSink<'_, K> {
    async fn page(&mut self, page: Vec<Observed>) -> Result<(), SinkError> {
        page.iter().for_each(&mut self.keep);
        self.run.engine.goes_on().map_err(|error| SinkError(error.to_string()))?;
        self.run.keep().await.map_err(|error| SinkError(error.to_string()))?;
        self.take(&page).await.map_err(|error| SinkError(error.to_string()))
    }
}

/// A sink for the read of who is protected, and why.
#[derive(Default)]
pub(crate) struct Holders(pub(crate) BTreeMap<TargetId, BTreeSet<Protection>>);

impl Holders {
    /// Whether all of these are among them, for all of their reasons.
    pub(crate) fn have(&self, known: &BTreeMap<TargetId, BTreeSet<Protection>>) -> bool {
        known.iter().all(|(id, why)| self.0.get(id).is_some_and(|seen| why.is_subset(seen)))
    }

    /// Takes in what another read found.
    pub(crate) fn join(&mut self, other: Holders) {
        for (id, why) in other.0 {
            self.0.entry(id).or_default().extend(why);
        }
    }
}

#[async_trait]
impl Pages for Holders {
    async fn page(&mut self, page: Vec<Observed>) -> Result<(), SinkError> {
        for record in page {
            self.0.entry(record.id).or_default().extend(record.protection);
        }
        Ok(())
    }
}

/// Tells whoever watches that a read begins.
pub(crate) fn announce(progress: &dyn Progress) {
    progress.begin(Step::Discover, None);
}
