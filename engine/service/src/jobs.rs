//! Jobs: what a schedule, this service's or another's, has done to a target.

use std::fmt;

use clap::ValueEnum;
use entrain_model::{Kind, TargetName};
use entrain_store::{RunKind, StoreError};
use entrain_sync::Engine;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What is done. Each goes over every object of the source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Job {
    /// Make the target true; all of the tenant is read anew
    FullSync,
    /// Make the target true; of the tenant only what changed since the last read is read
    DeltaSync,
    /// Plan what a sync would do, and keep the plan; nothing is written
    Plan,
    /// Plan what a sync would do; nothing is written
    DryRun,
}

impl Job {
    /// The kind of its run.
    pub(crate) fn kind(self) -> RunKind {
        match self {
            Job::FullSync | Job::DeltaSync => RunKind::Sync,
            Job::Plan => RunKind::Plan,
            Job::DryRun => RunKind::DryRun,
        }
    }

    /// What comes before its run.
    pub(crate) async fn prepare(self, engine: &Engine, target: &TargetName) -> Result<(), StoreError> {
        if self == Job::FullSync {
            for kind in Kind::ALL {
                engine.store().forget_cursor(target, kind).await?;
            }
        }
        Ok(())
    }
}

impl fmt::Display for Job {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Job::FullSync => "full-sync",
            Job::DeltaSync => "delta-sync",
            Job::Plan => "plan",
            Job::DryRun => "dry-run",
        })
    }
}
