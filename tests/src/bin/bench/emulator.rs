//! How much memory a large tenant needs, and how fast its users are listed.

use std::time::Instant;

use anyhow::Context as _;
use serde_json::{Value as Json, json};

use crate::population::Population;
use crate::process::Emulator;

/// Objects in one seed request.
const SEED: u64 = 10_000;
const SELECT: &str =
    "id,userPrincipalName,displayName,givenName,surname,jobTitle,department,employeeId,accountEnabled,usageLocation";

/// Seeds users with ten memberships each, and reads all of them, 999 at a time.
pub(crate) async fn run(users: u64) -> anyhow::Result<Json> {
    let folder = tempfile::tempdir()?;
    let emulator = Emulator::start(folder.path(), &["--profile", "ideal", "--log-kept", "10"]).await?;
    let begun = Instant::now();
    seed(&emulator, Population::new(users, 10)).await?;
    let seed_seconds = begun.elapsed().as_secs_f64();
    let mut pages = list(&emulator, users).await?;
    pages.sort_by(f64::total_cmp);
    let at = |share: f64| pages.get(((pages.len() as f64 * share) as usize).min(pages.len() - 1)).copied().unwrap_or_default();
    let state = emulator.get("state").await?;
    let (rss, peak) = emulator.memory()?;
    Ok(json!({
        "benchmark": "emulator", "users": state["users"], "memberships": state["references"], "rss_mib": rounded(rss),
        "peak_rss_mib": rounded(peak), "page_ms": rounded(at(0.5)), "page_p95_ms": rounded(at(0.95)), "pages": pages.len(),
        "seed_seconds": rounded(seed_seconds),
    }))
}

/// Fills the tenant through the control plane, page by page.
pub(crate) async fn seed(emulator: &Emulator, population: Population) -> anyhow::Result<()> {
    for first in (0..population.users()).step_by(SEED as usize) {
        let last = (first + SEED).min(population.users());
        let users: Vec<Json> = (first..last).map(|n| population.user_record(n)).collect();
        emulator.post("seed", &json!({ "users": users })).await?;
    }
    for first in (0..population.groups()).step_by(SEED as usize / 20) {
        let last = (first + SEED / 20).min(population.groups());
        let groups: Vec<Json> = (first..last).map(|n| population.group_record(n)).collect();
        emulator.post("seed", &json!({ "groups": groups })).await?;
    }
    Ok(())
}

/// Milliseconds for each page, from the request to the last byte of its answer.
async fn list(emulator: &Emulator, users: u64) -> anyhow::Result<Vec<f64>> {
    let token = emulator.token().await?;
    let mut next = Some(format!("{}/v1.0/users?$top=999&$select={SELECT}", emulator.said("baseUrl")?));
    let (mut times, mut seen) = (Vec::new(), 0);
    while let Some(url) = next {
        let begun = Instant::now();
        let body = emulator.page(&url, &token).await?;
        times.push(begun.elapsed().as_secs_f64() * 1000.0);
        let page: Json = serde_json::from_slice(&body)?;
        seen += page["value"].as_array().context("a page has a value")?.len() as u64;
        next = page["@odata.nextLink"].as_str().map(str::to_owned);
    }
    anyhow::ensure!(seen == users, "{seen} of {users} users were listed");
    Ok(times)
}

fn rounded(number: f64) -> f64 {
    (number * 10.0).round() / 10.0
}
