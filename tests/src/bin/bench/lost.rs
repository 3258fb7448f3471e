//! Creates whose answers are lost, in a tenant that lags: each object must end up with exactly one record.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context as _, bail};
use serde_json::{Value as Json, json};

use crate::organisation::organisation;
use crate::process::{Emulator, Quotas, configuration, engine_at};
use crate::rounded;

/// More runs than this mean that it does not converge.
const RUNS: u32 = 60;

/// `creates` users and a twentieth as many groups; one answer in twenty is lost after the work was done, in one way or another.
pub(crate) async fn run(creates: u64, rate: u64) -> anyhow::Result<Json> {
    let folder = tempfile::tempdir()?;
    let fast = rate.to_string();
    let emulator = Emulator::start(folder.path(), &["--log-kept", "1000", "--profile", "hostile", "--clock-rate", &fast]).await?;
    let lost = json!({ "500": 0.01, "502": 0.01, "503": 0.01, "504": 0.01, "reset": 0.001 });
    let change = json!({ "throttling": { "on": false }, "ambiguity": { "after": lost, "truncated": 0.01 } });
    emulator.patch("conditions", &change).await?;
    let config = configuration(folder.path(), &emulator, Quotas::Without)?;
    let file = folder.path().join("organisation.jsonl");
    std::fs::write(&file, organisation(creates))?;
    engine_at(rate, &config, &["import", file.to_str().context("path")?]).await?;
    emulator.post("stats/reset", &json!({})).await?;

    let (mut runs, mut seconds) = (0, 0.0);
    loop {
        let ran = engine_at(rate, &config, &["sync"]).await;
        runs += 1;
        match ran {
            Ok(ran) => {
                eprintln!("run {runs}: {:.1} s, {}", ran.seconds, ran.sync());
                seconds += ran.seconds;
                if ran.sync()["state"] == "converged" {
                    break;
                }
            }
            // A read that broke off ends a run: nothing is concluded from it, and the next one begins again.
            Err(error) => eprintln!("run {runs}: {error:#}"),
        }
        if runs == RUNS {
            bail!("not converged after {runs} runs");
        }
        // Five minutes of the tenant: what is unsettled is looked for again.
        tokio::time::sleep(Duration::from_secs(300) / u32::try_from(rate)?).await;
    }
    let stats = emulator.get("stats").await?;
    let users = by_anchor(&emulator, "users", "onPremisesImmutableId").await?;
    let groups = by_anchor(&emulator, "groups", "uniqueName").await?;
    let wanted = usize::try_from(creates + (creates / 20).max(1))?;
    let duplicates: u64 = users.values().chain(groups.values()).map(|count| count - 1).sum();
    let missing = wanted.saturating_sub(users.len() + groups.len());
    let state = emulator.get("state").await?;
    Ok(json!({
        "benchmark": "lost-answers", "creates": wanted, "lost": stats["lost"],
        "duplicates": duplicates, "missing": missing,
        "missing_memberships": (creates * 5).saturating_sub(state["references"].as_u64().unwrap_or(0)),
        "strangers": state["users"].as_u64().unwrap_or(0) + state["groups"].as_u64().unwrap_or(0) - wanted as u64,
        "runs": runs, "seconds": rounded(seconds), "clock_rate": rate, "stats": stats,
    }))
}

/// How many live records carry each anchor.
async fn by_anchor(emulator: &Emulator, kind: &str, attribute: &str) -> anyhow::Result<BTreeMap<String, u64>> {
    let (mut found, mut after) = (BTreeMap::new(), String::new());
    loop {
        let page = emulator.get(&format!("state?kind={kind}{after}")).await?;
        for record in page["value"].as_array().context("no records")? {
            let anchor = record[attribute].as_str().unwrap_or("without an anchor").to_owned();
            *found.entry(anchor).or_default() += 1;
        }
        match page["next"].as_str() {
            Some(next) => after = format!("&after={next}"),
            None => return Ok(found),
        }
    }
}
