//! The tenant with the settings that its rules depend on: what one lock guards.

use crate::directory::{Arrivals, Tenant};
use crate::options::{Authentication, Domain, Switches};
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

/// A tenant, its domains and its switches.
#[derive(Debug)]
pub(crate) struct World {
    /// Objects and references.
    pub(crate) tenant: Tenant,
    /// All domains; the first is the default, the last the initial one.
    pub(crate) domains: Vec<Domain>,
    /// Behaviour by choice.
    pub(crate) switches: Switches,
    /// Whether directory synchronisation is on.
    pub(crate) directory_sync: bool,
    /// The directory extensions, as they were registered.
    pub(crate) extensions: Vec<String>,
}

impl World {
    /// The verified domain of this name.
    pub(crate) fn verified(&self, domain: &str) -> Option<&Domain> {
        self.domains.iter().find(|known| known.verified && known.name.eq_ignore_ascii_case(domain))
    }

    /// Whether a user principal name lies in a federated domain.
    pub(crate) fn is_federated(&self, principal_name: &str) -> bool {
        let domain = principal_name.rsplit_once('@').map_or("", |(_, domain)| domain);
        self.verified(domain).is_some_and(|domain| domain.authentication == Authentication::Federated)
    }
}

/// The world behind its lock. Requests hold it only while they compute, never while they wait.
#[derive(Debug)]
pub(crate) struct Shared(RwLock<World>);

impl Shared {
    /// Puts a world behind a lock.
    pub(crate) fn new(world: World) -> Shared {
        Shared(RwLock::new(world))
    }

    /// For reading, many at once.
    pub(crate) fn read(&self) -> RwLockReadGuard<'_, World> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// For writing, alone. What is written is seen everywhere at once.
    pub(crate) fn write(&self) -> RwLockWriteGuard<'_, World> {
        self.write_lagging(None, i64::MIN)
    }

    /// For a write that arrives here and there at its time.
    pub(crate) fn write_lagging(&self, arrivals: Option<Arrivals>, now: i64) -> RwLockWriteGuard<'_, World> {
        let mut world = self.0.write().unwrap_or_else(PoisonError::into_inner);
        world.tenant.begin(arrivals, now);
        world
    }
}
