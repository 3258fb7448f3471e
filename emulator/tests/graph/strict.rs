//! Rules that are easily broken: binds of new groups, the recycle bin, limits, and what the service derives.

use crate::client::{Tenant, group, id, ids, unified, user, with};
use entrain_emulator::Options;
use serde_json::{Value, json};

const DENIED: &str = "Authorization_RequestDenied";

fn dynamic(name: &str) -> Value {
    let rule = json!({ "groupTypes": ["DynamicMembership"], "membershipRule": "x", "membershipRuleProcessingState": "On" });
    with(group(name), rule)
}

#[tokio::test]
async fn binds_of_a_new_group_are_checked_as_its_references() {
    let tenant = Tenant::start().await;
    let (ann, inner) = (tenant.new_user("ann").await, tenant.new_group("inner").await);
    let seeded =
        tenant.control("POST", "seed", json!({ "users": [{ "userPrincipalName": "g@contoso.example", "userType": "Guest" }] }));
    let guest = seeded["users"][0].as_str().unwrap().to_owned();
    let bind =
        |body: Value, property: &str, target: &str| with(body, json!({ format!("{property}@odata.bind"): [tenant.url(target)] }));
    let nested = tenant.post("/groups", bind(unified("team"), "members", &inner)).await;
    nested.refused(400, "Request_BadRequest", "is invalid for the 'members' reference");
    tenant.post("/groups", bind(group("outer"), "members", &inner)).await.ok(201);
    tenant.post("/groups", bind(unified("one"), "members", &guest)).await.ok(201);
    tenant.control("PATCH", "switches", json!({ "guestsInGroups": false }));
    tenant.post("/groups", bind(unified("two"), "members", &guest)).await.refused(
        403,
        DENIED,
        "Guests users are not allowed to join",
    );
    tenant.post("/groups", bind(group("three"), "members", &guest)).await.ok(201);
    tenant.post("/groups", bind(dynamic("d"), "members", &ann)).await.refused(403, DENIED, "Insufficient privileges");
    let owned = id(&tenant.post("/groups", bind(dynamic("d"), "owners", &ann)).await.ok(201));
    let bob = tenant.new_user("bob").await;
    tenant.post(&format!("/groups/{owned}/owners/$ref"), tenant.link(&bob)).await.ok(204);
    tenant.delete(&format!("/groups/{owned}/owners/{ann}/$ref")).await.ok(204);
    tenant.post(&format!("/groups/{owned}/members/$ref"), tenant.link(&ann)).await.refused(403, DENIED, "");
}

#[tokio::test]
async fn the_caller_may_become_an_owner() {
    let tenant = Tenant::start().await;
    let client = tenant.running.client_id.clone();
    let principal = id(&tenant.get(&format!("/servicePrincipals(appId='{client}')")).await.ok(200));
    let owned = with(group("g"), json!({ "owners@odata.bind": [tenant.url(&principal)] }));
    tenant.post("/groups", owned.clone()).await.ok(201);
    tenant.control("PATCH", "switches", json!({ "callerOwnsNewGroups": true }));
    tenant.post("/groups", owned).await.refused(400, "Request_BadRequest", "Request contains a property with duplicate values");
    let mine = tenant.new_group("mine").await;
    assert_eq!(ids(&tenant.get(&format!("/groups/{mine}/owners")).await.ok(200)), [principal]);
    let mut urls = Vec::new();
    for at in 0..20 {
        urls.push(tenant.url(&tenant.new_user(&format!("u{at}")).await));
    }
    let full = |count: usize| with(group("full"), json!({ "members@odata.bind": urls[..count] }));
    tenant.post("/groups", full(20)).await.refused(400, "Request_BadRequest", "more than 20 link changes");
    tenant.post("/groups", full(19)).await.ok(201);
}

#[tokio::test]
async fn a_restore_takes_only_a_name_that_could_be() {
    let tenant = Tenant::start().await;
    let ann = tenant.new_user("ann").await;
    tenant.delete(&format!("/users/{ann}")).await.ok(204);
    let restore = async |name: Value| {
        tenant.post(&format!("/directory/deletedItems/{ann}/restore"), json!({ "newUserPrincipalName": name })).await
    };
    restore(json!("a b@contoso.example")).await.refused(400, "Request_BadRequest", "invalid values");
    restore(json!("ann")).await.refused(400, "Request_BadRequest", "invalid values");
    restore(json!("ann@new.example")).await.refused(400, "Request_BadRequest", "The domain portion");
    restore(json!(7)).await.refused(400, "Request_BadRequest", "newUserPrincipalName");
    restore(json!("ann@fed.example")).await.refused(400, "Request_BadRequest", "onPremisesImmutableId");
    restore(json!("ann.new@contoso.example")).await.ok(200);
}

