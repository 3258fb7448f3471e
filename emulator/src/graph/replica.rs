//! Where a request reads and writes: from a replica, from the slower index of advanced queries, at the primary.

use super::call::Call;
use crate::conditions::BindOfUnknown;
use crate::dice::Dice;
use crate::directory::{Arrivals, Relation, Row, Sight, Tenant, View};
use crate::failure::Failure;
use crate::rules::link::{self, Reference};
use crate::world::World;
use std::sync::RwLockWriteGuard;

/// What chance decides here, apart from what it decides elsewhere.
const REPLICA: u64 = 1;
const LAG: u64 = 2;
const UNKNOWN: u64 = 7;

impl Call<'_> {
    /// The tenant as this request sees it: the same replica for all of it.
    pub(crate) fn view<'w>(&self, tenant: &'w Tenant) -> View<'w> {
        let replicas = self.app.conditions.present().replication.replicas;
        let sight = match replicas {
            0 => Sight::Primary,
            _ if self.is_indexed() => Sight::Index,
            _ => Sight::Replica(Dice::of(self.app.seed, REPLICA, self.step).below(replicas)),
        };
        View::from(tenant, sight, self.app.clock.now())
    }

    /// The tenant as delta queries tell it.
    pub(crate) fn delta_view<'w>(&self, tenant: &'w Tenant) -> View<'w> {
        let replication = self.app.conditions.present().replication;
        let sight = match replication.replicas {
            0 => Sight::Primary,
            _ if replication.delta_in_order => Sight::DeltaInOrder,
            _ => Sight::Delta,
        };
        View::from(tenant, sight, self.app.clock.now())
    }

    /// The object that a write is about: looked up where the request reads, and still there at the primary.
    ///
    /// # Errors
    /// What `find` says; 404 for an object that is gone.
    pub(crate) fn locate(&self, tenant: &Tenant, find: impl FnOnce(&View<'_>) -> Result<Row, Failure>) -> Result<Row, Failure> {
        let row = find(&self.view(tenant))?;
        let object = tenant.object(row);
        if object.is_live() { Ok(row) } else { Err(Failure::not_found(object.id)) }
    }

    /// The refusal of a create that binds something which only the primary knows: 404, or as if the values were wrong.
    pub(crate) fn unknown_at_create(&self, tenant: &Tenant, binds: &[(Relation, Reference)], failure: Failure) -> Failure {
        let rule = self.app.conditions.present().replication.bind_of_unknown;
        let invalid = match rule {
            BindOfUnknown::NotFound => false,
            BindOfUnknown::Invalid => true,
            BindOfUnknown::Mixed => Dice::of(self.app.seed, UNKNOWN, self.step).strikes(0.5),
        };
        let there = || binds.iter().all(|(_, reference)| link::resolve(&View::primary(tenant), reference).is_ok());
        if failure.status == 404 && invalid && there() {
            return Failure::bad_request("One or more property values specified are invalid.");
        }
        failure
    }

    /// The world to write into. Replicas learn of it by and by.
    pub(crate) fn write(&self) -> RwLockWriteGuard<'_, World> {
        let now = self.app.clock.now();
        self.app.world.write_lagging(self.arrivals(now), now)
    }

    fn arrivals(&self, now: i64) -> Option<Arrivals> {
        let replication = self.app.conditions.present().replication;
        let mut dice = Dice::of(self.app.seed, LAG, self.step);
        (replication.replicas > 0).then(|| Arrivals {
            replicas: (0..replication.replicas).map(|_| now + replication.lag.draw(&mut dice)).collect(),
            index: now + replication.index.draw(&mut dice),
            delta: now + replication.delta.draw(&mut dice),
        })
    }
}
