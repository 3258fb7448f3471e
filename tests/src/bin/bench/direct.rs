//! From the commit of a user's edit to the arrival of its request at the tenant.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, bail};
use entrain::config::Config;
use entrain::wiring::{Service, SystemClock};
use entrain_model::{Kind, ObjectRef};
use entrain_store::{RunState, SourceChange, Store, UserRow};
use entrain_sync::{Direct, Report, SyncError};
use serde_json::{Value as Json, json};

use crate::process::{Emulator, Quotas, configuration};

const USERS: u64 = 200;

struct Quiet;

impl Direct for Quiet {
    fn synced(&self, _: &std::collections::BTreeSet<ObjectRef>, _: &Result<Report, SyncError>) {}
}

/// Edits one user after another in the service's own process; the emulator is another process.
pub(crate) async fn run(changes: u64) -> anyhow::Result<Json> {
    let folder = tempfile::tempdir()?;
    let emulator = Emulator::start(folder.path(), &["--log-kept", "1000", "--profile", "ideal"]).await?;
    let file = configuration(folder.path(), &emulator, Quotas::Without)?;
    // Every user gets one new title after another, which nobody is to approve.
    let unlimited = "{ count = 1000000, percent = 100.0, minimum_population = 1000000 }";
    let text = std::fs::read_to_string(&file)?;
    std::fs::write(&file, format!("{text}\n[target.limits]\nchange.\"*\" = {unlimited}\n"))?;
    let clock = Arc::new(SystemClock);
    let store = Store::open(&format!("sqlite://{}/entrain.sqlite3", folder.path().display()), clock.clone()).await?;
    write(&store, (0..USERS).map(|n| user(n, "Engineer")).collect()).await?;
    let service = Service::start(&Config::load(&file)?, None, store.clone(), clock, Arc::new(Quiet), None).await?;
    settled(&store).await?;

    emulator.post("stats/reset", &json!({})).await?;
    let mut latencies = Vec::new();
    for n in 0..changes {
        let after = last_seq(&emulator).await?;
        let mut writer = store.source_writer().await?;
        writer.apply(&[user(n % USERS, &format!("Title {n}"))]).await?;
        let committed = now();
        writer.commit().await?;
        latencies.push(arrival(&emulator, after).await? - committed);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let stats = emulator.get("stats").await?;
    let requests = stats.get("requests").and_then(Json::as_u64).context("requests")?;
    service.stop().await;
    latencies.sort_by(f64::total_cmp);
    let at = |share: f64| latencies[((latencies.len() as f64 * share).ceil() as usize).clamp(1, latencies.len()) - 1];
    Ok(json!({
        "benchmark": "direct", "changes": changes, "p50_ms": (at(0.5) * 10.0).round() / 10.0, "p95_ms": (at(0.95) * 10.0).round() / 10.0,
        "max_ms": (at(1.0) * 10.0).round() / 10.0, "requests_per_change": requests as f64 / changes as f64,
    }))
}

fn user(n: u64, title: &str) -> SourceChange {
    let mut row = UserRow::new(format!("u{n}"), format!("user{n}@contoso.example"));
    row.display_name = Some(format!("User {n}"));
    row.document = [("title".to_owned(), json!(title))].into();
    SourceChange::PutUser(row)
}

async fn write(store: &Store, changes: Vec<SourceChange>) -> anyhow::Result<()> {
    let mut writer = store.source_writer().await?;
    writer.apply(&changes).await?;
    Ok(writer.commit().await?)
}

/// Waits until the first full sync is over and the queue is empty.
async fn settled(store: &Store) -> anyhow::Result<()> {
    for _ in 0..600 {
        let done = store.runs(None, 100).await?.iter().any(|run| run.scope == "everything" && run.state == RunState::Converged);
        let mut waiting = 0;
        for target in store.targets().await? {
            waiting += store.queue_depth(&target.name).await?.rows;
        }
        if done && waiting == 0 && store.source_counts().await?.users == USERS {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    bail!("the first full sync of {} users did not converge in 30 s", Kind::User)
}

fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64() * 1000.0
}

async fn last_seq(emulator: &Emulator) -> anyhow::Result<u64> {
    let mut last = 0;
    loop {
        let page = entries(emulator, last).await?;
        match page.last().and_then(|entry| entry.get("sequence")).and_then(Json::as_u64) {
            Some(sequence) => last = sequence,
            None => return Ok(last),
        }
    }
}

async fn entries(emulator: &Emulator, after: u64) -> anyhow::Result<Vec<Json>> {
    let log = emulator.get(&format!("log?after={after}&top=100")).await?;
    Ok(log.get("value").and_then(Json::as_array).cloned().unwrap_or_default())
}

/// When the first write after `after` arrived, in milliseconds since 1970.
async fn arrival(emulator: &Emulator, after: u64) -> anyhow::Result<f64> {
    for _ in 0..500 {
        let entries = entries(emulator, after).await?;
        let found = entries.iter().find(|entry| entry.get("method").and_then(Json::as_str) == Some("PATCH"));
        if let Some(at) = found.and_then(|entry| entry.get("arrived")).and_then(Json::as_f64) {
            return Ok(at);
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    bail!("the request of an edit did not arrive in 5 s")
}
