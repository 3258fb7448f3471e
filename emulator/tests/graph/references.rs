//! Members, owners, managers.

use crate::client::{Tenant, group, id, ids, unified, user, with};
use serde_json::{Value, json};

async fn people(tenant: &Tenant, count: usize) -> Vec<String> {
    let users: Vec<Value> = (0..count)
        .map(|at| json!({ "userPrincipalName": format!("p{at}@contoso.example"), "displayName": format!("P{at}") }))
        .collect();
    let seeded = tenant.control("POST", "seed", json!({ "users": users }));
    seeded["users"].as_array().unwrap().iter().map(|id| id.as_str().unwrap().to_owned()).collect()
}

fn bind(tenant: &Tenant, relation: &str, people: &[String]) -> Value {
    let urls: Vec<String> = people.iter().map(|id| tenant.url(id)).collect();
    json!({ format!("{relation}@odata.bind"): urls })
}

#[tokio::test]
async fn one_member_at_a_time() {
    let tenant = Tenant::start().await;
    let people = people(&tenant, 2).await;
    let group = tenant.new_group("g").await;
    let path = format!("/groups/{group}/members");
    tenant.post(&format!("{path}/$ref"), tenant.link(&people[0])).await.ok(204);
    let again = tenant.post(&format!("{path}/$ref"), tenant.link(&people[0])).await;
    again.refused(
        400,
        "Request_BadRequest",
        "One or more added object references already exist for the following modified properties: 'members'.",
    );
    let ghost = "11111111-2222-3333-4444-555555555555";
    let text = format!("Resource '{ghost}' does not exist or one of its queried reference-property objects are not present.");
    tenant.post(&format!("{path}/$ref"), tenant.link(ghost)).await.refused(404, "Request_ResourceNotFound", &text);
    tenant.post(&format!("/groups/{ghost}/members/$ref"), tenant.link(&people[1])).await.refused(
        404,
        "Request_ResourceNotFound",
        &text,
    );
    tenant.post(&format!("{path}/$ref"), json!({ "@odata.id": "nonsense" })).await.refused(400, "Request_BadRequest", "nonsense");
    assert_eq!(ids(&tenant.get(&path).await.ok(200)), [people[0].as_str()]);
    tenant.delete(&format!("{path}/{}/$ref", people[0])).await.ok(204);
    tenant.delete(&format!("{path}/{}/$ref", people[0])).await.refused(404, "Request_ResourceNotFound", &people[0]);
    tenant.delete(&format!("{path}/p0@contoso.example/$ref")).await.refused(
        404,
        "Request_ResourceNotFound",
        "p0@contoso.example",
    );
    tenant.get(&format!("/users/{}", people[0])).await.ok(200);
}

#[tokio::test]
async fn without_ref_the_object_itself_goes() {
    let tenant = Tenant::start().await;
    let people = people(&tenant, 2).await;
    let group = tenant.new_group("g").await;
    tenant.post(&format!("/groups/{group}/members/$ref"), tenant.link(&people[0])).await.ok(204);
    tenant.delete(&format!("/groups/{group}/members/{}", people[1])).await.refused(404, "Request_ResourceNotFound", &people[1]);
    let path = format!("/groups/{group}/members/{}", people[0]);
    tenant.control("PATCH", "switches", json!({ "deleteThroughReferences": false }));
    tenant.delete(&path).await.refused(405, "Request_BadRequest", "not allowed");
    tenant.control("PATCH", "switches", json!({ "deleteThroughReferences": true }));
    tenant.delete(&path).await.ok(204);
    assert_eq!(tenant.get(&format!("/users/{}", people[0])).await.status, 404);
    assert_eq!(tenant.control("GET", "state", Value::Null)["deleted"], 1);
    // The path names the object, so no rule of the group stands before it.
    let seed = json!({ "users": [{ "id": MEMBER, "userPrincipalName": "zoe@contoso.example" }], "groups": [
        { "id": DYNAMIC, "displayName": "d", "groupTypes": ["DynamicMembership"], "members": [MEMBER] } ] });
    tenant.control("POST", "seed", seed);
    tenant.delete(&format!("/groups/{DYNAMIC}/members/{MEMBER}/$ref")).await.refused(403, "Authorization_RequestDenied", "");
    tenant.delete(&format!("/groups/{DYNAMIC}/members/{MEMBER}")).await.ok(204);
    let owner = &people[1];
    tenant.post(&format!("/groups/{group}/owners/$ref"), tenant.link(owner)).await.ok(204);
    tenant.delete(&format!("/groups/{group}/owners/{owner}/$ref")).await.refused(400, "Request_BadRequest", "at least one owner");
    tenant.delete(&format!("/groups/{group}/owners/{owner}")).await.ok(204);
    assert_eq!(tenant.get(&format!("/users/{owner}")).await.status, 404);
}

