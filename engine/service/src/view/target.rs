//! Targets, their halts and the versions of their mappings.

use entrain_store::{Halt, Store, StoreError, StoredScript, VersionRow};
use serde::Serialize;
use serde_json::Value as Json;
use utoipa::ToSchema;

use super::KindWord;
use crate::cli::utc;
use crate::config::TargetConfig;

/// Whether a target goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Standing {
    /// No run has met it yet.
    New,
    /// It is kept in step.
    Running,
    /// It is stopped until it is resumed.
    Halted,
}

impl Standing {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Standing::New => "new",
            Standing::Running => "running",
            Standing::Halted => "halted",
        }
    }
}

/// A target and how it stands.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TargetState {
    pub(crate) name: String,
    /// The tenant.
    pub(crate) tenant: String,
    /// `observe`, `create-only`, `upsert` or `full`.
    pub(crate) mode: String,
    pub(crate) state: Standing,
    /// Objects that wait for a direct sync.
    pub(crate) queue: i64,
    /// When the last successful sync over everything ended.
    #[schema(format = DateTime)]
    pub(crate) last_full_at: Option<String>,
    /// When the next one is due.
    #[schema(format = DateTime)]
    pub(crate) next_due_at: Option<String>,
    /// Why it is stopped.
    #[schema(value_type = Option<Object>)]
    pub(crate) halt: Option<Halt>,
}

impl TargetState {
    pub(crate) async fn of(store: &Store, config: &TargetConfig) -> Result<Self, StoreError> {
        let row = store.target(&config.name).await?;
        let queue = match &row {
            Some(_) => store.queue_depth(&config.name).await?.rows,
            None => 0,
        };
        let halt = row.as_ref().and_then(|row| row.halt.clone());
        let state = match (&row, &halt) {
            (_, Some(_)) => Standing::Halted,
            (Some(_), None) => Standing::Running,
            (None, None) => Standing::New,
        };
        Ok(Self {
            name: config.name.to_string(),
            tenant: config.tenant.clone(),
            mode: config.mode.as_str().to_owned(),
            state,
            queue,
            last_full_at: row.as_ref().and_then(|row| row.last_full_at).map(utc),
            next_due_at: row.as_ref().and_then(|row| row.next_due_at).map(utc),
            halt,
        })
    }
}

/// A target that is stopped, and why.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct HaltedTarget {
    pub(crate) target: String,
    /// What stopped it: `kind`, `message`, and of a script that failed `script`, `line`, `column` and `object`.
    #[schema(value_type = Object)]
    pub(crate) halt: Halt,
}

/// One version of the scripts of a target.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct MappingVersion {
    target: String,
    version: i64,
    /// `draft`, `published`, `superseded` or `rolled_back`.
    state: &'static str,
    digest: String,
    /// Where it comes from.
    #[schema(value_type = String)]
    origin: entrain_store::Origin,
    author: String,
    #[schema(format = DateTime)]
    at: String,
    published_by: Option<String>,
    #[schema(format = DateTime)]
    published_at: Option<String>,
    /// The difference that was accepted with it.
    #[schema(value_type = Option<Object>)]
    accepted: Option<Json>,
    /// When a sync over everything had carried it out.
    #[schema(format = DateTime)]
    settled_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    scripts: Option<Vec<MappingScript>>,
}

/// One script.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct MappingScript {
    name: String,
    /// Whose records it maps.
    kind: KindWord,
    text: String,
}

impl MappingVersion {
    /// Without its scripts.
    pub(crate) fn of(target: &str, row: &VersionRow) -> Self {
        Self {
            target: target.to_owned(),
            version: row.version,
            state: row.state.as_str(),
            digest: row.digest.clone(),
            origin: row.origin,
            author: row.author.clone(),
            at: utc(row.at),
            published_by: row.published_by.clone(),
            published_at: row.published_at.map(utc),
            accepted: row.accepted.clone(),
            settled_at: row.settled_at.map(utc),
            scripts: None,
        }
    }

    /// With its scripts.
    pub(crate) fn whole(target: &str, row: &VersionRow) -> Self {
        let one = |script: &StoredScript| MappingScript {
            name: script.name.clone(),
            kind: script.kind.into(),
            text: script.text.clone(),
        };
        Self { scripts: Some(row.scripts.iter().map(one).collect()), ..Self::of(target, row) }
    }
}
