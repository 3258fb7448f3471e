//! The control plane: faults, log, state, interruptions.

use crate::client::{Tenant, client, group, user};
use entrain_emulator::{Emulator, Options};
use serde_json::{Value, json};
use std::time::Duration;

fn faults(tenant: &Tenant, rules: Value) {
    tenant.control("PUT", "faults", rules);
}

#[tokio::test]
async fn refusals_before_and_after_the_work() {
    let tenant = Tenant::start().await;
    faults(
        &tenant,
        json!([{ "method": "POST", "path": "^/v1.0/users$", "times": 1, "action": { "type": "answer", "status": 429, "headers": { "Retry-After": "7" } } }]),
    );
    let reply = tenant.post("/users", user("a")).await;
    reply.refused(429, "TooManyRequests", "");
    assert_eq!(reply.header("retry-after"), "7");
    tenant.post("/users", user("a")).await.ok(201);
    faults(
        &tenant,
        json!([{ "writes": true, "nth": 2, "times": 1, "action": { "type": "answer", "status": 504, "when": "after" } }]),
    );
    tenant.get("/users").await.ok(200);
    tenant.post("/users", user("b")).await.ok(201);
    assert_eq!(tenant.post("/users", user("c")).await.status, 504);
    tenant.get("/users/c@contoso.example").await.ok(200);
    let rules = tenant.control("GET", "faults", Value::Null);
    assert_eq!((&rules[0]["matched"], &rules[0]["struck"]), (&json!(2), &json!(1)));
}

#[tokio::test]
async fn cut_connections() {
    let tenant = Tenant::start().await;
    for (when, exists) in [("before", false), ("after", true)] {
        faults(&tenant, json!([{ "method": "POST", "times": 1, "action": { "type": "drop", "when": when } }]));
        assert!(tenant.request("POST", "/users").json(&user(when)).send().await.is_err());
        let found = tenant.get(&format!("/users/{when}@contoso.example")).await.status == 200;
        assert_eq!(found, exists, "{when}");
    }
    let log = tenant.control("GET", "log", Value::Null);
    assert_eq!(log["value"].as_array().unwrap().iter().filter(|entry| entry["dropped"] == true).count(), 2);
}

#[tokio::test]
async fn a_batch_is_cut_at_one_of_its_steps() {
    let tenant = Tenant::start().await;
    faults(&tenant, json!([{ "path": "/groups", "nth": 2, "times": 1, "action": { "type": "drop", "when": "after" } }]));
    let step = |id: &str| json!({ "id": id, "method": "POST", "url": "/groups", "headers": { "content-type": "application/json" }, "body": group(id) });
    assert!(
        tenant.request("POST", "/$batch").json(&json!({ "requests": [step("1"), step("2"), step("3")] })).send().await.is_err()
    );
    assert_eq!(tenant.control("GET", "state", Value::Null)["groups"], 2);
    faults(&tenant, json!([{ "path": "/groups", "nth": 2, "times": 1, "action": { "type": "answer", "status": 429 } }]));
    let body = tenant.post("/$batch", json!({ "requests": [step("4"), step("5"), step("6")] })).await.ok(200);
    let mut statuses: Vec<i64> =
        body["responses"].as_array().unwrap().iter().map(|response| response["status"].as_i64().unwrap()).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 201, 429]);
}

#[tokio::test]
async fn delays_and_chance() {
    let tenant = Tenant::start().await;
    faults(&tenant, json!([{ "times": 1, "action": { "type": "delay", "milliseconds": 80 } }]));
    tenant.get("/users").await.ok(200);
    let log = tenant.control("GET", "log", Value::Null);
    let last = log["value"].as_array().unwrap().last().unwrap().clone();
    assert!(last["tookMs"].as_f64().unwrap() >= 80.0, "{last}");
    faults(&tenant, json!([{ "probability": 0.5, "action": { "type": "answer", "status": 503 } }]));
    let mut refused = 0;
    for _ in 0..60 {
        refused += u32::from(tenant.get("/organization").await.status == 503);
    }
    assert!((10..50).contains(&refused), "{refused} of 60");
    assert!(tenant.running.control("PUT", "faults", &json!([{ "path": "(", "action": { "type": "drop" } }])).is_err());
}

#[tokio::test]
async fn it_can_die_in_the_middle_and_come_back() {
    let mut tenant = Tenant::start().await;
    let ann = tenant.new_user("ann").await;
    tenant.running.stop_listening().await;
    assert!(tenant.request("GET", "/users").send().await.is_err());
    tenant.running.resume_listening().await.unwrap();
    assert_eq!(tenant.get(&format!("/users/{ann}")).await.status, 200, "state and tokens are kept");
}

