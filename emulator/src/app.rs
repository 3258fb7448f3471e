//! Everything that a tenant's requests share.

use crate::afterwards::Afterwards;
use crate::auth::{Credentials, Signer};
use crate::clock::Clock;
use crate::conditions::InForce;
use crate::control::{Faults, Stats};
use crate::directory::derived;
use crate::graph::{Windows, Writers};
use crate::log::Log;
use crate::throttle::Quotas;
use crate::world::Shared;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use uuid::Uuid;

/// How long the recycle bin keeps an object, in milliseconds.
const RECYCLE_BIN: i64 = 30 * 24 * 3600 * 1000;
/// How often it is emptied.
const HOUR: i64 = 3600 * 1000;

/// Sizes of pages.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Objects on a page of a delta query.
    pub(crate) delta_page: usize,
    /// References on a page of a delta query.
    pub(crate) delta_links: usize,
}

/// One tenant. Its objects are behind one lock; the rest has small locks of its own.
#[derive(Debug)]
pub(crate) struct App {
    /// The tenant's id.
    pub(crate) tenant_id: Uuid,
    /// The tenant's short name.
    pub(crate) tenant_name: String,
    /// The client id of the first application.
    pub(crate) client_id: Uuid,
    /// `https://localhost:PORT`.
    pub(crate) base_url: String,
    /// The base with `/v1.0`.
    pub(crate) graph_url: String,
    /// Objects, domains, switches.
    pub(crate) world: Shared,
    /// The tenant's time.
    pub(crate) clock: Arc<Clock>,
    /// How much it throttles, lags, loses and repeats.
    pub(crate) conditions: InForce,
    /// What was taken from the quotas.
    pub(crate) quotas: Arc<Quotas>,
    /// Sizes of pages.
    pub(crate) limits: Limits,
    /// Windows of delta queries.
    pub(crate) windows: Windows,
    /// Who is writing what.
    pub(crate) writers: Writers,
    /// Applications that may ask for tokens.
    pub(crate) credentials: Credentials,
    /// The secret of the first application.
    pub(crate) client_secret: String,
    /// What proves to the managed identity endpoint of App Service that the caller runs on the machine.
    pub(crate) identity_header: String,
    /// The key of the tokens.
    pub(crate) signer: Arc<Signer>,
    /// How long a token lives, in seconds.
    pub(crate) token_lifetime: AtomicU64,
    /// What was asked and answered.
    pub(crate) log: Arc<Log>,
    /// Counts of requests.
    pub(crate) stats: Arc<Stats>,
    /// Faults to inject.
    pub(crate) faults: Faults,
    /// Decides ids that are not objects.
    pub(crate) seed: u64,
    /// Requests so far.
    pub(crate) requests: AtomicU64,
    /// Requests and steps of batches so far.
    pub(crate) steps: AtomicU64,
    /// Requests to sign in so far.
    pub(crate) sign_ins: AtomicU64,
    /// What the service will do by itself.
    pub(crate) afterwards: Afterwards,
    /// When the recycle bin was emptied last.
    pub(crate) emptied: AtomicI64,
}

impl App {
    /// The id of the next request: it follows from the seed and the number of requests before it.
    pub(crate) fn next_request_id(&self) -> String {
        let number = self.requests.fetch_add(1, Ordering::Relaxed);
        derived(&[b"request", &self.seed.to_le_bytes(), &number.to_le_bytes()]).to_string()
    }

    /// The number of the next request or step of a batch: with the seed, chance follows from it.
    pub(crate) fn next_step(&self) -> u64 {
        self.steps.fetch_add(1, Ordering::Relaxed)
    }

    /// The number of the next request to sign in.
    pub(crate) fn next_sign_in(&self) -> u64 {
        self.sign_ins.fetch_add(1, Ordering::Relaxed)
    }

    /// Purges what has been in the recycle bin for 30 days; returns how many.
    pub(crate) fn purge(&self) -> usize {
        let now = self.clock.now();
        self.emptied.store(now, Ordering::Relaxed);
        self.world.write().tenant.purge_recycled_before(now - RECYCLE_BIN, now)
    }

    /// What the service does by itself as time goes by: once an hour it empties the recycle bin.
    pub(crate) fn do_what_is_due(&self) {
        let now = self.clock.now();
        if now - self.emptied.load(Ordering::Relaxed) >= HOUR {
            self.purge();
        }
        if self.afterwards.is_due(now) {
            self.afterwards.run(&mut self.world.write().tenant, now);
        }
    }

    /// Whether a path segment names this tenant: its id or one of its domains.
    pub(crate) fn is_this_tenant(&self, segment: &str) -> bool {
        let domains = |name: &str| self.world.read().domains.iter().any(|domain| domain.name.eq_ignore_ascii_case(name));
        segment.eq_ignore_ascii_case(&self.tenant_id.to_string()) || domains(segment)
    }
}
