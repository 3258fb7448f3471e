//! The same seed and the same requests give the same answers, whatever the conditions.

use crate::client::{Tenant, group, user};
use entrain_emulator::{Options, Profile};
use reqwest::header::HeaderName;
use serde_json::{Value, json};

/// What a client sees of many requests to a hostile tenant.
async fn transcript(seed: u64) -> Vec<String> {
    // Time stands still but for what is advanced; what is slow takes no time on the wall.
    let clock: Option<fn() -> i64> = Some(|| 1_800_000_000_000);
    let conditions = Some(json!({ "throttling": { "writes": 60 } }));
    let options = Options { clock, clock_rate: 100_000.0, profile: Profile::Hostile, seed, conditions, ..Options::default() };
    let tenant = Tenant::with(options).await;
    let mut seen = Vec::new();
    for at in 0..25 {
        let name = format!("u{}@contoso.example", at / 2);
        let step = |id: &str, url: &str, body: Value| json!({ "id": id, "method": "POST", "url": url, "headers": { "Content-Type": "application/json" }, "body": body });
        let steps =
            json!({ "requests": [step("1", "/groups", group(&format!("g{at}"))), step("2", "/users", user(&format!("b{at}")))] });
        for (method, path, body) in [
            ("POST", "/users".to_owned(), user(&format!("u{at}"))),
            ("GET", format!("/users/{name}"), Value::Null),
            ("PATCH", format!("/users/{name}"), json!({ "jobTitle": format!("t{at}") })),
            ("GET", "/users?$filter=startsWith(displayName,'User')&$top=3".to_owned(), Value::Null),
            ("POST", "/$batch".to_owned(), steps),
            ("GET", "/users/delta".to_owned(), Value::Null),
        ] {
            seen.push(answer(&tenant, method, &path, &body).await);
        }
        tenant.advance(3);
    }
    let stats = tenant.running.stats();
    assert!(stats.throttled > 0 && stats.lost > 0 && stats.undone > 0, "{stats:?}");
    seen
}

async fn answer(tenant: &Tenant, method: &str, path: &str, body: &Value) -> String {
    let request = tenant.request(method, path);
    let request = if body.is_null() { request } else { request.json(body) };
    let Ok(response) = request.send().await else { return "cut".to_owned() };
    let header = |name: &'static str| response.headers().get(HeaderName::from_static(name)).cloned();
    let head = (response.status(), header("retry-after"), header("x-ms-throttle-limit-percentage"), header("date"));
    let body = match response.bytes().await {
        Ok(bytes) => String::from_utf8_lossy(&bytes).replace(&tenant.running.base_url, ""),
        Err(_) => "broken".to_owned(),
    };
    format!("{method} {path} {head:?} {body}")
}

#[tokio::test]
async fn a_hostile_tenant_repeats_itself() {
    let first = transcript(21).await;
    let second = transcript(21).await;
    for (at, (first, second)) in first.iter().zip(&second).enumerate() {
        assert_eq!(first, second, "answer {at}");
    }
    assert_ne!(transcript(22).await, first);
}