const MEMBER: &str = "00000000-0000-0000-0000-0000000000a1";
const DYNAMIC: &str = "00000000-0000-0000-0000-0000000000d1";

#[tokio::test]
async fn a_deleted_owner_does_not_count_as_another() {
    let tenant = Tenant::start().await;
    let people = people(&tenant, 2).await;
    let group = tenant.new_group("g").await;
    for owner in &people {
        tenant.post(&format!("/groups/{group}/owners/$ref"), tenant.link(owner)).await.ok(204);
    }
    tenant.delete(&format!("/users/{}", people[0])).await.ok(204);
    let last = format!("/groups/{group}/owners/{}/$ref", people[1]);
    tenant.delete(&last).await.refused(400, "Request_BadRequest", "at least one owner");
    tenant.post(&format!("/directory/deletedItems/{}/restore", people[0]), Value::Null).await.ok(200);
    tenant.delete(&last).await.ok(204);
}

#[tokio::test]
async fn devices_and_contacts_are_members_too() {
    let tenant = Tenant::start().await;
    let seed = json!({
        "devices": [{ "displayName": "laptop", "deviceId": "d-1", "operatingSystem": "Windows" }],
        "contacts": [{ "displayName": "Partner", "mail": "p@partner.example", "proxyAddresses": ["SMTP:p@partner.example"] }],
    });
    let seeded = tenant.control("POST", "seed", seed);
    let (device, contact) = (seeded["devices"][0].as_str().unwrap(), seeded["contacts"][0].as_str().unwrap());
    let (group, unified_group) = (tenant.new_group("g").await, id(&tenant.post("/groups", unified("u")).await.ok(201)));
    for other in [device, contact] {
        tenant.post(&format!("/groups/{group}/members/$ref"), tenant.link(other)).await.ok(204);
        let into_unified = tenant.post(&format!("/groups/{unified_group}/members/$ref"), tenant.link(other)).await;
        into_unified.refused(400, "Request_BadRequest", "is invalid for the 'members' reference");
        let owner = tenant.post(&format!("/groups/{group}/owners/$ref"), tenant.link(other)).await;
        owner.refused(400, "Request_BadRequest", "is invalid for the 'owners' reference");
    }
    let members = tenant.get(&format!("/groups/{group}/members")).await.ok(200);
    let types: Vec<&str> =
        members["value"].as_array().unwrap().iter().map(|member| member["@odata.type"].as_str().unwrap()).collect();
    assert_eq!(types, ["#microsoft.graph.device", "#microsoft.graph.orgContact"]);
    for (cast, expected) in [("device", device), ("orgContact", contact)] {
        assert_eq!(ids(&tenant.get(&format!("/groups/{group}/members/microsoft.graph.{cast}")).await.ok(200)), [expected]);
    }
    assert!(ids(&tenant.get(&format!("/groups/{group}/members/microsoft.graph.user")).await.ok(200)).is_empty());
    let told = tenant.get("/groups/delta").await.ok(200);
    let told = told["value"].as_array().unwrap().iter().find(|item| item["id"] == group.as_str()).unwrap();
    assert_eq!(told["members@delta"][0]["@odata.type"], "#microsoft.graph.device");
    assert_eq!(tenant.get(&format!("/devices/{device}")).await.ok(200)["operatingSystem"], "Windows");
    assert_eq!(ids(&tenant.get(&format!("/contacts/{contact}/memberOf")).await.ok(200)), [group.as_str()]);
    tenant.patch(&format!("/devices/{device}"), json!({ "displayName": "x" })).await.refused(405, "Request_BadRequest", "");
    // Addresses are unique over users, groups and contacts.
    let taken = with(user("ann"), json!({ "mail": "p@partner.example" }));
    tenant.post("/users", taken).await.refused(400, "Request_BadRequest", "proxyAddresses");
    tenant.delete(&format!("/groups/{group}/members/{device}/$ref")).await.ok(204);
    assert_eq!(ids(&tenant.get("/devices").await.ok(200)), [device], "only the reference went");
}

