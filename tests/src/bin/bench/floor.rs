//! The first load at the real quotas, beside the least time in which they allow it.

use anyhow::{Context as _, bail};
use serde_json::{Value as Json, json};

use crate::organisation::{organisation, sizes};
use crate::process::{Emulator, Quotas, configuration, engine_at};
use crate::rounded;

/// Writes that one application may make in one tenant: so many at once, then so many a second.
const BUCKET: f64 = 3000.0;
const PER_SECOND: f64 = 20.0;
/// More runs than this mean that it does not converge.
const RUNS: u32 = 10;

/// Loads `users` users, a twentieth as many groups and five memberships for each user, with a clock that runs `rate` times faster.
pub(crate) async fn run(users: u64, rate: u64) -> anyhow::Result<Json> {
    let folder = tempfile::tempdir()?;
    let fast = rate.to_string();
    let emulator = Emulator::start(folder.path(), &["--log-kept", "1000", "--profile", "typical", "--clock-rate", &fast]).await?;
    let config = configuration(folder.path(), &emulator, Quotas::Published)?;
    let file = folder.path().join("organisation.jsonl");
    std::fs::write(&file, organisation(users))?;
    engine_at(1, &config, &["import", file.to_str().context("path")?]).await?;
    emulator.post("stats/reset", &json!({})).await?;

    let (mut seconds, mut runs, mut first) = (0.0, 0, Json::Null);
    let report = loop {
        let ran = engine_at(rate, &config, &["sync"]).await?;
        eprintln!("run: {:.1} s, {}", ran.seconds, ran.report);
        seconds += ran.seconds * rate as f64;
        runs += 1;
        if first.is_null() {
            first = ran.sync().clone();
        }
        match ran.sync()["state"].as_str() {
            Some("converged") => break ran.sync().clone(),
            _ if runs == RUNS => bail!("not converged after {runs} runs: {}", ran.report),
            _ => {}
        }
    };
    let groups = (users / 20).max(1);
    let cheapest: u64 = users + groups + sizes(groups, users).iter().map(|size| size.div_ceil(3)).sum::<u64>();
    let conditions = emulator.get("conditions").await?;
    let lag = conditions["replication"]["lag"]["p999"].as_f64().with_context(|| format!("no lag in {conditions}"))? / 1000.0;
    let floor = ((cheapest as f64 - BUCKET) / PER_SECOND).max(0.0) + lag;
    let stats = emulator.get("stats").await?;
    let number = |key: &str| stats[key].as_f64().with_context(|| format!("no {key} in {stats}"));
    let state = emulator.get("state").await?;
    Ok(json!({
        "benchmark": "floor", "users": users, "groups": groups, "memberships": users * 5, "in_tenant": state, "clock_rate": rate,
        "cheapest_writes": cheapest, "writes_charged": number("writesCharged")?, "p999_lag_seconds": lag,
        "floor_seconds": rounded(floor), "seconds": rounded(seconds), "ratio": rounded(seconds / floor), "runs": runs,
        "expected_seconds": first["expected_seconds"], "writing_seconds": first["writing_seconds"],
        "throttled_share": rounded(number("throttled")? / number("charged")?.max(1.0)),
        "last_state": report["state"],
    }))
}
