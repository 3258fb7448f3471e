//! Answers that are lost, late or damaged by chance, and writers that meet.

use crate::client::{Tenant, group, user};
use entrain_emulator::{Options, Profile};
use serde_json::{Value, json};
use std::time::Instant;

async fn tenant(ambiguity: Value) -> Tenant {
    Tenant::with(Options { conditions: Some(json!({ "ambiguity": ambiguity })), ..Options::default() }).await
}

#[tokio::test]
async fn statuses_before_and_after_the_work() {
    for (when, exists) in [("before", 404), ("after", 200)] {
        for status in [500, 502, 503, 504] {
            let tenant = tenant(json!({ when: { status.to_string(): 1.0 } })).await;
            let refused = tenant.post("/users", user("ann")).await;
            assert_eq!(refused.status, status, "{when}");
            assert!(refused.body["error"]["code"].is_string() && !refused.header("x-ms-resource-unit").is_empty());
            tenant.control("PUT", "profile", json!({ "name": "ideal" }));
            assert_eq!(tenant.get("/users/ann@contoso.example").await.status, exists, "{when} {status}");
            let stats = tenant.running.stats();
            assert_eq!((stats.undone, stats.lost), if when == "before" { (1, 0) } else { (0, 1) });
        }
    }
}

#[tokio::test]
async fn connections_are_cut_before_and_after_the_work() {
    for (when, exists) in [("before", 404), ("after", 200)] {
        let tenant = tenant(json!({ when: { "reset": 1.0 } })).await;
        assert!(tenant.request("POST", "/users").json(&user("ann")).send().await.is_err());
        tenant.control("PUT", "profile", json!({ "name": "ideal" }));
        assert_eq!(tenant.get("/users/ann@contoso.example").await.status, exists, "{when}");
    }
}

#[tokio::test]
async fn the_steps_of_a_batch_fail_one_by_one() {
    let tenant = tenant(json!({ "before": { "503": 0.3 }, "after": { "504": 0.3 } })).await;
    let step = |at: usize| json!({ "id": at.to_string(), "method": "POST", "url": "/groups", "headers": { "Content-Type": "application/json" }, "body": group(&format!("g{at}")) });
    let steps: Vec<Value> = (0..20).map(step).collect();
    let body = tenant.post("/$batch", json!({ "requests": steps })).await.ok(200);
    let responses = body["responses"].as_array().unwrap();
    let count = |status: u16| responses.iter().filter(|response| response["status"] == status).count();
    let (made, undone, lost) = (count(201), count(503), count(504));
    assert!(made > 2 && undone > 2 && lost > 2 && made + undone + lost == 20, "{made} {undone} {lost}");
    assert_eq!(tenant.control("GET", "state", Value::Null)["groups"], made + lost);
}

#[tokio::test]
async fn bodies_are_cut_short_or_garbage() {
    let tenant = tenant(json!({ "truncated": 1.0 })).await;
    let (mut broken, mut short) = (0, 0);
    for _ in 0..20 {
        let whole = async { tenant.request("GET", "/organization").send().await?.bytes().await };
        match whole.await {
            Err(_) => broken += 1,
            Ok(bytes) => {
                assert!(serde_json::from_slice::<Value>(&bytes).is_err() && !bytes.is_empty());
                short += 1;
            }
        }
    }
    assert!(broken > 3 && short > 3, "{broken} {short}");
    tenant.conditions(json!({ "ambiguity": { "truncated": 0, "garbage": 1.0 } }));
    let mut statuses = Vec::new();
    for at in 0..10 {
        let reply = tenant.post("/groups", group(&format!("g{at}"))).await;
        assert!(reply.header("content-type").starts_with("text/html") && reply.body.as_str().unwrap().contains("<html>"));
        statuses.push(reply.status);
    }
    assert!(statuses.contains(&201) && statuses.contains(&502), "{statuses:?}");
    assert_eq!(tenant.control("GET", "state", Value::Null)["groups"], 10);
}

#[tokio::test]
async fn slow_answers_take_a_time_of_the_tenant() {
    let conditions = json!({ "ambiguity": { "slow": 1.0, "slowFrom": 60_000, "slowTo": 90_000 } });
    let tenant = Tenant::with(Options { clock_rate: 300.0, conditions: Some(conditions), ..Options::default() }).await;
    let began = Instant::now();
    tenant.get("/users").await.ok(200);
    assert!((200..9000).contains(&began.elapsed().as_millis()), "{:?}", began.elapsed());
}