#[tokio::test]
async fn binds_are_all_or_nothing() {
    let tenant = Tenant::start().await;
    let people = people(&tenant, 25).await;
    let created = tenant.new_group("g").await;
    let path = format!("/groups/{created}");
    let too_many = tenant.patch(&path, bind(&tenant, "members", &people[..21])).await;
    too_many.refused(400, "Request_BadRequest", "A resource cannot contain more than 20 link changes");
    tenant.patch(&path, bind(&tenant, "members", &people[..20])).await.ok(204);
    let poisoned = with(bind(&tenant, "members", &people[19..25]), json!({ "description": "changed" }));
    tenant.patch(&path, poisoned).await.refused(
        400,
        "Request_BadRequest",
        "already exist for the following modified properties: 'members'",
    );
    let ghost = with(bind(&tenant, "members", &[people[24].clone(), "11111111-2222-3333-4444-555555555555".into()]), json!({}));
    tenant.patch(&path, ghost).await.refused(404, "Request_ResourceNotFound", "11111111-2222-3333-4444-555555555555");
    let twice = bind(&tenant, "members", &[people[24].clone(), people[24].to_uppercase()]);
    tenant.patch(&path, twice).await.refused(400, "Request_BadRequest", "can only be present once as an add/remove change.");
    let read = tenant.get(&path).await.ok(200);
    assert_eq!(read["description"], Value::Null, "nothing of a refused update stays");
    assert_eq!(ids(&tenant.get(&format!("{path}/members?$top=999")).await.ok(200)).len(), 20);
}

#[tokio::test]
async fn links_at_creation() {
    let tenant = Tenant::start().await;
    let people = people(&tenant, 21).await;
    let links = with(bind(&tenant, "members", &people[..11]), bind(&tenant, "owners", &people[..10]));
    tenant.post("/groups", with(group("g"), links)).await.refused(400, "Request_BadRequest", "more than 20 link changes");
    let links = with(bind(&tenant, "members", &people[..10]), bind(&tenant, "owners", &people[..10]));
    let created = id(&tenant.post("/groups", with(group("g"), links)).await.ok(201));
    assert_eq!(ids(&tenant.get(&format!("/groups/{created}/owners")).await.ok(200)).len(), 10, "an owner may be a member too");
    assert_eq!(tenant.control("GET", "state", Value::Null)["groups"], 1);
}

#[tokio::test]
async fn kinds_that_do_not_fit() {
    let tenant = Tenant::start().await;
    let inner = tenant.new_group("inner").await;
    let outer = tenant.new_group("outer").await;
    let office = id(&tenant.post("/groups", unified("office")).await.ok(201));
    let add = async |group: &str, relation: &str, id: &str| {
        tenant.post(&format!("/groups/{group}/{relation}/$ref"), tenant.link(id)).await
    };
    add(&outer, "members", &outer).await.refused(400, "Request_BadRequest", "is invalid for the 'members' reference");
    add(&outer, "owners", &inner).await.refused(400, "Request_BadRequest", "is invalid for the 'owners' reference");
    add(&office, "members", &inner).await.refused(
        400,
        "Request_BadRequest",
        "of type 'Group' is invalid for the 'members' reference",
    );
    add(&outer, "members", &inner).await.ok(204);
    add(&inner, "members", &outer).await.ok(204);
    let reached = tenant.get(&format!("/groups/{outer}/transitiveMembers")).await.ok(200);
    assert_eq!(ids(&reached).len(), 2, "a cycle ends");
}

#[tokio::test]
async fn owners() {
    let tenant = Tenant::start().await;
    let people = people(&tenant, 102).await;
    let group = tenant.new_group("g").await;
    let path = format!("/groups/{group}/owners");
    tenant.post(&format!("{path}/$ref"), tenant.link(&people[0])).await.ok(204);
    let last = tenant.delete(&format!("{path}/{}/$ref", people[0])).await;
    last.refused(400, "Request_BadRequest", "The group must have at least one owner, hence this owner cannot be removed.");
    let owners: Vec<Value> = people[1..100].iter().map(|owner| json!({ "group": group, "owner": owner })).collect();
    tenant.control("POST", "seed", json!({ "memberships": owners }));
    let over = tenant.post(&format!("{path}/$ref"), tenant.link(&people[101])).await;
    over.refused(403, "Directory_QuotaExceeded", "would exceed the maximum quota count '100' for forward-link 'owners'.");
    tenant.delete(&format!("{path}/{}/$ref", people[0])).await.ok(204);
    // Near the limit, owners that are there already are counted once more.
    let some: Vec<String> = people[95..102].iter().map(|owner| tenant.url(owner)).collect();
    let near = tenant.patch(&format!("/groups/{group}"), json!({ "owners@odata.bind": some })).await;
    near.refused(403, "Directory_QuotaExceeded", "would exceed the maximum quota count '100'");
    let one = tenant.patch(&format!("/groups/{group}"), json!({ "owners@odata.bind": [tenant.url(&people[95])] })).await;
    one.refused(400, "Request_BadRequest", "already exist for the following modified properties: 'owners'");
}

