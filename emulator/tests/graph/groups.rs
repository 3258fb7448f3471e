//! Groups: create, upsert, update; strictness.

use crate::client::{Tenant, group, id, ids, unified, with, without};
use serde_json::{Value, json};

#[tokio::test]
async fn create_returns_everything() {
    let tenant = Tenant::start().await;
    let created = tenant.post("/groups", group("g")).await.ok(201);
    assert_eq!((&created["groupTypes"], &created["mail"], &created["securityEnabled"]), (&json!([]), &Value::Null, &json!(true)));
    assert!(created.get("description").is_some_and(Value::is_null));
    let office = tenant.post("/groups", unified("team")).await.ok(201);
    assert_eq!(
        (&office["mail"], &office["proxyAddresses"]),
        (&json!("team@contoso.example"), &json!(["SMTP:team@contoso.example"]))
    );
}

#[tokio::test]
async fn what_a_create_must_have() {
    let tenant = Tenant::start().await;
    for name in ["displayName", "mailEnabled", "mailNickname", "securityEnabled"] {
        tenant.post("/groups", without(group("g"), name)).await.refused(400, "Request_BadRequest", name);
    }
    let mailed = with(group("g"), json!({ "mailEnabled": true }));
    tenant.post("/groups", mailed).await.refused(
        400,
        "Request_BadRequest",
        "The service does not currently support writes of mail-enabled groups.",
    );
    for nickname in ["a b", "a@b", "ä", "a/b", "a'b", "a<b"] {
        let reply = tenant.post("/groups", with(group("g"), json!({ "mailNickname": nickname }))).await;
        reply.refused(400, "Request_BadRequest", "mailNickname");
    }
    tenant.post("/groups", with(group("g"), json!({ "displayName": "x".repeat(257) }))).await.refused(
        400,
        "Request_BadRequest",
        "displayName",
    );
    tenant.post("/groups", with(group("g"), json!({ "groupTypes": ["Security"] }))).await.refused(
        400,
        "Request_BadRequest",
        "groupTypes",
    );
    tenant.post("/groups", with(group("g"), json!({ "colour": "red" }))).await.refused(400, "Request_BadRequest", "colour");
    tenant.post("/groups", with(group("g"), json!({ "allowExternalSenders": true }))).await.refused(
        400,
        "Request_BadRequest",
        "request of its own",
    );
}

#[tokio::test]
async fn names_that_must_differ_and_names_that_need_not() {
    let tenant = Tenant::start().await;
    tenant.new_group("same").await;
    tenant.new_group("same").await;
    tenant.post("/groups", unified("team")).await.ok(201);
    let again = tenant.post("/groups", unified("TEAM")).await;
    again.refused(400, "Request_BadRequest", "Another object with the same value for property mailNickname already exists.");
    assert_eq!(again.body["error"]["details"][0]["target"], "mailNickname");
    tenant.post("/groups", group("team")).await.ok(201);
    tenant.upsert("u1", group("a")).await.ok(201);
    let taken = tenant.post("/groups", with(group("b"), json!({ "uniqueName": "u1" }))).await;
    taken.refused(400, "Request_BadRequest", "Another object with the same value for property uniqueName already exists.");
}

#[tokio::test]
async fn upsert() {
    let tenant = Tenant::start().await;
    let path = "/groups(uniqueName='it''s/one')";
    tenant.patch(path, group("g")).await.refused(404, "Request_ResourceNotFound", "it's/one");
    let prefer = [("Prefer", "return=minimal, create-if-missing")];
    let created = tenant.send("PATCH", path, group("g"), &prefer).await.ok(201);
    assert_eq!(created["uniqueName"], "it's/one");
    assert_eq!(tenant.send("PATCH", path, with(group("g"), json!({ "description": "d" })), &prefer).await.ok(204), Value::Null);
    assert_eq!(tenant.get(path).await.ok(200)["description"], "d");
    let other = with(group("g"), json!({ "uniqueName": "other" }));
    tenant.upsert("new", other).await.refused(400, "Request_BadRequest", "uniqueName");
    tenant.upsert("new", without(group("g"), "displayName")).await.refused(400, "Request_BadRequest", "displayName");
    let counts = tenant.control("GET", "state", Value::Null);
    assert_eq!(counts["groups"], 1);
}