#[tokio::test]
async fn what_is_privileged_stays_so_in_the_bin() {
    let mut tenant = Tenant::start().await;
    let admin = tenant.new_user("admin").await;
    let role = json!({ "roleHolders": [{ "principal": admin, "role": "Global Administrator" }], "deleted": [admin] });
    tenant.control("POST", "seed", role);
    let path = format!("/directory/deletedItems/{admin}");
    tenant.delete(&path).await.refused(403, DENIED, "");
    tenant.control("PATCH", "switches", json!({ "writesPrivilegedUsers": true }));
    tenant.delete(&path).await.ok(204);
    let new =
        async |name: &str| id(&tenant.post("/groups", with(group(name), json!({ "isAssignableToRole": true }))).await.ok(201));
    let (first, second, third) = (new("a").await, new("b").await, new("c").await);
    for gone in [&second, &third] {
        tenant.delete(&format!("/groups/{gone}")).await.ok(204);
    }
    let roles = json!({ "roles": ["Group.ReadWrite.All"] });
    tenant.control("POST", "credentials", roles);
    tenant.sign_in().await;
    tenant.delete(&format!("/groups/{first}")).await.refused(403, DENIED, "");
    tenant.post(&format!("/directory/deletedItems/{second}/restore"), json!({})).await.refused(403, DENIED, "");
    tenant.delete(&format!("/directory/deletedItems/{third}")).await.refused(403, DENIED, "");
    let plain = tenant.new_group("plain").await;
    tenant.delete(&format!("/groups/{plain}")).await.ok(204);
}

#[tokio::test]
async fn what_a_security_group_cannot_become() {
    let tenant = Tenant::start().await;
    let created = tenant.post("/groups", group("g")).await.ok(201);
    assert_eq!(created["visibility"], "Private");
    let team = tenant.post("/groups", unified("team")).await.ok(201);
    assert_eq!(team["visibility"], "Public");
    let off = json!({ "securityEnabled": false });
    tenant.patch(&format!("/groups/{}", id(&created)), off.clone()).await.refused(400, "Request_BadRequest", "securityEnabled");
    tenant.patch(&format!("/groups/{}", id(&team)), off).await.ok(204);
    for name in ["hideFromOutlookClients", "allowExternalSenders", "autoSubscribeNewMembers"] {
        let path = format!("/groups/{}", id(&team));
        tenant.patch(&path, json!({ name: true })).await.refused(403, DENIED, "");
        tenant.control("PATCH", "switches", json!({ "exchangePropertiesByApplication": true }));
        tenant.patch(&path, json!({ name: true })).await.ok(204);
        tenant.control("PATCH", "switches", json!({ "exchangePropertiesByApplication": false }));
    }
}

#[tokio::test]
async fn purged_objects_count_a_quarter_for_a_while() {
    let clock: Option<fn() -> i64> = Some(|| 1_800_000_000_000);
    let mut tenant = Tenant::with(Options { clock, ..Options::default() }).await;
    let room = async |tenant: &Tenant, of: u64| {
        tenant.control("PATCH", "switches", json!({ "objectQuota": of }));
        tenant.post("/groups", group("g")).await.status == 201
    };
    for at in 0..8 {
        let group = tenant.new_group(&format!("g{at}")).await;
        tenant.delete(&format!("/groups/{group}")).await.ok(204);
        tenant.delete(&format!("/directory/deletedItems/{group}")).await.ok(204);
    }
    // The application and its service principal, and a quarter of eight.
    assert!(!room(&tenant, 4).await);
    assert!(room(&tenant, 5).await);
    tenant.advance(31 * 86400);
    tenant.sign_in().await;
    assert!(!room(&tenant, 3).await);
    assert!(room(&tenant, 4).await, "and nothing after thirty days");
}

#[tokio::test]
async fn fifteen_thousand_dynamic_groups() {
    let tenant = Tenant::start().await;
    let groups: Vec<Value> =
        (0..15_000).map(|at| json!({ "displayName": format!("d{at}"), "groupTypes": ["DynamicMembership"] })).collect();
    let seeded = tenant.control("POST", "seed", json!({ "groups": groups }));
    tenant.post("/groups", dynamic("more")).await.refused(403, "Directory_QuotaExceeded", "15000");
    tenant.post("/groups", group("usual")).await.ok(201);
    tenant.delete(&format!("/groups/{}", seeded["groups"][0].as_str().unwrap())).await.ok(204);
    tenant.post("/groups", dynamic("more")).await.ok(201);
}