#[tokio::test]
async fn nested_lists_and_casts() {
    let tenant = Tenant::start().await;
    let people = people(&tenant, 3).await;
    let seeded = tenant.control(
        "POST",
        "seed",
        json!({ "groups": [
            { "displayName": "inner", "uniqueName": "inner", "members": [people[0], people[1]] },
            { "displayName": "outer", "uniqueName": "outer", "members": ["inner", people[2]] },
        ] }),
    );
    let (inner, outer) = (seeded["groups"][0].as_str().unwrap(), seeded["groups"][1].as_str().unwrap());
    let list = async |path: String| tenant.get(&path).await.ok(200);
    let members = list(format!("/groups/{outer}/members")).await;
    assert_eq!(members["value"][0]["@odata.type"], "#microsoft.graph.user");
    assert_eq!(members["value"][1]["@odata.type"], "#microsoft.graph.group");
    assert_eq!(ids(&list(format!("/groups/{outer}/members/microsoft.graph.user")).await), [people[2].as_str()]);
    assert_eq!(ids(&list(format!("/groups/{outer}/transitiveMembers")).await).len(), 4);
    assert_eq!(ids(&list(format!("/users/{}/memberOf", people[0])).await), [inner]);
    assert_eq!(ids(&list(format!("/users/{}/transitiveMemberOf", people[0])).await), [inner, outer]);
    let filtered = format!("/groups/{outer}/members?$filter=displayName eq 'P2'");
    tenant.get(&filtered).await.refused(400, "Request_UnsupportedQuery", "");
    assert_eq!(ids(&tenant.eventual(&format!("{filtered}&$count=true")).await.ok(200)), [people[2].as_str()]);
    let page = list(format!("/groups/{inner}/members?$top=1&$select=id")).await;
    let rest = list(page["@odata.nextLink"].as_str().unwrap().to_owned()).await;
    assert_eq!([ids(&page), ids(&rest)].concat(), [people[0].clone(), people[1].clone()]);
    assert!(rest.get("@odata.nextLink").is_none());
}

#[tokio::test]
async fn managers() {
    let tenant = Tenant::start().await;
    let people = people(&tenant, 3).await;
    let path = format!("/users/{}/manager", people[0]);
    tenant.get(&path).await.refused(404, "Request_ResourceNotFound", "");
    tenant.delete(&format!("{path}/$ref")).await.refused(404, "Request_ResourceNotFound", "");
    tenant.put(&format!("{path}/$ref"), tenant.link(&people[1])).await.ok(204);
    tenant
        .put(&format!("{path}/$ref"), json!({ "@odata.id": format!("{}/users/{}", tenant.running.graph_url, people[2]) }))
        .await
        .ok(204);
    assert_eq!(id(&tenant.get(&path).await.ok(200)), people[2]);
    assert_eq!(ids(&tenant.get(&format!("/users/{}/directReports", people[2])).await.ok(200)), [people[0].as_str()]);
    assert_eq!(ids(&tenant.get(&format!("/users/{}/directReports", people[1])).await.ok(200)).len(), 0);
    let ghost = "11111111-2222-3333-4444-555555555555";
    tenant.put(&format!("{path}/$ref"), tenant.link(ghost)).await.refused(404, "Request_ResourceNotFound", ghost);
    tenant.delete(&format!("{path}/$ref")).await.ok(204);
    assert_eq!(tenant.get(&path).await.status, 404);
    let bound = with(user("new"), json!({ "manager@odata.bind": tenant.url(&people[1]) }));
    let created = id(&tenant.post("/users", bound.clone()).await.ok(201));
    let read = tenant.get(&format!("/users/{created}?$expand=manager($select=id)&$select=id")).await.ok(200);
    assert_eq!(read["manager"]["id"].as_str(), Some(people[1].as_str()));
    tenant.control("PATCH", "switches", json!({ "managerBind": false }));
    tenant.post("/users", with(bound, json!({ "userPrincipalName": "n2@contoso.example" }))).await.refused(
        400,
        "Request_BadRequest",
        "manager@odata.bind",
    );
}

#[tokio::test]
async fn the_last_owner_by_switch() {
    let tenant = Tenant::start().await;
    let owner = tenant.new_user("owner").await;
    let path = format!("/groups/{}/owners", tenant.new_group("g").await);
    tenant.post(&format!("{path}/$ref"), tenant.link(&owner)).await.ok(204);
    let text = "The group must have at least one owner, hence this owner cannot be removed.";
    tenant.delete(&format!("{path}/{owner}/$ref")).await.refused(400, "Request_BadRequest", text);
    tenant.control("PATCH", "switches", json!({ "keepLastOwner": false }));
    tenant.delete(&format!("{path}/{owner}/$ref")).await.ok(204);
}