#[tokio::test]
async fn nothing_secret_is_logged() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("log.jsonl");
    let tenant = Tenant::with(Options { log: Some(file.clone()), ..Options::default() }).await;
    tenant.new_user("ann").await;
    let step = json!({ "id": "1", "method": "POST", "url": "/users", "headers": { "content-type": "application/json" }, "body": user("bob") });
    tenant.post("/$batch", json!({ "requests": [step] })).await.ok(200);
    let text = std::fs::read_to_string(&file).unwrap();
    for secret in [tenant.running.client_secret.as_str(), &tenant.token, "Correct-Horse-1"] {
        assert!(!text.contains(secret), "{secret}");
    }
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 3, "token, create, batch");
    assert_eq!(
        (&lines[1]["method"], &lines[1]["path"], &lines[1]["status"]),
        (&json!("POST"), &json!("/v1.0/users"), &json!(201))
    );
    assert_eq!(lines[1]["requestBody"]["userPrincipalName"], "ann@contoso.example");
    assert_eq!(lines[1]["requestHeaders"]["authorization"], "[redacted]");
    assert!(lines[1]["responseHeaders"]["request-id"].is_string() && lines[1]["responseBody"]["id"].is_string());
    assert_eq!(lines[2]["requestBody"]["requests"][0]["body"]["displayName"], "User bob");
    let after = tenant.control("GET", "log?after=2", Value::Null);
    assert_eq!(after["value"].as_array().unwrap().len(), 1);
    assert!(after["value"][0]["arrived"].as_f64().unwrap() > 1.7e12);
}

#[tokio::test]
async fn state_and_seed() {
    let tenant = Tenant::start().await;
    let own = "aaaaaaaa-0000-4000-8000-000000000001";
    tenant.control(
        "POST",
        "seed",
        json!({
            "users": [{ "id": own, "userPrincipalName": "boss@contoso.example" }, { "userPrincipalName": "ann@contoso.example", "manager": "boss@contoso.example", "jobTitle": "Cook" }],
            "groups": [{ "uniqueName": "g", "displayName": "G", "members": ["ann@contoso.example"], "owners": [own] }],
            "deleted": [],
        }),
    );
    assert_eq!(tenant.control("GET", "state", Value::Null)["references"], 3);
    let first = tenant.control("GET", "state?kind=users&top=1", Value::Null);
    assert_eq!((&first["value"][0]["id"], &first["next"]), (&json!(own), &json!(own)));
    let second = tenant.control("GET", &format!("state?kind=users&top=1&after={own}"), Value::Null);
    assert_eq!(
        (&second["value"][0]["manager"], &second["value"][0]["jobTitle"], second.get("next")),
        (&json!(own), &json!("Cook"), None)
    );
    let groups = tenant.control("GET", "state?kind=groups", Value::Null);
    assert_eq!((groups["value"][0]["members"].as_array().unwrap().len(), &groups["value"][0]["owners"]), (1, &json!([own])));
    for wrong in [
        json!({ "users": [{ "shoe": 1 }] }),
        json!({ "users": [{ "id": own }] }),
        json!({ "people": [] }),
        json!({ "roleHolders": [{ "principal": own, "role": "King" }] }),
    ] {
        assert!(tenant.running.control("POST", "seed", &wrong).is_err(), "{wrong}");
    }
    tenant.control("POST", "seed", json!({ "deleted": ["ann@contoso.example"] }));
    assert_eq!(tenant.control("GET", "state?kind=deleted", Value::Null)["value"][0]["userPrincipalName"], "ann@contoso.example");
    // Over HTTP, without a token.
    let http = tenant.http.get(format!("{}/_emulator/state", tenant.running.base_url));
    assert_eq!(crate::client::reply(http).await.ok(200)["groups"], 1);
    let reset = tenant.control("POST", "stats/reset", json!({}));
    assert_eq!(reset["requests"], 0, "the control plane is not counted");
}

#[tokio::test]
async fn one_seed_one_tenant() {
    let ids = async |seed: u64| {
        let tenant = Tenant::with(Options { seed, ..Options::default() }).await;
        (tenant.running.tenant_id.clone(), tenant.new_user("ann").await)
    };
    assert_eq!(ids(5).await, ids(5).await);
    assert_ne!(ids(5).await, ids(6).await);
}

#[tokio::test]
async fn an_authority_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let options = || Options { ca_directory: Some(folder.path().to_owned()), ..Options::default() };
    let first = Emulator::start(options()).await.unwrap();
    let http = client(&first);
    first.shutdown().await;
    let second = Emulator::start(options()).await.unwrap();
    let answer = http.get(format!("{}/_emulator/state", second.base_url)).send().await;
    assert_eq!(answer.unwrap().status(), 200, "who trusted the first trusts the second");
    assert_eq!(std::fs::read_to_string(folder.path().join("ca.pem")).unwrap(), second.ca_pem);
}

#[tokio::test]
async fn both_versions_of_http_and_a_shutdown() {
    let running = Emulator::start(Options::default()).await.unwrap();
    let ca = reqwest::Certificate::from_pem(running.ca_pem.as_bytes()).unwrap();
    let old = reqwest::Client::builder().tls_certs_only([ca]).http1_only().build().unwrap();
    let url = format!("{}/_emulator/state", running.base_url);
    assert_eq!(old.get(&url).send().await.unwrap().version(), reqwest::Version::HTTP_11);
    assert_eq!(client(&running).get(&url).send().await.unwrap().version(), reqwest::Version::HTTP_2);
    old.post(format!("{}/_emulator/shutdown", running.base_url)).send().await.unwrap();
    assert!(tokio::time::timeout(Duration::from_secs(5), running.ended()).await.is_ok());
    running.shutdown().await;
    assert!(old.get(&url).send().await.is_err());
}
