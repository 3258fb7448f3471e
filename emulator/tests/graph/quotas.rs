//! Throttling: quotas, their headers, and who is throttled first.

use crate::client::{Reply, Tenant, group, id, user};
use entrain_emulator::{Options, Profile};
use serde_json::{Value, json};

/// A tenant whose time stands still unless it is advanced, with a quota of writes that nothing leaves to others.
async fn tenant(writes: u32, throttling: Value) -> Tenant {
    let mut conditions = json!({ "on": true, "writes": writes, "writesSeconds": 10, "normalLeaves": 0 });
    conditions.as_object_mut().unwrap().extend(throttling.as_object().unwrap().clone());
    still(json!({ "throttling": conditions })).await
}

async fn still(conditions: Value) -> Tenant {
    Tenant::with(Options { clock: Some(|| 1_800_000_000_000), conditions: Some(conditions), ..Options::default() }).await
}

async fn writes(tenant: &Tenant, count: usize) -> Vec<Reply> {
    let mut replies = Vec::new();
    for at in 0..count {
        replies.push(tenant.post("/groups", group(&format!("g{at}"))).await);
    }
    replies
}

fn statuses(replies: &[Reply]) -> Vec<u16> {
    replies.iter().map(|reply| reply.status).collect()
}

#[tokio::test]
async fn writes_are_refused_beyond_the_quota_and_reads_go_on() {
    let tenant = tenant(5, json!({})).await;
    let replies = writes(&tenant, 6).await;
    assert_eq!(statuses(&replies), [201, 201, 201, 201, 201, 429]);
    let refused = &replies[5];
    assert_eq!(refused.body["error"]["code"], "TooManyRequests");
    assert_eq!(refused.body["error"]["message"], "Please retry again later.");
    assert_eq!(refused.body["error"]["innerError"]["status"], "429");
    assert_eq!(refused.body["error"]["innerError"]["message"], "Please retry after");
    assert_eq!(refused.header("x-ms-throttle-information"), "WriteLimitExceeded");
    let scope = format!("Tenant_Application/Write/{}/{}", tenant.running.client_id, tenant.running.tenant_id);
    assert_eq!(refused.header("x-ms-throttle-scope"), scope);
    // Six of five are taken, one more must fit: two flow back in four seconds.
    assert_eq!(refused.header("retry-after"), "4");
    tenant.get("/users").await.ok(200);
    tenant.advance(3);
    assert_eq!(tenant.post("/groups", group("early")).await.status, 429);
    tenant.advance(6);
    tenant.post("/groups", group("late")).await.ok(201);
}

#[tokio::test]
async fn what_is_refused_counts() {
    let tenant = tenant(5, json!({})).await;
    let replies = writes(&tenant, 12).await;
    let waits: Vec<&str> = replies[5..].iter().map(|reply| reply.header("retry-after")).collect();
    assert_eq!(waits, ["4", "6", "8", "10", "10", "10", "10"], "no more than 1.8 times the limit");
    assert_eq!(replies[11].header("x-ms-throttle-limit-percentage"), "1.80");
    let stats = tenant.running.stats();
    assert_eq!((stats.throttled, stats.writes_charged, stats.units_charged), (7, 5, 5));
    tenant.control("POST", "stats/reset", json!({}));
    assert_eq!(tenant.post("/groups", group("again")).await.status, 429, "the quota is not reset");
}

#[tokio::test]
async fn the_share_is_told_above_four_fifths() {
    let tenant = tenant(10, json!({})).await;
    let replies = writes(&tenant, 10).await;
    let shares: Vec<&str> = replies.iter().map(|reply| reply.header("x-ms-throttle-limit-percentage")).collect();
    assert_eq!(shares, ["", "", "", "", "", "", "", "", "0.90", "1.00"]);
    assert!(replies.iter().all(|reply| reply.header("x-ms-resource-unit") == "1"));
    let members = tenant.get("/groups/00000000-0000-0000-0000-000000000001/members").await;
    assert_eq!((members.status, members.header("x-ms-resource-unit")), (404, "3"));
    assert_eq!(members.header("x-ms-throttle-limit-percentage"), "", "a read is not charged to the writes");
}

#[tokio::test]
async fn retry_after_has_several_forms() {
    let tenant = tenant(1, json!({ "retryAfter": "date" })).await;
    let refused = writes(&tenant, 2).await.pop().unwrap();
    assert_eq!(refused.header("date"), "Fri, 15 Jan 2027 08:00:00 GMT");
    assert_eq!(refused.header("retry-after"), "Fri, 15 Jan 2027 08:00:18 GMT", "1.8 of one and one more: never early");
    tenant.conditions(json!({ "throttling": { "retryAfter": "absent" } }));
    let refused = writes(&tenant, 1).await.pop().unwrap();
    assert_eq!((refused.status, refused.header("retry-after")), (429, ""));
    tenant.conditions(json!({ "throttling": { "retryAfter": "mixed" } }));
    let forms = writes(&tenant, 30).await;
    let count = |form: &dyn Fn(&str) -> bool| forms.iter().filter(|reply| form(reply.header("retry-after"))).count();
    assert!(count(&|text| text.is_empty()) > 3 && count(&|text| text.ends_with("GMT")) > 3 && count(&|text| text == "18") > 3);
}

