//! What a request costs (Graph documentation, "Identity and access service limits", resource unit table).

use crate::call::{Call, Method};

/// What a request takes from the accounts.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Charge {
    /// Resource units.
    pub(crate) units: f64,
    /// Writes, if links that travel together cost one write together, as the published table has it.
    pub(crate) writes_flat: f64,
    /// Writes, if every three links cost one, as callers have been told by support.
    pub(crate) writes_by_three: f64,
}

impl std::ops::Add for Charge {
    type Output = Charge;
    fn add(self, other: Charge) -> Charge {
        Charge {
            units: self.units + other.units,
            writes_flat: self.writes_flat + other.writes_flat,
            writes_by_three: self.writes_by_three + other.writes_by_three,
        }
    }
}

/// What one request costs; a batch costs what its parts cost.
pub(crate) fn charge(call: &Call) -> Charge {
    if call.method == Method::Get {
        return Charge { units: f64::from(units(&call.path)), ..Charge::default() };
    }
    let links = u32::try_from(call.links).unwrap_or(u32::MAX);
    Charge { units: 1.0, writes_flat: 1.0, writes_by_three: f64::from(links.div_ceil(3).max(1)) }
}

fn units(path: &str) -> u32 {
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let query = query.to_ascii_lowercase();
    let option = |name: &str| query.split('&').filter_map(|pair| pair.split_once('=')).find(|(key, _)| key.ends_with(name));
    let few = option("top").and_then(|(_, top)| top.parse::<u32>().ok()).is_some_and(|top| top < 20);
    let less = u32::from(option("select").is_some()) + u32::from(few);
    (listed(path) + u32::from(option("expand").is_some())).saturating_sub(less).max(1)
}

fn listed(path: &str) -> u32 {
    let path = path.to_ascii_lowercase();
    let below = path.rsplit_once("/v1.0/").map_or(path.as_str(), |(_, below)| below);
    match below.trim_start_matches('/').split('/').collect::<Vec<_>>().as_slice() {
        ["groups", _, "transitivemembers", ..] => 5,
        ["domains", _, "domainnamereferences"] => 4,
        ["groups", _, "members", ..] | ["subscribedskus"] | ["contracts"] => 3,
        ["users" | "applications"] | ["users", _, "memberof" | "transitivememberof" | "ownedobjects" | "licensedetails", ..] => 2,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn reads_cost_what_the_table_says() {
        let cost = |path: &str| charge(&Call::get(path.to_owned())).units;
        assert!((cost("/users") - 2.0).abs() < 1e-9);
        assert!((cost("/users?%24select=id") - 1.0).abs() < 1e-9);
        assert!((cost("https://graph.test/v1.0/groups/g/members?$top=10") - 2.0).abs() < 1e-9);
        assert!((cost("/groups/g/transitiveMembers?$expand=x") - 6.0).abs() < 1e-9);
        assert!((cost("/users/delta?$deltatoken=x") - 1.0).abs() < 1e-9);
    }

    #[test]
    fn links_that_travel_together_cost_one_write_or_a_third_each() {
        let bind = Call::patch("/groups/g".into(), json!({})).bulky(20);
        assert_eq!(charge(&bind), Charge { units: 1.0, writes_flat: 1.0, writes_by_three: 7.0 });
        let single = charge(&Call::delete("/users/u".into()));
        assert_eq!(single + charge(&bind), Charge { units: 2.0, writes_flat: 2.0, writes_by_three: 8.0 });
    }
}
