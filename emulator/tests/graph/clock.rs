//! The tenant's time, and how fast it passes.

use crate::client::Tenant;
use entrain_emulator::Options;
use serde_json::{Value, json};
use std::sync::atomic::{AtomicI64, Ordering};

static WALL: AtomicI64 = AtomicI64::new(1_800_000_000_000);

fn wall() -> i64 {
    WALL.load(Ordering::SeqCst)
}

#[tokio::test]
async fn everything_runs_at_the_rate() {
    let mut tenant = Tenant::with(Options { clock: Some(wall), clock_rate: 60.0, ..Options::default() }).await;
    let ann = tenant.new_user("ann").await;
    assert_eq!(tenant.get("/users").await.header("date"), "Fri, 15 Jan 2027 08:00:00 GMT");
    tenant.delete(&format!("/users/{ann}")).await.ok(204);
    WALL.fetch_add(59_000, Ordering::SeqCst);
    let reply = tenant.get("/users").await;
    assert_eq!((reply.status, reply.header("date")), (200, "Fri, 15 Jan 2027 08:59:00 GMT"), "a minute a second");
    assert_eq!(tenant.ask_token(&[]).await.header("date"), "Fri, 15 Jan 2027 08:59:00 GMT");
    WALL.fetch_add(1_000, Ordering::SeqCst);
    tenant.get("/users").await.refused(401, "InvalidAuthenticationToken", "expired");
    // Thirty days in half of one.
    WALL.fetch_add(12 * 3600 * 1000 - 120_000, Ordering::SeqCst);
    tenant.sign_in().await;
    tenant.get(&format!("/directory/deletedItems/{ann}")).await.ok(200);
    WALL.fetch_add(120_000, Ordering::SeqCst);
    tenant.sign_in().await;
    assert_eq!(tenant.get(&format!("/directory/deletedItems/{ann}")).await.status, 404);
}

#[tokio::test]
async fn a_delay_is_a_duration_of_the_tenant() {
    let tenant = Tenant::with(Options { clock_rate: 600.0, ..Options::default() }).await;
    tenant.control("PUT", "faults", json!([{ "times": 1, "action": { "type": "delay", "milliseconds": 60_000 } }]));
    tenant.get("/users").await.ok(200);
    let log = tenant.control("GET", "log", Value::Null);
    let took = log["value"].as_array().unwrap().last().unwrap()["tookMs"].as_f64().unwrap();
    assert!((100.0..9_000.0).contains(&took), "{took}");
}

#[tokio::test]
async fn the_rate_changes_while_it_runs() {
    let tenant = Tenant::with(Options { clock_rate: 2.0, clock: Some(other_wall), ..Options::default() }).await;
    let rate = |rate: f64| tenant.control("PATCH", "clock", json!({ "rate": rate }))["now"].as_i64().unwrap();
    let start = tenant.control("GET", "clock", Value::Null)["now"].as_i64().unwrap();
    OTHER_WALL.fetch_add(10_000, Ordering::SeqCst);
    assert_eq!(rate(10.0) - start, 20_000, "what has passed stays");
    OTHER_WALL.fetch_add(1_000, Ordering::SeqCst);
    assert_eq!(rate(1.0) - start, 30_000);
    for wrong in [0.0, -1.0] {
        assert!(tenant.running.control("PATCH", "clock", &json!({ "rate": wrong })).is_err(), "{wrong}");
    }
    assert_eq!(tenant.control("GET", "clock", Value::Null)["rate"], 1.0);
}

static OTHER_WALL: AtomicI64 = AtomicI64::new(1_800_000_000_000);

fn other_wall() -> i64 {
    OTHER_WALL.load(Ordering::SeqCst)
}