#[tokio::test]
async fn the_steps_of_a_batch_are_charged_and_refused_one_by_one() {
    let tenant = tenant(3, json!({})).await;
    let step = |at: usize| json!({ "id": at.to_string(), "method": "POST", "url": "/groups", "headers": { "Content-Type": "application/json" }, "body": group(&format!("g{at}")) });
    let mut steps: Vec<Value> = (0..5).map(step).collect();
    steps.push(json!({ "id": "r", "method": "GET", "url": "/users?$select=id" }));
    let body = tenant.post("/$batch", json!({ "requests": steps })).await.ok(200);
    let of = |name: &str| {
        let found = body["responses"].as_array().unwrap().iter().find(|response| response["id"] == name);
        found.unwrap_or_else(|| panic!("no {name}")).clone()
    };
    let statuses: Vec<i64> = (0..5).map(|at: usize| of(&at.to_string())["status"].as_i64().unwrap()).collect();
    assert_eq!(statuses, [201, 201, 201, 429, 429]);
    assert_eq!(of("r")["status"], 200);
    assert_eq!(of("r")["headers"]["x-ms-resource-unit"], "1");
    assert_eq!(of("3")["headers"]["Retry-After"], "7", "four and one of three: 6.7 seconds");
    assert_eq!(of("4")["body"]["error"]["code"], "TooManyRequests");
    assert_eq!(of("4")["headers"]["x-ms-throttle-information"], "WriteLimitExceeded");
    let stats = tenant.running.stats();
    assert_eq!((stats.statuses.get(&429), stats.sub_statuses[&429], stats.throttled), (None, 2, 2));
}

#[tokio::test]
async fn urgent_requests_are_throttled_last() {
    let tenant = tenant(10, json!({ "lowLeaves": 0.6, "normalLeaves": 0.2 })).await;
    let ask =
        async |priority: &str| tenant.send("POST", "/groups", group("g"), &[("x-ms-throttle-priority", priority)]).await.status;
    writes(&tenant, 4).await;
    assert_eq!(ask("Low").await, 429);
    assert_eq!((ask("Normal").await, ask("normal").await, ask("Normal").await), (201, 201, 201));
    assert_eq!((ask("Normal").await, ask("High").await, ask("high").await), (429, 201, 429));
}

#[tokio::test]
async fn a_batch_gives_its_priority_to_its_steps() {
    let tenant = tenant(10, json!({ "lowLeaves": 1.0 })).await;
    writes(&tenant, 1).await;
    let step = |headers: Value| json!({ "requests": [{ "id": "1", "method": "POST", "url": "/groups", "headers": headers, "body": group("g") }] });
    let plain = json!({ "Content-Type": "application/json" });
    let low = [("x-ms-throttle-priority", "Low")];
    let status = |body: Value| body["responses"][0]["status"].clone();
    assert_eq!(status(tenant.send("POST", "/$batch", step(plain), &low).await.ok(200)), 429);
    let own = json!({ "Content-Type": "application/json", "x-ms-throttle-priority": "High" });
    assert_eq!(status(tenant.send("POST", "/$batch", step(own), &low).await.ok(200)), 201);
}

#[tokio::test]
async fn applications_have_quotas_of_their_own_below_that_of_the_tenant() {
    let mut tenant = tenant(3, json!({ "tenantWrites": 5, "tenantWritesSeconds": 10 })).await;
    assert_eq!(statuses(&writes(&tenant, 4).await), [201, 201, 201, 429]);
    let second = "00000000-0000-0000-0000-00000000000b";
    tenant.control("POST", "credentials", json!({ "clientId": second, "addSecret": "second", "roles": ["Group.ReadWrite.All"] }));
    let reply = tenant.ask_token(&[("client_id", second), ("client_secret", "second")]).await.ok(200);
    tenant.token = reply["access_token"].as_str().unwrap().to_owned();
    let replies = writes(&tenant, 2).await;
    assert_eq!(statuses(&replies), [201, 429], "the refused write counted for the tenant");
    assert!(
        replies[1].header("x-ms-throttle-scope").starts_with("Tenant/Write/"),
        "{}",
        replies[1].header("x-ms-throttle-scope")
    );
}

