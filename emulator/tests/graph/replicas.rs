//! Replicas that learn late of a write.

use crate::client::{Tenant, group, id, ids, user};
use entrain_emulator::Options;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// A tenant whose time stands still unless it is advanced, and whose replicas are all ten seconds late.
async fn late() -> Tenant {
    let replication = json!({ "replicas": 3, "lag": constant(10), "index": constant(30), "delta": constant(20) });
    tenant(replication, 1).await
}

async fn tenant(replication: Value, seed: u64) -> Tenant {
    let conditions = Some(json!({ "replication": replication }));
    Tenant::with(Options { clock: Some(|| 1_800_000_000_000), seed, conditions, ..Options::default() }).await
}

fn constant(seconds: u32) -> Value {
    json!({ "median": seconds * 1000, "p999": seconds * 1000, "max": seconds * 1000 })
}

#[tokio::test]
async fn a_fresh_object_is_unknown_for_a_while() {
    let tenant = late().await;
    let (ann, team) = (tenant.new_user("ann").await, tenant.new_group("team").await);
    for (method, path, body) in [
        ("GET", format!("/users/{ann}"), Value::Null),
        ("GET", "/users/ann@contoso.example".to_owned(), Value::Null),
        ("PATCH", format!("/users/{ann}"), json!({ "displayName": "x" })),
        ("DELETE", format!("/users/{ann}"), Value::Null),
        ("POST", format!("/users/{ann}/revokeSignInSessions"), Value::Null),
        ("GET", format!("/groups/{team}/members"), Value::Null),
    ] {
        tenant.send(method, &path, body, &[]).await.refused(404, "Request_ResourceNotFound", "");
    }
    assert!(ids(&tenant.get("/users").await.ok(200)).is_empty());
    assert!(ids(&tenant.get("/users?$filter=userPrincipalName eq 'ann@contoso.example'").await.ok(200)).is_empty());
    tenant.advance(10);
    tenant.patch(&format!("/users/{ann}"), json!({ "displayName": "x" })).await.ok(204);
    assert_eq!(ids(&tenant.get("/users").await.ok(200)), [ann.as_str()]);
    tenant.post(&format!("/groups/{team}/members/$ref"), tenant.link(&ann)).await.ok(204);
}

#[tokio::test]
async fn a_reference_needs_both_ends() {
    let tenant = late().await;
    let (ann, team) = (tenant.new_user("ann").await, tenant.new_group("team").await);
    tenant.advance(10);
    let (bob, fresh) = (tenant.new_user("bob").await, tenant.new_group("fresh").await);
    let add = async |group: &str, member: &str| tenant.post(&format!("/groups/{group}/members/$ref"), tenant.link(member)).await;
    add(&team, &bob).await.refused(404, "Request_ResourceNotFound", &bob);
    add(&fresh, &ann).await.refused(404, "Request_ResourceNotFound", &fresh);
    let bind = json!({ "members@odata.bind": [tenant.url(&ann), tenant.url(&bob)] });
    tenant.patch(&format!("/groups/{team}"), bind).await.refused(404, "Request_ResourceNotFound", &bob);
    tenant.put(&format!("/users/{ann}/manager/$ref"), tenant.link(&bob)).await.refused(404, "Request_ResourceNotFound", &bob);
    tenant.delete(&format!("/groups/{team}/members/{bob}/$ref")).await.refused(404, "Request_ResourceNotFound", &bob);
    add(&team, &ann).await.ok(204);
    tenant.advance(10);
    add(&fresh, &bob).await.ok(204);
    tenant.put(&format!("/users/{ann}/manager/$ref"), tenant.link(&bob)).await.ok(204);
    tenant.get(&format!("/users/{ann}/manager")).await.refused(404, "Request_ResourceNotFound", "");
    tenant.advance(10);
    assert_eq!(id(&tenant.get(&format!("/users/{ann}/manager")).await.ok(200)), bob);
}

#[tokio::test]
async fn properties_are_stale_and_writes_are_not() {
    let tenant = late().await;
    let ann = tenant.new_user("ann").await;
    tenant.advance(10);
    let change = json!({ "displayName": "New", "userPrincipalName": "anna@contoso.example" });
    tenant.patch(&format!("/users/{ann}"), change).await.ok(204);
    assert_eq!(tenant.get(&format!("/users/{ann}")).await.ok(200)["displayName"], "User ann");
    assert_eq!(ids(&tenant.get("/users?$filter=displayName eq 'User ann'").await.ok(200)), [ann.as_str()]);
    assert!(ids(&tenant.get("/users?$filter=displayName eq 'New'").await.ok(200)).is_empty());
    assert_eq!(tenant.get("/users/anna@contoso.example").await.status, 404);
    // The former name still leads to the user.
    tenant.patch("/users/ann@contoso.example", json!({ "jobTitle": "Cook" })).await.ok(204);
    // What is unique is checked where it is written.
    tenant.post("/users", user("anna")).await.refused(400, "Request_BadRequest", "userPrincipalName");
    tenant.post("/users", user("ann")).await.ok(201);
    tenant.advance(10);
    let seen = tenant.get("/users/anna@contoso.example").await.ok(200);
    assert_eq!((&seen["displayName"], &seen["jobTitle"]), (&json!("New"), &json!("Cook")));
}

