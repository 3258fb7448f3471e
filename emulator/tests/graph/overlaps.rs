//! Writes that overlap, and batches that fail as a whole.

use crate::client::{Tenant, group, user};
use entrain_emulator::{Options, Profile};
use serde_json::{Value, json};
use std::time::Instant;

async fn tenant(ambiguity: Value) -> Tenant {
    Tenant::with(Options { conditions: Some(json!({ "ambiguity": ambiguity })), ..Options::default() }).await
}

fn step(id: &str, method: &str, url: &str, body: Value) -> Value {
    json!({ "id": id, "method": method, "url": url, "headers": { "Content-Type": "application/json" }, "body": body })
}

fn statuses(body: &Value) -> Vec<i64> {
    let mut found: Vec<(String, i64)> = body["responses"]
        .as_array()
        .unwrap()
        .iter()
        .map(|response| (response["id"].as_str().unwrap().to_owned(), response["status"].as_i64().unwrap()))
        .collect();
    found.sort();
    found.into_iter().map(|(_, status)| status).collect()
}

#[tokio::test]
async fn a_whole_batch_fails_before_and_after_its_steps() {
    for (when, made) in [("batchBefore", 0), ("batchAfter", 2)] {
        for status in [500, 502, 503, 504] {
            let tenant = tenant(json!({ when: { status.to_string(): 1.0 } })).await;
            let steps =
                json!({ "requests": [step("1", "POST", "/groups", group("a")), step("2", "POST", "/groups", group("b"))] });
            let refused = tenant.post("/$batch", steps).await;
            assert_eq!((refused.status, refused.body.get("responses")), (status, None), "{when}");
            assert_eq!(tenant.control("GET", "state", Value::Null)["groups"], made, "{when} {status}");
            tenant.post("/groups", group("c")).await.ok(201);
        }
    }
    let tenant = tenant(json!({})).await;
    for profile in [Profile::Typical, Profile::Hostile] {
        let conditions = tenant.control("PUT", "profile", json!({ "name": profile }));
        for when in ["batchBefore", "batchAfter"] {
            assert!(
                conditions["ambiguity"][when]["504"].as_f64().unwrap() + conditions["ambiguity"][when]["500"].as_f64().unwrap()
                    > 0.0
            );
        }
    }
}

#[tokio::test]
async fn writes_of_one_object_overlap_in_every_profile_but_the_ideal() {
    let quiet =
        json!({ "replication": { "replicas": 0 }, "ambiguity": { "slow": 0, "before": { "503": 0 }, "after": { "504": 0 } } });
    for (profile, least) in [(Profile::Typical, 50), (Profile::Hostile, 500)] {
        let tenant = Tenant::with(Options { profile, conditions: Some(quiet.clone()), ..Options::default() }).await;
        let path =
            format!("/users/{}", tenant.control("POST", "seed", json!({ "users": [user("ann")] }))["users"][0].as_str().unwrap());
        let change = |title: &str| tenant.patch(&path, json!({ "jobTitle": title }));
        let began = Instant::now();
        let (first, second) = tokio::join!(change("a"), change("b"));
        let mut both = [first.status, second.status];
        both.sort_unstable();
        assert_eq!(both, [204, 409], "{profile:?}");
        assert!(began.elapsed().as_millis() >= least, "a write takes its time: {:?}", began.elapsed());
        // One after the other is not at the same time.
        for title in ["c", "d", "e"] {
            change(title).await.ok(204);
        }
        tenant.post(&format!("{path}/revokeSignInSessions"), Value::Null).await.ok(200);
    }
}

#[tokio::test]
async fn questions_that_are_posted_meet_nobody() {
    let tenant = tenant(json!({ "concurrency": true, "concurrencyWindow": 60_000 })).await;
    let team = tenant.new_group("team").await;
    let ask = || tenant.post("/directoryObjects/getByIds", json!({ "ids": [team] }));
    let (first, second) = tokio::join!(ask(), ask());
    assert_eq!((first.status, second.status), (200, 200));
    let groups = format!("/groups/{team}/getMemberGroups");
    let ask = || tenant.post(&groups, json!({ "securityEnabledOnly": false }));
    let (first, second) = tokio::join!(ask(), ask());
    assert_eq!((first.status, second.status), (200, 200));
}

#[tokio::test]
async fn the_steps_of_a_parallel_batch_collide_by_choice() {
    let tenant = tenant(json!({ "concurrency": true, "writeFrom": 1, "writeTo": 1 })).await;
    let (team, other) = (tenant.new_group("team").await, tenant.new_group("other").await);
    let (team, other) = (format!("/groups/{team}"), format!("/groups/{other}"));
    let steps = || {
        vec![
            step("1", "PATCH", &team, json!({ "description": "a" })),
            step("2", "PATCH", &other, json!({ "description": "b" })),
            step("3", "PATCH", &team, json!({ "description": "c" })),
        ]
    };
    let all = json!({ "requests": steps() });
    assert_eq!(statuses(&tenant.post("/$batch", all.clone()).await.ok(200)), [204, 204, 204]);
    tenant.control("PATCH", "switches", json!({ "batchStepsCollide": true }));
    assert_eq!(statuses(&tenant.post("/$batch", all).await.ok(200)), [204, 204, 409]);
    let mut serial = steps();
    serial[1]["dependsOn"] = json!(["1"]);
    serial[2]["dependsOn"] = json!(["2"]);
    assert_eq!(statuses(&tenant.post("/$batch", json!({ "requests": serial })).await.ok(200)), [204, 204, 204]);
    // A batch and a request of its own are two.
    let slow = json!({ "ambiguity": { "writeFrom": 300, "writeTo": 300 } });
    tenant.conditions(slow);
    let batch = tenant.post("/$batch", json!({ "requests": [step("1", "PATCH", &team, json!({ "description": "d" }))] }));
    let single = tenant.patch(&team, json!({ "description": "e" }));
    let (batch, single) = tokio::join!(batch, single);
    let both = (statuses(&batch.ok(200))[0], single.status);
    assert!(both == (204, 409) || both == (409, 204), "{both:?}");
}
