//! What the engine can do where no quota holds it.

use anyhow::Context as _;
use serde_json::{Value as Json, json};

use crate::organisation::organisation;
use crate::process::{Emulator, Quotas, configuration, engine};
use crate::rounded;

/// The writes that one application may make in one tenant in a second, in the long run.
const QUOTA_PER_SECOND: f64 = 20.0;

/// A first load into a tenant that throttles nobody.
pub(crate) async fn run(users: u64) -> anyhow::Result<Json> {
    let folder = tempfile::tempdir()?;
    let emulator = Emulator::start(folder.path(), &["--log-kept", "1000", "--profile", "ideal"]).await?;
    let config = configuration(folder.path(), &emulator, Quotas::Without)?;
    let file = folder.path().join("organisation.jsonl");
    std::fs::write(&file, organisation(users))?;
    engine(&config, &["import", file.to_str().context("path")?]).await?;
    emulator.post("stats/reset", &json!({})).await?;
    let before = emulator.cpu_seconds()?;
    let ran = engine(&config, &["sync"]).await?;
    let emulator_cpu = emulator.cpu_seconds()? - before;
    let (requests, writes) = emulator.traffic().await?;
    let writing = ran.sync()["writing_seconds"].as_f64().with_context(|| format!("no writing_seconds in {}", ran.report))?;
    let per_second = writes as f64 / writing;
    Ok(json!({
        "benchmark": "capacity", "users": users, "requests": requests, "writes": writes,
        "seconds": rounded(ran.seconds), "writing_seconds": rounded(writing),
        "writes_per_second": rounded(per_second), "times_quota": rounded(per_second / QUOTA_PER_SECOND),
        "times_quota_whole_run": rounded(writes as f64 / ran.seconds / QUOTA_PER_SECOND),
        "engine_cpu_seconds": rounded(ran.cpu_seconds), "emulator_cpu_seconds": rounded(emulator_cpu),
        "writes_per_engine_cpu_second": rounded(writes as f64 / ran.cpu_seconds.max(0.01)),
        "peak_rss_mib": rounded(ran.peak_rss_mib),
    }))
}
