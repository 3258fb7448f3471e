//! Delta queries.

use crate::client::{Tenant, id};
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use entrain_emulator::Options;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Follows a round to its end: all items and the delta link.
async fn round(tenant: &Tenant, first: &str) -> (Vec<Value>, String, usize) {
    let (mut items, mut url, mut pages) = (Vec::new(), first.to_owned(), 0);
    loop {
        let page = tenant.get(&url).await.ok(200);
        pages += 1;
        items.extend(page["value"].as_array().unwrap().clone());
        if let Some(link) = page["@odata.deltaLink"].as_str() {
            return (items, link.to_owned(), pages);
        }
        url = page["@odata.nextLink"].as_str().unwrap().to_owned();
    }
}

fn of<'a>(items: &'a [Value], id: &str) -> &'a Value {
    items.iter().find(|item| item["id"] == id).unwrap_or_else(|| panic!("no {id} in {items:?}"))
}

#[tokio::test]
async fn enumeration_then_changes() {
    let tenant = Tenant::with(Options { delta_page: 2, ..Options::default() }).await;
    let mut people = Vec::new();
    for alias in ["a", "b", "c", "d", "e"] {
        people.push(tenant.new_user(alias).await);
    }
    tenant.patch(&format!("/users/{}", people[0]), json!({ "jobTitle": "x" })).await.ok(204);
    tenant.patch(&format!("/users/{}", people[0]), json!({ "jobTitle": null })).await.ok(204);
    let (items, link, pages) = round(&tenant, "/users/delta?$select=userPrincipalName,jobTitle,department").await;
    assert_eq!((items.len(), pages), (5, 3));
    assert_eq!(of(&items, &people[0]).get("jobTitle"), Some(&Value::Null), "cleared");
    assert_eq!(of(&items, &people[1]).get("jobTitle"), None, "never set");
    let (items, link, _) = round(&tenant, &link).await;
    assert_eq!(items.len(), 0);
    tenant.patch(&format!("/users/{}", people[1]), json!({ "department": "x" })).await.ok(204);
    tenant.patch(&format!("/users/{}", people[2]), json!({ "city": "not selected" })).await.ok(204);
    tenant.delete(&format!("/users/{}", people[3])).await.ok(204);
    tenant.delete(&format!("/users/{}", people[4])).await.ok(204);
    tenant.delete(&format!("/directory/deletedItems/{}", people[4])).await.ok(204);
    let (items, link, _) = round(&tenant, &link).await;
    assert_eq!(items.len(), 3, "{items:?}");
    assert_eq!(*of(&items, &people[1]), json!({ "id": people[1], "userPrincipalName": "b@contoso.example", "department": "x" }));
    assert_eq!(*of(&items, &people[3]), json!({ "id": people[3], "@removed": { "reason": "changed" } }));
    assert_eq!(*of(&items, &people[4]), json!({ "id": people[4], "@removed": { "reason": "deleted" } }));
    tenant.post(&format!("/directory/deletedItems/{}/restore", people[3]), json!({})).await.ok(200);
    let (items, ..) = round(&tenant, &link).await;
    assert_eq!(of(&items, &people[3])["userPrincipalName"], "d@contoso.example");
}

#[tokio::test]
async fn one_object_is_told_once_however_often_it_changed() {
    let tenant = Tenant::start().await;
    let ann = tenant.new_user("ann").await;
    let (_, link, _) = round(&tenant, "/users/delta?$select=jobTitle").await;
    for title in ["1", "2", "3"] {
        tenant.patch(&format!("/users/{ann}"), json!({ "jobTitle": title })).await.ok(204);
    }
    tenant.patch(&format!("/users/{ann}"), json!({ "jobTitle": "3" })).await.ok(204);
    let (items, link, _) = round(&tenant, &link).await;
    assert_eq!(items, [json!({ "id": ann, "jobTitle": "3" })]);
    tenant.patch(&format!("/users/{ann}"), json!({ "jobTitle": "3" })).await.ok(204);
    assert_eq!(round(&tenant, &link).await.0.len(), 0, "what did not change is no change");
}

#[tokio::test]
async fn latest() {
    let tenant = Tenant::start().await;
    tenant.new_user("old").await;
    let (items, link, pages) = round(&tenant, "/users/delta?$deltatoken=latest&$select=id").await;
    assert_eq!((items.len(), pages), (0, 1));
    let new = tenant.new_user("new").await;
    assert_eq!(id(&round(&tenant, &link).await.0[0]), new);
}

