//! `$batch`.

use crate::client::{Tenant, group, ids, user};
use serde_json::{Value, json};

fn get(id: &str, url: &str) -> Value {
    json!({ "id": id, "method": "GET", "url": url })
}

fn find<'a>(body: &'a Value, id: &str) -> &'a Value {
    body["responses"]
        .as_array()
        .unwrap()
        .iter()
        .find(|response| response["id"] == id)
        .unwrap_or_else(|| panic!("no {id} in {body}"))
}

async fn batch(tenant: &Tenant, requests: Vec<Value>) -> crate::client::Reply {
    tenant.post("/$batch", json!({ "requests": requests })).await
}

#[tokio::test]
async fn steps_have_their_own_answers() {
    let tenant = Tenant::start().await;
    let create = json!({ "id": "c", "method": "POST", "url": "/users", "headers": { "Content-Type": "application/json" }, "body": user("ann") });
    let body =
        batch(&tenant, vec![create, get("r", "users/ann@contoso.example?$select=id"), get("x", "/users/ghost@contoso.example")])
            .await
            .ok(200);
    assert_eq!(find(&body, "c")["status"], 201);
    assert_eq!(find(&body, "r")["body"]["id"], find(&body, "c")["body"]["id"]);
    assert_eq!(
        (&find(&body, "x")["status"], &find(&body, "x")["body"]["error"]["code"]),
        (&json!(404), &json!("Request_ResourceNotFound"))
    );
    assert_ne!(body["responses"][0]["id"], "c", "the order of answers is not that of requests");
    let absolute = format!("{}/users?$select=id", tenant.running.graph_url);
    let body = batch(&tenant, vec![get("1", &absolute), get("2", "https://graph.microsoft.com/v1.0/users")]).await.ok(200);
    assert_eq!(ids(&find(&body, "1")["body"]).len(), 1);
    assert_eq!(find(&body, "2")["status"], 200);
    assert!(find(&body, "1")["headers"]["x-ms-resource-unit"].is_string());
    let stats = tenant.running.stats();
    assert_eq!((stats.requests, stats.batches, stats.sub_requests, stats.writes), (2, 2, 5, 1));
}

#[tokio::test]
async fn headers_of_steps() {
    let tenant = Tenant::start().await;
    let upsert = json!({ "id": "1", "method": "PATCH", "url": "/groups(uniqueName='g')", "headers": { "content-type": "application/json", "Prefer": "create-if-missing" }, "body": group("g") });
    let body = batch(&tenant, vec![upsert.clone(), json!({ "id": "2", "method": "POST", "url": "/groups", "body": group("h") })])
        .await
        .ok(200);
    assert_eq!(find(&body, "1")["status"], 201);
    assert_eq!(find(&body, "2")["status"], 400, "a body needs a content type");
    let body = batch(&tenant, vec![upsert]).await.ok(200);
    assert_eq!((&find(&body, "1")["status"], find(&body, "1").get("body")), (&json!(204), None));
    let counted = json!({ "id": "1", "method": "GET", "url": "/groups/$count", "headers": { "ConsistencyLevel": "eventual" } });
    assert_eq!(find(&batch(&tenant, vec![counted]).await.ok(200), "1")["body"], "1");
}

#[tokio::test]
async fn malformed_batches() {
    let tenant = Tenant::start().await;
    let many: Vec<Value> = (0..21).map(|at| get(&at.to_string(), "/users")).collect();
    batch(&tenant, many.clone()).await.refused(
        400,
        "BadRequest",
        "Number of batch request steps exceeds the maximum value of 20.",
    );
    batch(&tenant, many[..20].to_vec()).await.ok(200);
    batch(&tenant, vec![get("a", "/users"), get("A", "/users")]).await.refused(400, "BadRequest", "'A'");
    batch(&tenant, Vec::new()).await.refused(400, "BadRequest", "Invalid batch payload format");
    for malformed in [
        json!({ "requests": [{ "id": 1, "method": "GET", "url": "/users" }] }),
        json!({ "requests": [{ "id": "", "method": "GET", "url": "/users" }] }),
        json!({ "requests": [{ "id": "1", "url": "/users" }] }),
        json!({ "requests": [{ "id": "1", "method": "GET" }] }),
        json!({ "steps": [] }),
    ] {
        tenant.post("/$batch", malformed).await.refused(400, "BadRequest", "Invalid batch payload format");
    }
    tenant.get("/$batch").await.refused(405, "Request_BadRequest", "not allowed");
    let elsewhere = batch(&tenant, vec![get("1", "https://evil.example/v1.0/users")]).await.ok(200);
    assert_eq!(find(&elsewhere, "1")["status"], 400, "an address of another host");
    let nested = batch(&tenant, vec![json!({ "id": "1", "method": "POST", "url": "/$batch", "headers": { "content-type": "application/json" }, "body": {} })]).await.ok(200);
    assert_eq!(find(&nested, "1")["status"], 400);
    let versioned = batch(&tenant, vec![get("1", "/v1.0/users")]).await.ok(200);
    assert_eq!(find(&versioned, "1")["status"], 400, "the version stands in the URL of the batch");
}

#[tokio::test]
async fn dependencies() {
    let tenant = Tenant::start().await;
    let after = |id: &str, url: &str, on: &str| json!({ "id": id, "method": "GET", "url": url, "dependsOn": [on] });
    let body =
        batch(&tenant, vec![get("1", "/users/ghost@x.y"), after("2", "/users", "1"), after("3", "/users", "2")]).await.ok(200);
    assert_eq!((&find(&body, "2")["status"], &find(&body, "3")["status"]), (&json!(424), &json!(424)));
    let body = batch(&tenant, vec![get("1", "/users"), after("2", "/users", "1")]).await.ok(200);
    assert_eq!(find(&body, "2")["status"], 200);
    batch(&tenant, vec![after("2", "/users", "1"), get("1", "/users")]).await.refused(
        400,
        "BadRequest",
        "Invalid dependency for request Id",
    );
    let mixed = batch(&tenant, vec![get("1", "/users"), after("2", "/users", "1"), get("3", "/users")]).await;
    mixed.refused(400, "BadRequest", "Batch should be either fully sequential or fully parallel.");
}
