//! How many objects a tenant may hold (Entra "service limits and restrictions"). The recycle bin counts too,
//! and for thirty days a quarter of what was purged.

use crate::failure::Failure;
use crate::world::World;

const WITHOUT_DOMAIN: u64 = 50_000;
const WITH_DOMAIN: u64 = 300_000;

/// Checks that there is room for one more object.
///
/// # Errors
/// 403 `Directory_QuotaExceeded`.
pub(crate) fn one_more(world: &World) -> Result<(), Failure> {
    let own_domain = world.domains.iter().any(|domain| domain.verified && !domain.name.ends_with(".onmicrosoft.com"));
    let usual = if own_domain { WITH_DOMAIN } else { WITHOUT_DOMAIN };
    if (world.tenant.weight() as u64) < world.switches.object_quota.unwrap_or(usual) {
        return Ok(());
    }
    let text = "The directory object quota limit for the Tenant has been exceeded. Please ask your administrator to increase the \
                quota limit or delete objects to reduce the used quota.";
    Err(Failure::new(403, "Directory_QuotaExceeded", text))
}
