//! What can be chosen while the emulator runs: switches, directory synchronisation, lifetimes, directory extensions.

use crate::client::{Tenant, ids, user, with};
use entrain_emulator::Options;
use serde_json::{Value, json};

const APP: &str = "extension_0123456789abcdef0123456789abcdef";

#[tokio::test]
async fn synchronisation_and_lifetimes_are_switches_too() {
    let tenant = Tenant::start().await;
    let synced = async || tenant.get("/organization").await.ok(200)["value"][0]["onPremisesSyncEnabled"].clone();
    assert_eq!(synced().await, Value::Null);
    let changed = tenant.control("PATCH", "switches", json!({ "directorySync": true, "tokenLifetime": 600, "trimTexts": true }));
    assert_eq!(
        (&changed["directorySync"], &changed["tokenLifetime"], &changed["trimTexts"]),
        (&json!(true), &json!(600), &json!(true))
    );
    assert_eq!(synced().await, true);
    assert_eq!(tenant.ask_token(&[]).await.ok(200)["expires_in"], 600);
    for wrong in [json!({ "directorySync": "on" }), json!({ "tokenLifetime": -1, "trimTexts": false }), json!({ "weather": 1 })] {
        assert!(tenant.running.control("PATCH", "switches", &wrong).is_err(), "{wrong}");
    }
    assert_eq!(tenant.control("GET", "switches", Value::Null), changed, "what is wrong changes nothing");
}

#[tokio::test]
async fn extensions_come_and_go() {
    let tenant = Tenant::with(Options { extensions: vec![format!("{APP}_shoe")], ..Options::default() }).await;
    let path = format!("/users/{}", tenant.new_user("ann").await);
    let write = async |name: &str, value: Value| tenant.patch(&path, json!({ format!("{APP}_{name}"): value })).await.status;
    assert_eq!((write("shoe", json!("42")).await, write("hat", json!("57")).await), (204, 400));
    let names = json!([format!("{APP}_hat"), format!("{APP}_badge@Group")]);
    tenant.control("PUT", "extensions", names.clone());
    assert_eq!(tenant.control("GET", "extensions", Value::Null), names);
    assert_eq!(
        (write("shoe", json!("43")).await, write("hat", json!("57")).await, write("badge", json!("1")).await),
        (400, 204, 400)
    );
    let team = format!("/groups/{}", tenant.new_group("team").await);
    tenant.patch(&team, json!({ format!("{APP}_badge"): "1" })).await.ok(204);
    for wrong in ["shoe", "extension_shoe", &format!("{APP}_shoe:Word"), &format!("{APP}_shoe@Organization")] {
        assert!(tenant.running.control("PUT", "extensions", &json!([wrong])).is_err(), "{wrong}");
    }
    assert_eq!(write("hat", json!("58")).await, 204);
}

#[tokio::test]
async fn extensions_have_types_and_several_values() {
    let types = ["Binary", "Boolean", "DateTime", "Integer", "LargeInteger", "String"];
    let names = types.iter().flat_map(|name| [format!("{APP}_{name}:{name}"), format!("{APP}_many{name}:{name}[]")]);
    let tenant = Tenant::with(Options { extensions: names.collect(), ..Options::default() }).await;
    let path = format!("/users/{}", tenant.new_user("ann").await);
    let too_long = base64::Engine::encode(&base64::prelude::BASE64_STANDARD, [7u8; 257]);
    let good = [json!("AAEC"), json!(true), json!("2026-01-31T10:00:00Z"), json!(7), json!(1_i64 << 40), json!("x")];
    let bad = [json!(too_long), json!("true"), json!("today"), json!(1_i64 << 40), json!("7"), json!("x".repeat(257))];
    for ((name, good), bad) in types.iter().zip(good).zip(bad) {
        let one = format!("{APP}_{name}");
        let many = format!("{APP}_many{name}");
        tenant.patch(&path, json!({ &one: good, &many: [good, good] })).await.ok(204);
        let read = tenant.get(&format!("{path}?$select={one},{many}")).await.ok(200);
        assert_eq!((&read[&one], &read[&many]), (&good, &json!([good, good])), "{name}");
        for wrong in [json!({ &one: bad }), json!({ &many: [good, bad] }), json!({ &one: [good] }), json!({ &many: good })] {
            assert_eq!(tenant.patch(&path, wrong.clone()).await.status, 400, "{wrong}");
        }
    }
    let ann = ids(&tenant.get(&format!("/users?$filter={APP}_Integer ge 7")).await.ok(200));
    assert_eq!(ann.len(), 1, "a number is compared as one");
    tenant.post("/users", with(user("bob"), json!({ format!("{APP}_Integer"): 9 }))).await.ok(201);
    assert_eq!(ids(&tenant.get(&format!("/users?$filter={APP}_Integer ge 8")).await.ok(200)).len(), 1);
}