#[tokio::test]
async fn what_is_deleted_stays_readable() {
    let tenant = late().await;
    let ann = tenant.new_user("ann").await;
    tenant.advance(10);
    tenant.delete(&format!("/users/{ann}")).await.ok(204);
    tenant.get(&format!("/users/{ann}")).await.ok(200);
    tenant.patch(&format!("/users/{ann}"), json!({ "displayName": "x" })).await.refused(404, "Request_ResourceNotFound", &ann);
    tenant.get(&format!("/directory/deletedItems/{ann}")).await.refused(404, "Request_ResourceNotFound", &ann);
    assert!(ids(&tenant.get("/directory/deletedItems/microsoft.graph.user").await.ok(200)).is_empty());
    tenant.advance(10);
    assert_eq!(tenant.get(&format!("/users/{ann}")).await.status, 404);
    assert_eq!(ids(&tenant.get("/directory/deletedItems/microsoft.graph.user").await.ok(200)), [ann.as_str()]);
    tenant.delete(&format!("/directory/deletedItems/{ann}")).await.ok(204);
    tenant.get(&format!("/directory/deletedItems/{ann}")).await.ok(200);
    tenant.delete(&format!("/directory/deletedItems/{ann}")).await.refused(404, "Request_ResourceNotFound", &ann);
}

#[tokio::test]
async fn lists_of_members_are_stale() {
    let tenant = late().await;
    let (ann, team) = (tenant.new_user("ann").await, tenant.new_group("team").await);
    tenant.advance(30);
    let members = format!("/groups/{team}/members");
    tenant.post(&format!("{members}/$ref"), tenant.link(&ann)).await.ok(204);
    assert!(ids(&tenant.get(&members).await.ok(200)).is_empty());
    assert!(ids(&tenant.get(&format!("/users/{ann}/memberOf")).await.ok(200)).is_empty());
    let again = tenant.post(&format!("{members}/$ref"), tenant.link(&ann)).await;
    again.refused(400, "Request_BadRequest", "already exist");
    tenant.advance(10);
    assert_eq!(ids(&tenant.get(&members).await.ok(200)), [ann.as_str()]);
    assert_eq!(ids(&tenant.get(&format!("/users/{ann}/memberOf")).await.ok(200)), [team.as_str()]);
    tenant.delete(&format!("{members}/{ann}/$ref")).await.ok(204);
    assert_eq!(ids(&tenant.get(&members).await.ok(200)), [ann.as_str()]);
    let again = tenant.delete(&format!("{members}/{ann}/$ref")).await;
    again.refused(400, "Request_BadRequest", "One or more removed object references do not exist");
    tenant.advance(10);
    assert!(ids(&tenant.get(&members).await.ok(200)).is_empty());
    tenant.delete(&format!("{members}/{ann}/$ref")).await.refused(404, "Request_ResourceNotFound", &ann);
}

#[tokio::test]
async fn an_upsert_that_meets_a_late_replica_creates_no_second_group() {
    let tenant = late().await;
    tenant.upsert("crew", group("crew")).await.ok(201);
    let path = "/groups(uniqueName='crew')";
    assert_eq!(tenant.get(path).await.status, 404);
    assert_eq!(tenant.patch(path, json!({ "description": "plain" })).await.status, 404);
    tenant.upsert("crew", group("other")).await.ok(204);
    tenant.conditions(json!({ "replication": { "upsertOfUnknown": "conflict" } }));
    tenant.upsert("crew", group("third")).await.refused(400, "Request_BadRequest", "uniqueName");
    tenant.advance(10);
    let groups = tenant.get("/groups").await.ok(200);
    assert_eq!((groups["value"].as_array().unwrap().len(), &groups["value"][0]["displayName"]), (1, &json!("other")));
}

#[tokio::test]
async fn the_index_of_advanced_queries_is_slower() {
    let tenant = late().await;
    let ann = tenant.new_user("ann").await;
    let counted = "/users?$count=true&$filter=displayName eq 'User ann'";
    tenant.advance(10);
    tenant.get(&format!("/users/{ann}")).await.ok(200);
    assert_eq!(ids(&tenant.get("/users?$filter=displayName eq 'User ann'").await.ok(200)), [ann.as_str()]);
    let early = tenant.eventual(counted).await.ok(200);
    assert_eq!((ids(&early).len(), &early["@odata.count"]), (0, &json!(0)));
    assert_eq!(tenant.eventual("/users/$count").await.ok(200), 0);
    assert!(ids(&tenant.eventual("/users?$search=\"displayName:User\"").await.ok(200)).is_empty());
    tenant.advance(20);
    assert_eq!(tenant.eventual(counted).await.ok(200)["@odata.count"], 1);
    assert_eq!(tenant.eventual("/users/$count").await.ok(200), 1);
    assert_eq!(ids(&tenant.eventual("/users?$search=\"displayName:User\"").await.ok(200)), [ann]);
}

