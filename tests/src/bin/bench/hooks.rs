//! Signed events over sixteen connections about ten thousand users, through the whole service.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use anyhow::{Context as _, bail};
use entrain::alarms::Secret;
use entrain::wiring::SystemClock;
use entrain_model::Clock as _;
use entrain_store::{SourceChange, UserRow};
use entrain_tests::database::Dialect;
use entrain_tests::serving::Serving;
use serde_json::{Value as Json, json};

use crate::rounded;

const CONNECTIONS: u64 = 16;
const USERS: u64 = 10_000;
const SCRIPT: &str = "skip(\"nothing is to be synced here\")";

/// Sends so many messages of one event each, then as many events in messages of a hundred.
pub(crate) async fn run(requests: u64, store: &str) -> anyhow::Result<Json> {
    let dialect = match store {
        "sqlite" => Dialect::Sqlite,
        "postgres" => Dialect::Postgres,
        other => bail!("--store is sqlite or postgres, not `{other}`"),
    };
    let stage = Arc::new(Serving::start(dialect, SCRIPT, "", &[]).await?);
    fill(&stage).await?;
    let secret = stage.shown(&["hook", "sender", "add", "hr"], "secret").await?;
    let key = Secret::read(&secret.into())?;
    let (single, mut times) = storm(&stage, &key, requests, 1).await?;
    let (batched, _) = storm(&stage, &key, requests / 10, 100).await?;
    times.sort_by(f64::total_cmp);
    let p95 = times.get((times.len() as f64 * 0.95) as usize).copied().context("nothing was sent")?;
    Ok(json!({
        "benchmark": "hooks", "store": store, "connections": CONNECTIONS, "requests": requests, "events_per_second": rounded(single),
        "p95_ms": rounded(p95), "batched_events_per_second": rounded(batched),
    }))
}

async fn fill(stage: &Serving) -> anyhow::Result<()> {
    let mut writer = stage.store.source_writer().await?;
    let user = |n| SourceChange::PutUser(UserRow::new(format!("u{n}"), format!("u{n}@corp.example")));
    writer.apply(&(0..USERS).map(user).collect::<Vec<_>>()).await?;
    Ok(writer.commit().await?)
}

/// How many events were taken in a second, and the milliseconds of each message.
async fn storm(stage: &Arc<Serving>, key: &Secret, requests: u64, events: u64) -> anyhow::Result<(f64, Vec<f64>)> {
    let next = Arc::new(AtomicU64::new(0));
    let began = Instant::now();
    let work = |_| {
        let (stage, key, next) = (Arc::clone(stage), key.clone(), Arc::clone(&next));
        tokio::spawn(async move {
            let mut times = Vec::new();
            loop {
                let n = next.fetch_add(1, Ordering::Relaxed);
                if n >= requests {
                    return anyhow::Ok(times);
                }
                times.push(send(&stage, &key, n, events).await?);
            }
        })
    };
    let tasks: Vec<_> = (0..CONNECTIONS).map(work).collect();
    let mut times = Vec::new();
    for task in tasks {
        times.extend(task.await??);
    }
    Ok(((requests * events) as f64 / began.elapsed().as_secs_f64(), times))
}

async fn send(stage: &Serving, key: &Secret, n: u64, events: u64) -> anyhow::Result<f64> {
    let event = |m: u64| json!({ "type": "user.changed", "data": { "id": format!("u{}", (n * events + m) % USERS) } });
    let body = json!({ "events": (0..events).map(event).collect::<Vec<_>>() }).to_string();
    let (id, seconds) = (format!("msg{events}-{n}"), SystemClock.now() / 1000);
    let began = Instant::now();
    loop {
        let request = stage.client.post(stage.url("/api/v1/events/hr")).header("webhook-id", &id);
        let request = request.header("webhook-timestamp", seconds).header("webhook-signature", key.sign(&id, seconds, &body));
        let answer = request.body(body.clone()).send().await?;
        match answer.status().as_u16() {
            202 => return Ok(began.elapsed().as_secs_f64() * 1000.0),
            // The pace of a sender is part of what is measured.
            429 => SystemClock.sleep(std::time::Duration::from_millis(50)).await,
            status => bail!("{status} {}", answer.text().await?),
        }
    }
}
