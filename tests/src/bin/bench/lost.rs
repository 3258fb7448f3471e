//! Creates whose answers are lost, in a tenant that lags: each object must end up with exactly one record.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context as _, bail};
use entrain_model::{ObjectRef, anchor_value};
use serde_json::{Value as Json, json};

use crate::organisation::{group_id, organisation, user_id};
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
    let groups = (creates / 20).max(1);
    let users = (0..creates).map(|n| anchor_value(&ObjectRef::user(user_id(n))));
    let users = Census::of(users, &by_anchor(&emulator, "users", "onPremisesImmutableId").await?);
    let groups = (0..groups).map(|n| anchor_value(&ObjectRef::group(group_id(n))));
    let census = users.and(Census::of(groups, &by_anchor(&emulator, "groups", "uniqueName").await?));
    let state = emulator.get("state").await?;
    Ok(json!({
        "benchmark": "lost-answers", "creates": census.wanted, "lost": stats["lost"],
        "duplicates": census.duplicates, "missing": census.missing,
        "missing_memberships": (creates * 5).saturating_sub(state["references"].as_u64().unwrap_or(0)),
        "strangers": census.strangers,
        "runs": runs, "seconds": rounded(seconds), "clock_rate": rate, "stats": stats,
    }))
}

/// What is there beside what shall be there.
#[derive(Default)]
struct Census {
    wanted: u64,
    duplicates: u64,
    missing: u64,
    /// Records whose anchor is none of ours.
    strangers: u64,
}

impl Census {
    fn of(wanted: impl Iterator<Item = String>, there: &BTreeMap<String, u64>) -> Self {
        let mut census = Census { strangers: there.values().sum(), ..Census::default() };
        for anchor in wanted {
            let records = there.get(&anchor).copied().unwrap_or(0);
            census.wanted += 1;
            census.strangers -= records;
            census.missing += u64::from(records == 0);
            census.duplicates += records.saturating_sub(1);
        }
        census
    }

    fn and(self, other: Census) -> Census {
        Census {
            wanted: self.wanted + other.wanted,
            duplicates: self.duplicates + other.duplicates,
            missing: self.missing + other.missing,
            strangers: self.strangers + other.strangers,
        }
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_that_nobody_wants_hides_none_that_is_missing() {
        let there = [("a", 1), ("b", 3), ("foreign", 2)].map(|(anchor, records)| (anchor.to_owned(), records)).into();
        let Census { wanted, duplicates, missing, strangers } =
            Census::of(["a", "b", "c"].map(str::to_owned).into_iter(), &there);
        assert_eq!((wanted, duplicates, missing, strangers), (3, 2, 1, 2));
    }
}