#[tokio::test]
async fn managers_come_and_go() {
    let tenant = Tenant::start().await;
    let (ann, bob, cid) = (tenant.new_user("ann").await, tenant.new_user("bob").await, tenant.new_user("cid").await);
    let path = format!("/users/{ann}/manager/$ref");
    tenant.put(&path, tenant.link(&bob)).await.ok(204);
    let (items, link, _) = round(&tenant, "/users/delta?$select=id,manager").await;
    assert_eq!(of(&items, &ann)["manager@delta"], json!([{ "@odata.type": "#microsoft.graph.user", "id": bob }]));
    assert!(of(&items, &bob).get("manager@delta").is_none());
    tenant.put(&path, tenant.link(&cid)).await.ok(204);
    let (items, link, _) = round(&tenant, &link).await;
    let removed = json!({ "@odata.type": "#microsoft.graph.user", "id": bob, "@removed": { "reason": "deleted" } });
    assert_eq!(of(&items, &ann)["manager@delta"], json!([removed, { "@odata.type": "#microsoft.graph.user", "id": cid }]));
    tenant.delete(&path).await.ok(204);
    assert_eq!(of(&round(&tenant, &link).await.0, &ann)["manager@delta"][0]["@removed"]["reason"], "deleted");
}

fn members(items: &[Value], relation: &str) -> Vec<String> {
    let lists = items.iter().filter_map(|item| item[format!("{relation}@delta")].as_array());
    lists.flatten().filter(|member| member.get("@removed").is_none()).map(id).collect()
}

#[tokio::test]
async fn large_memberships_are_split() {
    let tenant = Tenant::with(Options { delta_links: 10, ..Options::default() }).await;
    let users: Vec<Value> = (0..23).map(|at| json!({ "userPrincipalName": format!("u{at}@contoso.example") })).collect();
    let people = tenant.control("POST", "seed", json!({ "users": users }))["users"].clone();
    let owners = json!([people[0], people[1]]);
    let groups = json!([
        { "displayName": "small", "members": [people[0]] },
        { "displayName": "large", "members": people, "owners": owners },
        { "displayName": "empty" },
    ]);
    tenant.control("POST", "seed", json!({ "groups": groups }));
    let (items, link, pages) = round(&tenant, "/groups/delta?$select=displayName,members,owners").await;
    let large: Vec<Value> = items.iter().filter(|item| item["displayName"] == "large").cloned().collect();
    assert!(large.len() >= 3 && pages >= 3, "{} appearances on {pages} pages", large.len());
    let told = members(&large, "members");
    assert_eq!((told.len(), told.iter().collect::<BTreeSet<_>>().len()), (23, 23), "each once");
    assert_eq!(members(&large, "owners").len(), 2);
    let empty = items.iter().find(|item| item["displayName"] == "empty").unwrap();
    assert!(empty.get("members@delta").is_none(), "without members there is no annotation");
    // Changes are split the same way.
    let group = id(&large[0]);
    for person in people.as_array().unwrap().iter().take(15) {
        tenant.delete(&format!("/groups/{group}/members/{}/$ref", person.as_str().unwrap())).await.ok(204);
    }
    let (items, _, pages) = round(&tenant, &link).await;
    let removed: Vec<&Value> = items.iter().flat_map(|item| item["members@delta"].as_array().unwrap()).collect();
    assert!(removed.len() == 15 && pages == 2, "{} on {pages} pages", removed.len());
    assert!(removed.iter().all(|member| member["@removed"]["reason"] == "deleted"));
}

#[tokio::test]
async fn members_by_default_and_by_choice() {
    let tenant = Tenant::start().await;
    let ann = tenant.new_user("ann").await;
    let group = tenant.new_group("g").await;
    let (items, link, _) = round(&tenant, "/groups/delta").await;
    assert!(items[0].get("uniqueName").is_none() && items[0]["displayName"] == "g");
    let (_, names_only, _) = round(&tenant, "/groups/delta?$select=displayName").await;
    tenant.post(&format!("/groups/{group}/members/$ref"), tenant.link(&ann)).await.ok(204);
    let (items, link, _) = round(&tenant, &link).await;
    assert_eq!(members(&items, "members"), [ann.as_str()]);
    assert_eq!(round(&tenant, &names_only).await.0.len(), 0, "a change that is not selected does not surface");
    // A deleted user stays a member until it is purged.
    tenant.delete(&format!("/users/{ann}")).await.ok(204);
    let (items, link, _) = round(&tenant, &link).await;
    assert_eq!(items.len(), 0);
    tenant.delete(&format!("/directory/deletedItems/{ann}")).await.ok(204);
    let (items, ..) = round(&tenant, &link).await;
    assert_eq!(items[0]["members@delta"][0]["@removed"]["reason"], "deleted");
}

#[tokio::test]
async fn minimal_answers() {
    let tenant = Tenant::start().await;
    let ann = tenant.new_user("ann").await;
    let (_, link, _) = round(&tenant, "/users/delta?$select=displayName,jobTitle,department").await;
    tenant.patch(&format!("/users/{ann}"), json!({ "jobTitle": "x" })).await.ok(204);
    let full = tenant.get(&link).await.ok(200);
    assert_eq!(full["value"][0], json!({ "id": ann, "displayName": "User ann", "jobTitle": "x" }));
    let minimal = tenant.send("GET", &link, Value::Null, &[("Prefer", "return=minimal")]).await.ok(200);
    assert_eq!(minimal["value"][0], json!({ "id": ann, "jobTitle": "x" }));
}

