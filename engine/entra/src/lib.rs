//! A Microsoft Entra tenant as a directory. The only crate that knows Graph.
//!
//! [`Entra::connect`] takes an [`EntraConfig`] and gives a [`Directory`] that can also be written.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout))]

mod batch;
mod call;
mod checkup;
mod classify;
mod client;
mod config;
mod connections;
mod fresh;
mod odata;
mod pacing;
mod permission;
mod read;
mod retry;
mod schema;
#[cfg(test)]
mod testing;
mod token;
mod traffic;
mod wire;
mod write;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use entrain_model::{
    Clock, Credentials, Delivery, Directory, DirectoryError, Lane, Pages, Query, Read, RefusedCredential, Schema, Tenant, Work,
    WritableDirectory, Write, Written,
};

pub use checkup::{Checkup, Finding, Verdict};
pub use config::{ClientCertificate, Cloud, CredentialConfig, EntraConfig, FirstCredential, PassUses, Quota};
pub use permission::{Comparison, Feature, Missing, NEEDS, Need, Surplus, table as permission_table};
pub use schema::{names, schema};
pub use traffic::{Carriage, Exchange, Observer, Traffic};

/// A tenant.
pub struct Entra {
    schema: Schema,
    client: client::Client,
    clock: Arc<dyn Clock>,
    domains: read::Domains,
    fresh: fresh::Fresh,
    sign_in: read::SignIn,
    first: FirstCredential,
    delivery: Option<Arc<dyn Delivery>>,
    setup: checkup::Setup,
}

impl Entra {
    /// Prepares everything; makes no call. Fails when the credential or a certificate cannot be read.
    pub fn connect(config: EntraConfig) -> Result<Entra, DirectoryError> {
        let wire = wire::client(&config)?;
        let tokens = token::AzureTokens::new(&config, wire.clone())?;
        let wire = connections::Connections::new(&config, wire);
        Ok(Self::assemble(config, Arc::new(wire), Arc::new(tokens)))
    }

    fn assemble(config: EntraConfig, wire: Arc<dyn wire::Wire>, tokens: Arc<dyn token::TokenSource>) -> Entra {
        Entra {
            schema: schema(&config),
            client: client::Client::new(&config, wire, tokens),
            clock: config.clock.clone(),
            domains: read::Domains::default(),
            fresh: fresh::Fresh::default(),
            sign_in: read::SignIn::of(&config.credential),
            setup: checkup::Setup::of(&config),
            first: config.first,
            delivery: config.delivery,
        }
    }

    /// What went over the wire since the connection was made.
    pub fn traffic(&self) -> Traffic {
        self.client.meter().traffic()
    }
}

#[async_trait]
impl Directory for Entra {
    async fn read(&self, query: &Query, into: &mut dyn Pages) -> Result<Read, DirectoryError> {
        self.answer(query, into).await
    }

    fn schema(&self) -> &Schema {
        &self.schema
    }

    async fn tenant(&self) -> Result<Tenant, DirectoryError> {
        self.facts().await
    }

    async fn credentials(&self) -> Result<Credentials, DirectoryError> {
        self.own_credentials().await
    }

    fn passed_over(&self) -> Option<Vec<RefusedCredential>> {
        self.client.passed_over()
    }
}

#[async_trait]
impl WritableDirectory for Entra {
    async fn write(&self, lane: Lane, writes: &[Write]) -> Vec<Result<Written, DirectoryError>> {
        self.perform(lane, writes).await
    }

    fn hands_over(&self) -> bool {
        self.delivery.is_some()
    }

    fn members_with_new(&self) -> usize {
        self.client.links().min(write::WITH_NEW)
    }

    fn time_for(&self, work: &Work) -> Option<Duration> {
        Some(self.client.time_for(work.changes, work.links, work.groups))
    }
}