#[tokio::test]
async fn parallel_upserts_create_once() {
    let tenant = Tenant::start().await;
    let calls = (0..12).map(|_| tenant.upsert("one", group("g")));
    let mut statuses: Vec<u16> = futures_util::future::join_all(calls).await.iter().map(|reply| reply.status).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [vec![201], vec![204; 11]].concat());
}

#[tokio::test]
async fn updates() {
    let tenant = Tenant::start().await;
    let path = format!("/groups/{}", tenant.new_group("g").await);
    tenant.patch(&path, json!({ "displayName": "h", "description": "x" })).await.ok(204);
    tenant.patch(&path, json!({ "mailEnabled": false, "groupTypes": [] })).await.ok(204);
    tenant.patch(&path, json!({ "mailEnabled": true })).await.refused(400, "Request_BadRequest", "read-only");
    tenant.patch(&path, json!({ "isAssignableToRole": true })).await.refused(400, "Request_BadRequest", "read-only");
    tenant.patch(&path, json!({ "hideFromAddressLists": true, "description": "x" })).await.refused(
        400,
        "Request_BadRequest",
        "request of its own",
    );
    tenant.patch(&path, json!({ "displayName": null })).await.refused(400, "Request_BadRequest", "displayName");
}

#[tokio::test]
async fn dynamic_groups_and_visibility() {
    let tenant = Tenant::start().await;
    let ann = tenant.new_user("ann").await;
    let dynamic = json!({ "groupTypes": ["DynamicMembership"], "membershipRule": "user.department -eq \"x\"", "membershipRuleProcessingState": "On" });
    let created = id(&tenant.post("/groups", with(group("d"), dynamic)).await.ok(201));
    let add = tenant.post(&format!("/groups/{created}/members/$ref"), tenant.link(&ann)).await;
    add.refused(403, "Authorization_RequestDenied", "Insufficient privileges");
    let assigned = format!("/groups/{}", tenant.new_group("assigned").await);
    let rule = json!({ "membershipRule": "x", "membershipRuleProcessingState": "On" });
    tenant.patch(&assigned, rule).await.refused(400, "Request_BadRequest", "membershipRule");
    tenant.post("/groups", with(group("d"), json!({ "membershipRule": "x" }))).await.refused(
        400,
        "Request_BadRequest",
        "membershipRule",
    );
    tenant.post("/groups", with(group("d"), json!({ "visibility": "Secret" }))).await.refused(
        400,
        "Request_BadRequest",
        "visibility",
    );
}

#[tokio::test]
async fn a_team_without_a_description_gets_one_by_itself() {
    let tenant = Tenant::start().await;
    tenant.conditions(json!({ "afterwards": { "groupDescribed": 90_000 } }));
    let team = id(&tenant.post("/groups", unified("team")).await.ok(201));
    let told = id(&tenant.post("/groups", with(unified("told"), json!({ "description": "Ours" }))).await.ok(201));
    let plain = tenant.new_group("plain").await;
    let written = id(&tenant.post("/groups", unified("written")).await.ok(201));
    tenant.patch(&format!("/groups/{written}"), json!({ "description": "Mine" })).await.ok(204);
    let gone = id(&tenant.post("/groups", unified("gone")).await.ok(201));
    tenant.delete(&format!("/groups/{gone}")).await.ok(204);
    let delta = tenant.get("/groups/delta?$select=description").await.ok(200)["@odata.deltaLink"].clone();
    let described =
        async |id: &str| tenant.get(&format!("/groups/{id}?$select=description")).await.ok(200)["description"].clone();
    tenant.advance(80);
    assert_eq!(described(&team).await, Value::Null);
    tenant.advance(20);
    let name = tenant.get(&format!("/groups/{team}")).await.ok(200)["displayName"].clone();
    assert_eq!(described(&team).await, name);
    assert_eq!((described(&told).await, described(&plain).await), (json!("Ours"), Value::Null));
    assert_eq!(described(&written).await, "Mine");
    let path = delta.as_str().unwrap().split_once("/v1.0").unwrap().1.to_owned();
    assert_eq!(ids(&tenant.get(&path).await.ok(200)), [team], "delta queries tell of it");
    tenant.patch(&format!("/groups/{written}"), json!({ "description": null })).await.ok(204);
    tenant.advance(100);
    assert_eq!(described(&written).await, Value::Null, "it happens once");
}