#[tokio::test]
async fn delta_queries_lag_and_skip_nothing() {
    let tenant = late().await;
    let ann = tenant.new_user("ann").await;
    let all = tenant.get("/users/delta?$select=displayName").await.ok(200);
    assert!(ids(&all).is_empty(), "the enumeration does not know her yet");
    let next = async |page: &Value| tenant.get(page["@odata.deltaLink"].as_str().unwrap()).await.ok(200);
    tenant.advance(15);
    tenant.patch(&format!("/users/{ann}"), json!({ "displayName": "New" })).await.ok(204);
    let empty = next(&all).await;
    assert!(ids(&empty).is_empty(), "an empty round proves nothing");
    tenant.advance(5);
    let first = next(&empty).await;
    assert_eq!(first["value"], json!([{ "id": ann, "displayName": "User ann" }]), "as it was then");
    tenant.advance(15);
    let second = next(&first).await;
    assert_eq!(second["value"], json!([{ "id": ann, "displayName": "New" }]));
    assert!(ids(&next(&second).await).is_empty());
}

/// How often a fresh id is found, second by second.
async fn chances(seed: u64) -> Vec<usize> {
    let lag = json!({ "median": 5000, "p999": 40_000, "max": 60_000 });
    let tenant = tenant(json!({ "replicas": 3, "lag": lag, "index": constant(0), "delta": constant(0) }), seed).await;
    let ann = tenant.new_user("ann").await;
    let mut found = Vec::new();
    for _ in 0..30 {
        let mut times = 0;
        for _ in 0..6 {
            times += usize::from(tenant.get(&format!("/users/{ann}")).await.status == 200);
        }
        found.push(times);
        tenant.advance(2);
    }
    found
}

#[tokio::test]
async fn reads_come_from_any_replica_and_a_seed_repeats_them() {
    let found = chances(3).await;
    assert_eq!((found.first(), found.last()), (Some(&0), Some(&6)), "{found:?}");
    assert!(found.iter().any(|times| (1..6).contains(times)), "one good read does not mean that the next succeeds: {found:?}");
    assert_eq!(found, chances(3).await);
    assert_ne!(found, chances(4).await);
}

#[tokio::test]
async fn without_replicas_everything_is_seen_at_once() {
    let tenant = late().await;
    let ann = tenant.new_user("ann").await;
    assert_eq!(tenant.get(&format!("/users/{ann}")).await.status, 404);
    tenant.control("PUT", "profile", json!({ "name": "ideal" }));
    tenant.get(&format!("/users/{ann}")).await.ok(200);
    let bob = tenant.new_user("bob").await;
    tenant.conditions(json!({ "replication": { "replicas": 2 } }));
    tenant.get(&format!("/users/{bob}")).await.ok(200);
}

/// Which users delta queries tell, second by second.
async fn told(in_order: bool) -> (Vec<String>, Vec<String>) {
    let delta = json!({ "median": 10_000, "p999": 90_000, "max": 90_000 });
    let replication =
        json!({ "replicas": 2, "lag": constant(0), "index": constant(0), "delta": delta, "deltaInOrder": in_order });
    let tenant = tenant(replication, 5).await;
    let mut page = tenant.get("/users/delta?$select=displayName,jobTitle").await.ok(200);
    let mut made = Vec::new();
    for number in 0..20 {
        let new = tenant.new_user(&format!("u{number}")).await;
        tenant.patch(&format!("/users/{new}"), json!({ "jobTitle": "Cook" })).await.ok(204);
        made.push(new);
    }
    let mut told: Vec<String> = Vec::new();
    let mut cooks: BTreeSet<String> = BTreeSet::new();
    for _ in 0..100 {
        tenant.advance(1);
        page = tenant.get(page["@odata.deltaLink"].as_str().unwrap()).await.ok(200);
        for item in page["value"].as_array().unwrap() {
            assert_eq!(item["@removed"], Value::Null, "{item}: nobody was removed");
            if !told.contains(&id(item)) {
                told.push(id(item));
            }
            if item["jobTitle"] == "Cook" {
                cooks.insert(id(item));
            }
        }
    }
    assert_eq!((told.len(), cooks.len()), (20, 20), "everything is told in the end");
    (made, told)
}

#[tokio::test]
async fn a_change_may_be_late_while_later_ones_are_told() {
    let (made, told_in_order) = told(true).await;
    assert_eq!(made, told_in_order);
    let (made, told) = told(false).await;
    assert_ne!(made, told, "some are later than those that came after them");
}