#[tokio::test]
async fn an_application_has_a_quota_over_all_tenants() {
    let mut tenant = tenant(3000, json!({ "applicationWrites": 2, "applicationUnits": 6 })).await;
    let application = tenant.running.client_id.clone();
    let other = json!({ "name": "fabrikam", "clientId": application, "clientSecret": "other" });
    let other = tenant.control("POST", "tenants", other)["tenantId"].as_str().unwrap().to_owned();
    assert_eq!(statuses(&writes(&tenant, 1).await), [201]);
    let here = tenant.token.clone();
    let reply = tenant.ask_token_of(&other, &[("client_secret", "other")]).await.ok(200);
    tenant.token = reply["access_token"].as_str().unwrap().to_owned();
    let replies = writes(&tenant, 2).await;
    assert_eq!(statuses(&replies), [201, 429]);
    assert_eq!(replies[1].header("x-ms-throttle-scope"), format!("Application/Write/{application}/{other}"));
    tenant.token = here;
    assert_eq!(statuses(&writes(&tenant, 1).await), [429], "wherever it writes");
    tenant.get("/users").await.ok(200);
    let read = tenant.get("/users").await;
    assert_eq!((read.status, read.header("x-ms-throttle-information")), (429, "ResourceUnitLimitExceeded"));
    assert!(read.header("x-ms-throttle-scope").starts_with("Application/ReadWrite/"));
}

#[tokio::test]
async fn resource_units_follow_the_size_of_the_tenant() {
    let conditions = json!({ "on": true, "normalLeaves": 0, "unitsSmall": 4, "unitsMedium": 6, "unitsLarge": 8 });
    let allowed = async |users: usize| {
        let tenant = still(json!({ "throttling": conditions })).await;
        let users: Vec<Value> = (0..users).map(|at| user(&format!("u{at}"))).collect();
        tenant.control("POST", "seed", json!({ "users": users }));
        let mut passed = 0;
        while tenant.get("/users").await.status == 200 {
            passed += 1;
        }
        passed
    };
    assert_eq!((allowed(49).await, allowed(50).await, allowed(501).await), (2, 3, 4), "two units each");
}

#[tokio::test]
async fn bound_references_cost_a_third_each_or_nothing() {
    let tenant = tenant(3000, json!({})).await;
    let team = tenant.new_group("team").await;
    let mut urls = Vec::new();
    for at in 0..8 {
        urls.push(tenant.url(&tenant.new_user(&format!("u{at}")).await));
    }
    let before = tenant.running.stats().writes_charged;
    tenant.patch(&format!("/groups/{team}"), json!({ "members@odata.bind": urls[..4] })).await.ok(204);
    assert_eq!(tenant.running.stats().writes_charged - before, 2);
    tenant.conditions(json!({ "throttling": { "bindCost": "one" } }));
    tenant.patch(&format!("/groups/{team}"), json!({ "members@odata.bind": urls[4..] })).await.ok(204);
    assert_eq!(tenant.running.stats().writes_charged - before, 3);
}

#[tokio::test]
async fn reports_have_a_narrow_quota() {
    let tenant = tenant(3000, json!({})).await;
    let mut replies = Vec::new();
    for _ in 0..6 {
        replies.push(tenant.get("/users?$select=id,signInActivity").await);
    }
    assert_eq!(statuses(&replies), [200, 200, 200, 200, 200, 429]);
    tenant.get("/users?$select=id").await.ok(200);
}

#[tokio::test]
async fn profiles_differ_and_numbers_can_be_changed() {
    let tenant = Tenant::start().await;
    let ideal = tenant.control("GET", "conditions", Value::Null);
    assert_eq!((&ideal["profile"], &ideal["throttling"]["on"]), (&json!("ideal"), &json!(false)));
    let hostile = tenant.control("PUT", "profile", json!({ "name": "hostile" }));
    assert_eq!(hostile["throttling"]["retryAfter"], "mixed");
    tenant.conditions(json!({ "throttling": { "writes": 1 } }));
    let changed = tenant.control("GET", "conditions", Value::Null);
    assert_eq!((&changed["throttling"]["writes"], &changed["throttling"]["retryAfter"]), (&json!(1.0), &json!("mixed")));
    for wrong in [json!({ "throttling": { "wirtes": 1 } }), json!({ "throttling": 3 }), json!({ "profile": "ideal" })] {
        assert!(tenant.running.control("PATCH", "conditions", &wrong).is_err(), "{wrong}");
    }
    assert!(tenant.running.control("PUT", "profile", &json!({ "name": "sunny" })).is_err());
}