#[tokio::test]
async fn two_writers_of_one_object_at_once() {
    // Every answer takes half a second.
    let conditions = json!({ "ambiguity": { "slow": 1.0, "slowFrom": 500, "slowTo": 501, "concurrency": true } });
    let tenant = Tenant::with(Options { conditions: Some(conditions), ..Options::default() }).await;
    let (ann, team) = (tenant.new_user("ann").await, tenant.new_group("team").await);
    let path = format!("/users/{ann}");
    let change = |name: &str| tenant.patch(&path, json!({ "displayName": name }));
    let (first, second) = tokio::join!(change("a"), change("b"));
    let (passed, refused) = if first.status == 204 { (first, second) } else { (second, first) };
    assert_eq!(passed.status, 204);
    refused.refused(409, "Directory_ConcurrencyViolation", "Error due to concurrent requests");
    let group = format!("/groups/{team}");
    let (user, group) = tokio::join!(change("c"), tenant.patch(&group, json!({ "description": "d" })));
    assert_eq!((user.status, group.status), (204, 204), "different objects");
    let (write, read) = tokio::join!(change("e"), tenant.get(&path));
    assert_eq!((write.status, read.status), (204, 200), "reads meet nobody");
    change("f").await.ok(204);
}

#[tokio::test]
async fn a_write_may_be_at_once_for_a_while() {
    let conditions = json!({ "ambiguity": { "concurrency": true, "concurrencyWindow": 2500 } });
    let options = Options { clock: Some(|| 1_800_000_000_000), conditions: Some(conditions), ..Options::default() };
    let tenant = Tenant::with(options).await;
    let team = tenant.new_group("team").await;
    let path = format!("/groups/{team}");
    let change = || tenant.patch(&path, json!({ "description": "x" }));
    change().await.ok(204);
    change().await.refused(409, "Directory_ConcurrencyViolation", "");
    tenant.advance(2);
    assert_eq!(change().await.status, 409);
    tenant.advance(1);
    let bob = tenant.new_user("bob").await;
    tenant.patch(&format!("/users/{bob}"), json!({ "jobTitle": "a" })).await.ok(204);
    let by_name = tenant.patch("/users/bob@contoso.example", json!({ "jobTitle": "b" })).await;
    by_name.refused(409, "Directory_ConcurrencyViolation", "");
    let ann = tenant.new_user("ann").await;
    let step = |id: &str, method: &str, url: String, body: Value| json!({ "id": id, "method": method, "url": url, "headers": { "Content-Type": "application/json" }, "body": body });
    let steps = json!({ "requests": [
        step("1", "PATCH", path.clone(), json!({ "description": "y" })),
        step("2", "POST", format!("{path}/members/$ref"), tenant.link(&ann)),
    ] });
    let body = tenant.post("/$batch", steps).await.ok(200);
    let statuses: Vec<i64> =
        body["responses"].as_array().unwrap().iter().map(|response| response["status"].as_i64().unwrap()).collect();
    assert_eq!(statuses, [204, 204], "the steps of one batch come one after the other");
}

/// What a client sees of a hundred creates, and how many there are then.
async fn creates(profile: Profile, seed: u64) -> (Vec<u16>, u64, u64) {
    let quiet = json!({ "ambiguity": { "slow": 0 }, "replication": { "replicas": 0 } });
    let tenant = Tenant::with(Options { profile, seed, conditions: Some(quiet), ..Options::default() }).await;
    let mut seen = Vec::new();
    for at in 0..200 {
        let sent = tenant.request("POST", "/groups").json(&group(&format!("g{at}"))).send().await;
        seen.push(match sent {
            Err(_) => 0,
            Ok(response) => {
                let status = response.status().as_u16();
                let body = response.bytes().await.unwrap_or_default();
                if serde_json::from_slice::<Value>(&body).is_ok() { status } else { 1 }
            }
        });
    }
    let groups = tenant.control("GET", "state", Value::Null)["groups"].as_u64().unwrap();
    (seen, groups, tenant.running.stats().lost)
}

#[tokio::test]
async fn a_hostile_tenant_loses_a_twentieth_and_a_seed_repeats_it() {
    let (seen, groups, lost) = creates(Profile::Hostile, 11).await;
    let made = seen.iter().filter(|status| **status == 201).count() as u64;
    assert!((4..20).contains(&lost), "{lost} of 200");
    assert_eq!(groups, made + lost, "what is lost is done");
    assert_eq!(creates(Profile::Hostile, 11).await, (seen.clone(), groups, lost));
    assert_ne!(creates(Profile::Hostile, 12).await.0, seen);
}
