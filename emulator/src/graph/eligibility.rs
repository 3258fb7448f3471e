//! `/identityGovernance/privilegedAccess/group`: who can become a member or an owner of a group for a while.

use super::answer::Answer;
use super::call::Call;
use super::table::Table;
use crate::directory::{Access, GroupEligibility, View};
use crate::failure::Failure;
use crate::odata::Part;
use axum::http::Method;
use serde_json::{Value as Json, json};

const SCHEDULES: Table<'_> = Table {
    context: "identityGovernance/privilegedAccess/group/eligibilitySchedules",
    of: "privilegedAccessGroupEligibilitySchedule",
    properties: &["id", "accessId", "groupId", "principalId", "memberType", "status", "scheduleInfo"],
    filtered: &["groupId", "principalId", "accessId"],
    page: Some(100),
};

/// Answers a request below `/identityGovernance/privilegedAccess`.
///
/// # Errors
/// What Graph would refuse.
pub(crate) fn route(call: &Call<'_>) -> Result<Answer, Failure> {
    let words: Vec<String> = call.parts.iter().skip(2).map(Part::word).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match (call.method, words.as_slice()) {
        (&Method::GET, ["group", "eligibilityschedules"]) => schedules(call),
        (_, ["group", "eligibilityschedules"]) => Err(Failure::method()),
        (_, [.., segment]) => Err(Failure::segment(segment)),
        (_, []) => Err(Failure::method()),
    }
}

/// The list is answered for one group or one principal only.
fn schedules(call: &Call<'_>) -> Result<Answer, Failure> {
    let filter = call.query.option("filter").unwrap_or_default().to_ascii_lowercase();
    if !filter.contains("groupid eq") && !filter.contains("principalid eq") {
        return Err(Failure::new(400, "MissingFilter", "A filter on 'groupId' or 'principalId' is required."));
    }
    let world = call.app.world.read();
    let tenant = &View::primary(&world.tenant);
    let live = |held: &&GroupEligibility| tenant.object(held.principal).is_live() && tenant.object(held.group).is_live();
    let held = tenant.roles.group_eligibilities.iter().filter(live);
    SCHEDULES.list(call, held.map(|held| schedule(tenant, held)).collect::<Vec<_>>())
}

fn schedule(tenant: &View<'_>, held: &GroupEligibility) -> Json {
    let (group, principal) = (tenant.object(held.group).id, tenant.object(held.principal).id);
    let access = if held.access == Access::Member { "member" } else { "owner" };
    json!({
        "id": format!("{group}_{access}_{principal}"), "accessId": access, "groupId": group.to_string(),
        "principalId": principal.to_string(), "memberType": "direct", "status": "Provisioned",
        "scheduleInfo": { "expiration": { "type": "noExpiration" } },
    })
}
