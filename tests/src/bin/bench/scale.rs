//! A full sync of an population that both sides hold already: linked, then unchanged, then with one per cent changed.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, bail};
use entrain::wiring::SystemClock;
use entrain_store::{SourceChange, Store};
use entrain_tests::database::{Database, Dialect};
use serde_json::{Value as Json, json};

use crate::emulator::seed;
use crate::population::{Population, member, title};
use crate::process::{Emulator, Quotas, Ran, configuration_on, engine};

/// Source changes in one transaction.
const TRANSACTION: usize = 20_000;

/// Five memberships for each user; the engine is a process of its own for each run.
pub(crate) async fn run(users: u64, store: &str) -> anyhow::Result<Json> {
    let dialect = match store {
        "sqlite" => Dialect::Sqlite,
        "postgres" => Dialect::Postgres,
        other => bail!("--store takes sqlite or postgres, not `{other}`"),
    };
    let database = Database::new(dialect)?;
    let folder = database.folder().to_owned();
    let population = Population::new(users, 5);
    let emulator = Emulator::start(&folder, &["--profile", "ideal", "--log-kept", "10", "--delta-page", "200"]).await?;
    seed(&emulator, population).await?;
    let begun = std::time::Instant::now();
    let memberships = fill(database.url(), population).await?;
    eprintln!("source: {memberships} memberships, {:.1} s", begun.elapsed().as_secs_f64());
    let config = configuration_on(database.url(), &folder, &emulator, Quotas::Without)?;
    allow_the_change(&config)?;

    let linked = measured(&emulator, &config, "linked").await?;
    let unchanged = measured(&emulator, &config, "unchanged").await?;
    change(database.url(), population).await?;
    let changed = measured(&emulator, &config, "changed").await?;
    let peak = [&linked, &unchanged, &changed].map(|run| run.ran.peak_rss_mib).into_iter().fold(0.0, f64::max);
    Ok(json!({
        "benchmark": "scale", "store": store, "users": users, "memberships": memberships, "peak_rss_mib": rounded(peak),
        "seconds": rounded(linked.ran.seconds), "unchanged_seconds": rounded(unchanged.ran.seconds),
        "changed_seconds": rounded(changed.ran.seconds),
        "cpu_seconds": {
            "linked": rounded(linked.ran.cpu_seconds), "unchanged": rounded(unchanged.ran.cpu_seconds),
            "changed": rounded(changed.ran.cpu_seconds),
        },
        "writes": { "linked": linked.writes, "unchanged": unchanged.writes, "changed": changed.writes },
    }))
}

/// One per cent of a million is more than the limits let through without a person.
fn allow_the_change(config: &Path) -> anyhow::Result<()> {
    let text = std::fs::read_to_string(config)?;
    Ok(std::fs::write(config, format!("{text}\n[target.limits]\nchange.jobTitle = {{ count = 1000000, percent = 5.0 }}\n"))?)
}

struct Measured {
    ran: Ran,
    writes: u64,
}

async fn measured(emulator: &Emulator, config: &Path, name: &str) -> anyhow::Result<Measured> {
    emulator.post("stats/reset", &json!({})).await?;
    let ran = engine(config, &["sync"]).await?;
    let stats = emulator.get("stats").await?;
    let writes = stats["writes"].as_u64().context("no writes in the statistics")?;
    eprintln!(
        "{name}: {:.1} s ({:.1} s of processor), peak {:.0} MiB, {writes} writes, {}",
        ran.seconds, ran.cpu_seconds, ran.peak_rss_mib, ran.report
    );
    Ok(Measured { ran, writes })
}

/// Fills the source; how many memberships it has.
async fn fill(url: &str, population: Population) -> anyhow::Result<u64> {
    let mut source = Source::open(url).await?;
    for n in 0..population.users() {
        source.put(population.user(n, &title(n))).await?;
    }
    let mut memberships = 0;
    for group in 0..population.groups() {
        source.put(population.group(group)).await?;
        for user in population.members(group) {
            source.put(SourceChange::PutMembership(member(group, user))).await?;
            memberships += 1;
        }
    }
    source.close().await?;
    Ok(memberships)
}

/// Every hundredth user gets another title, and every hundredth group loses its first member.
async fn change(url: &str, population: Population) -> anyhow::Result<()> {
    let mut source = Source::open(url).await?;
    for n in (0..population.users()).step_by(100) {
        source.put(population.user(n, "Promoted")).await?;
    }
    for group in (0..population.groups()).step_by(100) {
        if let Some(first) = population.members(group).next() {
            source.put(SourceChange::RemoveMembership(member(group, first))).await?;
        }
    }
    source.close().await
}

/// The source, written some thousand changes at a time.
struct Source {
    store: Store,
    waiting: Vec<SourceChange>,
}

impl Source {
    async fn open(url: &str) -> anyhow::Result<Self> {
        Ok(Self { store: Store::open(url, Arc::new(SystemClock)).await?, waiting: Vec::new() })
    }

    async fn put(&mut self, change: SourceChange) -> anyhow::Result<()> {
        self.waiting.push(change);
        if self.waiting.len() >= TRANSACTION { self.write().await } else { Ok(()) }
    }

    async fn write(&mut self) -> anyhow::Result<()> {
        let mut writer = self.store.source_writer().await?;
        writer.apply(&self.waiting).await?;
        self.waiting.clear();
        Ok(writer.commit().await?)
    }

    async fn close(mut self) -> anyhow::Result<()> {
        self.write().await?;
        self.store.close().await;
        Ok(())
    }
}

fn rounded(number: f64) -> f64 {
    (number * 10.0).round() / 10.0
}
