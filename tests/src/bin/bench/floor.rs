//! The first load at the real quotas, beside the least time in which they allow it.

use std::time::Duration;

use anyhow::{Context as _, bail};
use serde_json::{Value as Json, json};

use crate::organisation::{organisation, sizes};
use crate::process::{Emulator, Quotas, configuration, engine_at};
use crate::rounded;

/// More runs than this mean that it does not converge.
const RUNS: u32 = 40;
/// The most links that one request may add.
const LINKS: u64 = 20;

/// What the tenant grants, and what it takes for it: read from its own conditions.
struct Prices {
    /// Writes that are there at once, in a full account.
    bucket: f64,
    per_second: f64,
    /// Links that one write adds.
    links_for_one: u64,
    /// The time after which all but one of a thousand writes are known everywhere.
    lag: f64,
}

impl Prices {
    fn read(conditions: &Json) -> anyhow::Result<Self> {
        let number =
            |place: &str| conditions.pointer(place).and_then(Json::as_f64).with_context(|| format!("no {place} in {conditions}"));
        let bucket = number("/throttling/writes")?;
        Ok(Self {
            bucket,
            per_second: bucket / number("/throttling/writesSeconds")?,
            links_for_one: match conditions["throttling"]["bindCost"].as_str() {
                Some("third") => 3,
                Some("one") => LINKS,
                other => bail!("bindCost is {other:?}"),
            },
            lag: number("/replication/lag/p999")? / 1000.0,
        })
    }

    /// The writes that make these objects in the cheapest way: the first members of a group travel with its create, which
    /// costs one write at least, and no more than as many links would.
    fn cheapest(&self, users: u64, groups: &[u64]) -> u64 {
        users + groups.iter().map(|members| members.div_ceil(self.links_for_one).max(1)).sum::<u64>()
    }

    fn floor(&self, writes: u64) -> f64 {
        ((writes as f64 - self.bucket) / self.per_second).max(0.0) + self.lag
    }
}

/// What the runs took together.
struct Load {
    /// Seconds of the tenant.
    seconds: f64,
    runs: u32,
    /// What the first of them reported.
    first: Json,
    state: Json,
}

/// Loads `users` users, a twentieth as many groups and five memberships for each user, with a clock that runs `rate` times faster.
pub(crate) async fn run(users: u64, rate: u64, profile: &str) -> anyhow::Result<Json> {
    let folder = tempfile::tempdir()?;
    let fast = rate.to_string();
    let emulator = Emulator::start(folder.path(), &["--log-kept", "1000", "--profile", profile, "--clock-rate", &fast]).await?;
    let config = configuration(folder.path(), &emulator, Quotas::Published)?;
    let file = folder.path().join("organisation.jsonl");
    std::fs::write(&file, organisation(users))?;
    engine_at(1, &config, &["import", file.to_str().context("path")?]).await?;
    emulator.post("stats/reset", &json!({})).await?;
    let load = load(&config, rate).await?;

    let groups = (users / 20).max(1);
    let prices = Prices::read(&emulator.get("conditions").await?)?;
    let cheapest = prices.cheapest(users, &sizes(groups, users));
    let floor = prices.floor(cheapest);
    let stats = emulator.get("stats").await?;
    let number = |key: &str| stats[key].as_f64().with_context(|| format!("no {key} in {stats}"));
    let state = emulator.get("state").await?;
    let told = |key: &str| load.first[key].as_f64();
    let expected_ratio = told("writing_seconds").zip(told("expected_seconds")).map(|(took, expected)| rounded(took / expected));
    Ok(json!({
        "benchmark": "floor", "profile": profile, "users": users, "groups": groups, "memberships": users * 5, "in_tenant": state,
        "clock_rate": rate, "cheapest_writes": cheapest, "writes_charged": number("writesCharged")?, "p999_lag_seconds": prices.lag,
        "floor_seconds": rounded(floor), "seconds": rounded(load.seconds), "ratio": rounded(load.seconds / floor), "runs": load.runs,
        "expected_seconds": load.first["expected_seconds"], "writing_seconds": load.first["writing_seconds"],
        "expected_ratio": expected_ratio, "charged": number("charged")?, "throttled": number("throttled")?,
        "throttled_share": rounded(number("throttled")? / number("charged")?.max(1.0)), "last_state": load.state,
    }))
}

async fn load(config: &std::path::Path, rate: u64) -> anyhow::Result<Load> {
    let (mut seconds, mut first) = (0.0, Json::Null);
    for runs in 1..=RUNS {
        // A read that breaks off ends a run: nothing is concluded from it, and the next one begins again.
        match engine_at(rate, config, &["sync"]).await {
            Ok(ran) => {
                eprintln!("run {runs}: {:.1} s, {}", ran.seconds, ran.report);
                seconds += ran.seconds * rate as f64;
                let report = ran.sync();
                if first.is_null() {
                    first = report.clone();
                }
                if report["state"] == "converged" {
                    return Ok(Load { seconds, runs, first, state: report["state"].clone() });
                }
            }
            Err(error) => eprintln!("run {runs}: {error:#}"),
        }
        // A minute of the tenant: what is unsettled is looked for again.
        seconds += 60.0;
        tokio::time::sleep(Duration::from_secs(60) / u32::try_from(rate)?).await;
    }
    bail!("not converged after {RUNS} runs")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_members_travel_with_the_group() {
        let conditions = |cost: &str| {
            json!({ "throttling": { "writes": 3000.0, "writesSeconds": 150.0, "bindCost": cost },
            "replication": { "lag": { "p999": 10_000 } } })
        };
        let third = Prices::read(&conditions("third")).unwrap();
        assert_eq!(third.cheapest(10, &[1, 3, 4, 41]), 10 + 1 + 1 + 2 + 14);
        let one = Prices::read(&conditions("one")).unwrap();
        assert_eq!(one.cheapest(10, &[1, 20, 41]), 10 + 1 + 1 + 3);
        assert!((third.floor(5000) - 110.0).abs() < 1e-9 && (third.floor(10) - 10.0).abs() < 1e-9);
    }
}