#[tokio::test]
async fn a_key_of_several_objects_and_a_photo_of_nobody() {
    let tenant = Tenant::start().await;
    let twice = |name: &str| json!({ "displayName": name, "uniqueName": "twice" });
    tenant.control("POST", "seed", json!({ "groups": [twice("a"), twice("b")] }));
    tenant.get("/groups(uniqueName='twice')").await.refused(400, "Request_MultipleObjectsWithSameKeyValue", "twice");
    tenant.upsert("twice", group("c")).await.refused(400, "Request_MultipleObjectsWithSameKeyValue", "twice");
    let ann = tenant.new_user("ann").await;
    for path in [format!("/users/{ann}/photo"), format!("/users/{ann}/photo/$value")] {
        tenant.get(&path).await.refused(404, "ImageNotFound", "");
    }
    tenant.get("/users/nobody@contoso.example/photo/$value").await.refused(404, "Request_ResourceNotFound", "");
}

fn late(bind: &str) -> Options {
    let lag = json!({ "median": 10_000, "p999": 10_000, "max": 10_000 });
    let conditions = json!({ "replication": { "replicas": 2, "lag": lag, "bindOfUnknown": bind } });
    Options { clock: Some(|| 1_800_000_000_000), conditions: Some(conditions), ..Options::default() }
}

#[tokio::test]
async fn what_is_bound_too_early_is_invalid_for_a_while() {
    let tenant = Tenant::with(late("invalid")).await;
    let ann = tenant.new_user("ann").await;
    let team = with(group("team"), json!({ "members@odata.bind": [tenant.url(&ann)] }));
    let bob = with(user("bob"), json!({ "manager@odata.bind": tenant.url(&ann) }));
    let text = "One or more property values specified are invalid";
    tenant.post("/groups", team.clone()).await.refused(400, "Request_BadRequest", text);
    tenant.post("/users", bob.clone()).await.refused(400, "Request_BadRequest", text);
    let ghost = with(group("g"), json!({ "members@odata.bind": [tenant.url("00000000-0000-0000-0000-000000000001")] }));
    tenant.post("/groups", ghost).await.refused(404, "Request_ResourceNotFound", "");
    tenant.conditions(json!({ "replication": { "bindOfUnknown": "notFound" } }));
    tenant.post("/groups", team.clone()).await.refused(404, "Request_ResourceNotFound", &ann);
    tenant.advance(10);
    tenant.post("/groups", team).await.ok(201);
    tenant.post("/users", bob).await.ok(201);
}

#[tokio::test]
async fn roles_and_products_are_seen_late() {
    let tenant = Tenant::with(late("notFound")).await;
    let sku = "05e9a617-0261-4cee-bb44-138d3ef5d965";
    let role = "fe930be7-5e62-47db-91af-98c3a49a38b1";
    let seed = json!({ "users": [with(user("ann"), json!({ "usageLocation": "CH" }))], "subscribedSkus": [{ "skuId": sku, "skuPartNumber": "E3", "enabled": 5 }] });
    let mut seed = seed;
    seed["users"][0].as_object_mut().unwrap().remove("passwordProfile");
    let ann = tenant.control("POST", "seed", seed)["users"][0].as_str().unwrap().to_owned();
    let held = async || tenant.get("/roleManagement/directory/roleAssignments").await.ok(200)["value"].as_array().unwrap().len();
    let consumed = async || tenant.get("/subscribedSkus").await.ok(200)["value"][0]["consumedUnits"].clone();
    let assignment = json!({ "principalId": ann, "roleDefinitionId": role, "directoryScopeId": "/" });
    let made = id(&tenant.post("/roleManagement/directory/roleAssignments", assignment).await.ok(201));
    let licence = json!({ "addLicenses": [{ "skuId": sku, "disabledPlans": [] }], "removeLicenses": [] });
    tenant.post(&format!("/users/{ann}/assignLicense"), licence).await.ok(200);
    assert_eq!((held().await, consumed().await), (0, json!(0)));
    let path = format!("/roleManagement/directory/roleAssignments/{made}");
    assert_eq!((tenant.get(&path).await.status, tenant.delete(&path).await.status), (404, 404));
    tenant.advance(10);
    assert_eq!((held().await, consumed().await), (1, json!(1)));
    tenant.delete(&path).await.ok(204);
    assert_eq!(held().await, 1, "gone only at the primary");
    tenant.advance(10);
    assert_eq!(held().await, 0);
}

#[tokio::test]
async fn a_body_has_four_megabytes_at_most() {
    let tenant = Tenant::start().await;
    let long = with(user("ann"), json!({ "jobTitle": "x".repeat(4 * 1024 * 1024) }));
    tenant.post("/users", long).await.refused(413, "RequestEntityTooLarge", "too large");
    tenant.post("/users", json!([user("ann")])).await.refused(400, "Request_BadRequest", "An unexpected 'StartArray' node");
}