#[tokio::test]
async fn filtered_by_id() {
    let tenant = Tenant::start().await;
    let (ann, bob) = (tenant.new_user("ann").await, tenant.new_user("bob").await);
    let (items, link, _) = round(&tenant, &format!("/users/delta?$filter=id eq '{ann}'&$select=jobTitle")).await;
    assert_eq!(items, [json!({ "id": ann })]);
    for user in [&ann, &bob] {
        tenant.patch(&format!("/users/{user}"), json!({ "jobTitle": "x" })).await.ok(204);
    }
    assert_eq!(round(&tenant, &link).await.0, [json!({ "id": ann, "jobTitle": "x" })]);
    tenant.get("/users/delta?$filter=displayName eq 'x'").await.refused(400, "Request_UnsupportedQuery", "id");
}

#[tokio::test]
async fn what_delta_does_not_do() {
    let tenant = Tenant::start().await;
    for option in ["$top=5", "$orderby=displayName", "$expand=manager"] {
        tenant.get(&format!("/users/delta?{option}")).await.refused(
            400,
            "Request_UnsupportedQuery",
            option.split('=').next().unwrap(),
        );
    }
    tenant.get("/users/delta?$select=skills").await.refused(501, "NotImplemented", "This operation target is not yet supported.");
    tenant.get("/users/delta?$deltatoken=rubbish").await.refused(400, "Request_BadRequest", "");
}

#[tokio::test]
async fn tokens_live_seven_days() {
    let mut tenant = Tenant::start().await;
    tenant.new_user("ann").await;
    let (_, link, _) = round(&tenant, "/users/delta?$select=displayName").await;
    tenant.control("POST", "clock/advance", json!({ "seconds": 6 * 86400 }));
    tenant.sign_in().await;
    let (_, link, _) = round(&tenant, &link).await;
    tenant.control("POST", "clock/advance", json!({ "seconds": 8 * 86400 }));
    tenant.sign_in().await;
    let expired = tenant.get(&link).await;
    expired.refused(410, "syncStateNotFound", "");
    let again = expired.header("location").to_owned();
    assert!(again.ends_with("$deltatoken="), "{again}");
    let (items, ..) = round(&tenant, &again).await;
    assert_eq!(items.len(), 1);
    assert!(items[0].get("displayName").is_some() && items[0].get("userPrincipalName").is_none(), "the selection is kept");
}

#[tokio::test]
async fn pages_survive_changes_between_them() {
    let tenant = Tenant::with(Options { delta_page: 1, delta_links: 2, ..Options::default() }).await;
    let users: Vec<Value> = (0..5).map(|at| json!({ "userPrincipalName": format!("u{at}@contoso.example") })).collect();
    let people = tenant.control("POST", "seed", json!({ "users": users }))["users"].clone();
    let groups = tenant.control(
        "POST",
        "seed",
        json!({ "groups": [{ "displayName": "a", "members": people }, { "displayName": "b", "members": people }] }),
    );
    let first = tenant.get("/groups/delta?$select=displayName,members").await.ok(200);
    tenant.delete(&format!("/groups/{}", groups["groups"][0].as_str().unwrap())).await.ok(204);
    let (items, link, _) = round(&tenant, first["@odata.nextLink"].as_str().unwrap()).await;
    assert_eq!(members(&items, "members").len(), 5, "the next group is told whole");
    let (items, ..) = round(&tenant, &link).await;
    assert_eq!(items[0]["@removed"]["reason"], "changed", "what changed meanwhile comes in the next round");
}

#[tokio::test]
async fn a_token_may_be_older_than_the_tenant() {
    let tenant = Tenant::with(Options { delta_page: 1, ..Options::default() }).await;
    for name in ["ann", "bob"] {
        tenant.new_user(name).await;
    }
    let first = tenant.get("/users/delta").await.ok(200);
    let next = first["@odata.nextLink"].as_str().unwrap();
    let (start, token) = next.split_once("$skiptoken=").unwrap();
    let mut token: Value = serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(token).unwrap()).unwrap();
    // It is to correct what the page before told of objects that there are not (yet), or that are no users.
    token["y"] = json!([0, 3, 4_000_000_000_u64]);
    let link = format!("{start}$skiptoken={}", BASE64_URL_SAFE_NO_PAD.encode(token.to_string()));
    let body = tenant.get(&link).await.ok(200);
    let told = body["value"].as_array().unwrap();
    assert!(told.iter().all(|item| item["userPrincipalName"].is_string()), "{body}");
}