#[tokio::test]
async fn a_seed_repeats_what_chance_decides() {
    let run = async |seed: u64| {
        let conditions = json!({ "throttling": { "belowLimits": 0.3 } });
        let options = Options { seed, profile: Profile::Typical, conditions: Some(conditions), ..Options::default() };
        let tenant = Tenant::with(options).await;
        let mut seen = Vec::new();
        for _ in 0..40 {
            let reply = tenant.get("/organization").await;
            seen.push((reply.status, reply.header("x-ms-throttle-information").to_owned()));
        }
        seen
    };
    let first = run(5).await;
    assert_eq!(first, run(5).await);
    assert_ne!(first, run(6).await);
    let refused = first.iter().filter(|(_, why)| why == "CPULimitExceeded").count();
    assert!((5..20).contains(&refused), "{refused} of 40");
}

#[tokio::test]
async fn nothing_is_refused_in_an_ideal_tenant_but_all_is_charged() {
    let tenant = still(json!({ "throttling": { "writes": 1 } })).await;
    let first = tenant.post("/groups", group("a")).await.ok(201);
    let second = tenant.patch(&format!("/groups/{}", id(&first)), json!({ "description": "x" })).await;
    assert_eq!((second.status, second.header("x-ms-throttle-limit-percentage")), (204, ""), "no limit, no share of one");
    assert_eq!((tenant.running.stats().writes_charged, tenant.running.stats().throttled), (2, 0));
}

#[tokio::test]
async fn applications_for_anyone_have_a_narrow_quota() {
    let tenant = tenant(3000, json!({ "personalApplications": 2, "applications": 4 })).await;
    tenant.control("POST", "credentials", json!({ "roles": ["Application.ReadWrite.OwnedBy"] }));
    let mut tenant = tenant;
    tenant.sign_in().await;
    let create = async |audience: Value| {
        let mut body = json!({ "displayName": "a" });
        if !audience.is_null() {
            body["signInAudience"] = audience;
        }
        tenant.post("/applications", body).await
    };
    let anyone = id(&create(Value::Null).await.ok(201));
    assert_eq!(create(json!("PersonalMicrosoftAccount")).await.status, 201);
    let refused = create(json!("AzureADandPersonalMicrosoftAccount")).await;
    assert_eq!((refused.status, refused.header("x-ms-throttle-information")), (429, "WriteLimitExceeded"));
    let ours = id(&create(json!("AzureADMyOrg")).await.ok(201));
    let change = async |application: &str| {
        tenant.patch(&format!("/applications/{application}"), json!({ "displayName": "b" })).await.status
    };
    assert_eq!((change(&anyone).await, change(&ours).await), (429, 204), "by who may use it");
    let documented = tenant.control("PUT", "profile", json!({ "name": "typical" }))["throttling"].clone();
    assert_eq!((&documented["personalApplications"], &documented["personalApplicationsSeconds"]), (&json!(60.0), &json!(60.0)));
    assert_eq!((&documented["applications"], &documented["applicationsSeconds"]), (&json!(70_000.0), &json!(300.0)));
    assert_eq!(documented["normalLeaves"], 0.0);
}

#[tokio::test]
async fn open_extensions_and_all_requests_have_quotas() {
    let shoe = "extension_0123456789abcdef0123456789abcdef_shoe";
    let conditions = json!({ "throttling": { "on": true, "extensions": 2, "requests": 6 } });
    let options = Options {
        clock: Some(|| 1_800_000_000_000),
        conditions: Some(conditions),
        extensions: vec![shoe.to_owned()],
        ..Options::default()
    };
    let tenant = Tenant::with(options).await;
    let path = format!("/users/{}", tenant.new_user("ann").await);
    let change = async |body: Value| tenant.patch(&path, body).await;
    let open = format!("{path}/extensions");
    let about_open = [tenant.get(&open).await.status, tenant.get(&open).await.status, tenant.get(&open).await.status];
    assert_eq!(about_open, [400, 400, 429], "there are none, but asking counts");
    assert_eq!(change(json!({ shoe: "1" })).await.status, 204, "a directory extension is a property like others");
    tenant.get("/organization").await.ok(200);
    let seventh = tenant.get("/organization").await;
    assert_eq!(seventh.status, 429);
    assert!(
        seventh.header("x-ms-throttle-scope").starts_with("Application/ReadWrite/"),
        "{}",
        seventh.header("x-ms-throttle-scope")
    );
}

#[tokio::test]
async fn who_is_deleted_makes_no_tenant_larger() {
    let tenant = still(json!({ "throttling": { "on": true, "unitsSmall": 4, "unitsMedium": 40 } })).await;
    let users: Vec<Value> = (0..50).map(|at| user(&format!("u{at}"))).collect();
    tenant.control("POST", "seed", json!({ "users": users, "deleted": ["u0@contoso.example"] }));
    let mut passed = 0;
    while tenant.get("/users").await.status == 200 {
        passed += 1;
    }
    assert_eq!(passed, 2, "49 of 50 live: a small tenant");
}
